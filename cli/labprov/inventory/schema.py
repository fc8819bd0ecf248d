"""Which keys stand where in an inventory, and what kind of value each has.

Options of roles and values of connections are not looked at here: their own types check a host's merged values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from labprov.errors import UserError, Where
from labprov.inventory.connection import KEYS as CONNECTION_KEYS
from labprov.inventory.names import did_you_mean, expand, is_name
from labprov.inventory.templates import NAMES as TEMPLATE_NAMES
from labprov.inventory.tree import Items, Leaf, Map, Node

COMMON_KEYS = ("vars", *CONNECTION_KEYS, "mirrors", "settings")
TOP_KEYS = (*COMMON_KEYS, "groups", "hosts", "simulation")
GROUP_KEYS = (*COMMON_KEYS, "hosts", "groups")

ALL = "all"
"""The group that every host is in."""


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One mention of one host: its name, where it stands, and what is set there (the common keys)."""

    name: str
    where: Where
    body: Map


@dataclass(frozen=True, slots=True)
class Group:
    """One group as written."""

    body: Map
    hosts: tuple[HostEntry, ...]
    children: Mapping[str, Where]


@dataclass(frozen=True, slots=True)
class Written:
    """A whole inventory as written: checked for its shape, nothing merged, nothing rendered."""

    body: Map
    groups: Mapping[str, Group]
    hosts: tuple[HostEntry, ...]
    simulation: str

    def mentions(self) -> Iterator[HostEntry]:
        """Every mention of a host, in the order of the file."""
        entries = [*self.hosts, *(entry for group in self.groups.values() for entry in group.hosts)]
        yield from sorted(entries, key=lambda entry: entry.where.line)


def check(root: Map) -> Written:
    """Check the shape of a whole inventory. Raises UserError at the first key or value that does not fit."""
    _known_keys(root, TOP_KEYS)
    groups = {name: _group(name, node) for name, node in _mapping(root, "groups").items()}
    hosts = _hosts(root)
    written = Written(_body(root), groups, hosts, _simulation(root))
    for entry in written.mentions():
        if entry.name in groups or entry.name == ALL:
            raise UserError(
                f"{entry.name!r} is a group", entry.where, "a group's children stand under its key 'groups'"
            )
    if not any(written.mentions()):
        raise UserError("names no host", Where(root.where.file), "list hosts under the key 'hosts'")
    return written


def _group(name: str, node: Node) -> Group:
    if not is_name(name):
        raise UserError("is not a group name", node.where, "letters, digits, _ . -")
    if name == ALL:
        raise UserError(
            "every host is in 'all' already", node.where, "what is for all hosts stands at the top of the file"
        )
    group = _as_mapping(node)
    _known_keys(group, GROUP_KEYS)
    return Group(_body(group), _hosts(group), _children(group))


def _children(group: Map) -> dict[str, Where]:
    node = group.entries.get("groups")
    if node is None or _is_null(node):
        return {}
    if not isinstance(node, Items):
        raise UserError("should be a list of group names", node.where)
    children: dict[str, Where] = {}
    for item in node.items:
        name = _text(item, "group")
        if name in children:
            raise UserError(f"{name!r} is listed twice (also at {children[name]})", item.where)
        children[name] = item.where
    return children


def _hosts(owner: Map) -> tuple[HostEntry, ...]:
    found: dict[str, HostEntry] = {}
    for pattern, where, body in _host_patterns(owner):
        for name in _expand(pattern, where):
            if name in found:
                raise UserError(f"the host {name!r} is written twice (also at {found[name].where})", where)
            found[name] = HostEntry(name, where, body)
    return tuple(found.values())


def _host_patterns(owner: Map) -> Iterator[tuple[str, Where, Map]]:
    node = owner.entries.get("hosts")
    if node is None or _is_null(node):
        return
    if isinstance(node, Items):
        for item in node.items:
            yield _text(item, "host"), item.where, Map({}, item.where)
    elif isinstance(node, Map):
        for pattern, child in node.entries.items():
            body = _as_mapping(child)
            _known_keys(body, COMMON_KEYS)
            yield pattern, child.where, _body(body)
    else:
        raise UserError("should be a list of hosts, or a mapping (host: values)", node.where)


def _expand(pattern: str, where: Where) -> list[str]:
    try:
        names = expand(pattern)
    except ValueError as error:
        raise UserError(f"{error}", where) from None
    if not is_name(names[0]):
        raise UserError(f"{names[0]!r} is not a host name", where, "letters, digits, _ . -")
    return names


def _body(owner: Map) -> Map:
    """Give the common keys of ``owner``, the mappings among them checked; ``settings: {docker:}`` is an empty one."""
    entries: dict[str, Node] = {key: node for key, node in owner.entries.items() if key in CONNECTION_KEYS}
    for key in ("vars", "mirrors", "settings"):
        if key in owner.entries:
            entries[key] = _as_mapping(owner.entries[key])
    if isinstance(settings := entries.get("settings"), Map):
        roles = {role: _as_mapping(node) for role, node in settings.entries.items()}
        entries["settings"] = replace(settings, entries=roles)
    for name, node in _mapping(owner, "vars").items():
        if name in TEMPLATE_NAMES:
            raise UserError(f"templates have {name!r} already", node.where, "choose another name")
    return Map(entries, owner.where)


def _simulation(root: Map) -> str:
    node = root.entries.get("simulation")
    if node is None or _is_null(node):
        return ""
    if not isinstance(node, Leaf) or not isinstance(node.value, str):
        raise UserError("should be text", node.where)
    return node.value


def _known_keys(owner: Map, known: tuple[str, ...]) -> None:
    for key, node in owner.entries.items():
        if key not in known:
            raise UserError("unknown key", node.where, did_you_mean(key, known, f"known keys: {', '.join(known)}"))


def _mapping(owner: Map, key: str) -> Mapping[str, Node]:
    node = owner.entries.get(key)
    return _as_mapping(node).entries if node is not None else {}


def _as_mapping(node: Node) -> Map:
    if isinstance(node, Map):
        return node
    if _is_null(node):
        return Map({}, node.where)
    raise UserError("should be a mapping (key: value)", node.where)


def _text(item: Node, kind: str) -> str:
    if isinstance(item, Leaf) and isinstance(item.value, str):
        return item.value
    raise UserError(f"should be the name of a {kind}", item.where, "quote a name that looks like a number")


def _is_null(node: Node) -> bool:
    return isinstance(node, Leaf) and node.value is None
