"""Which keys stand where in an inventory, and what kind of value each has.

Options of roles and values of connections are not looked at here: their own types check a host's merged values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from labprov.errors import UserError, Where
from labprov.inventory import shape
from labprov.inventory.connection import KEYS as CONNECTION_KEYS
from labprov.inventory.names import expand, is_name
from labprov.inventory.templates import NAMES as TEMPLATE_NAMES
from labprov.inventory.tree import Items, Leaf, Map, Node

SINGLE_KEYS = (*CONNECTION_KEYS, "serial", "max_failures", "reboot", "reboot_at_once", "reboot_timeout")
COMMON_KEYS = ("vars", *SINGLE_KEYS, "mirrors", "settings")
TOP_KEYS = (*COMMON_KEYS, "groups", "hosts", "compat", "simulation", "vagrant")
GROUP_KEYS = (*COMMON_KEYS, "hosts", "groups")

ALL = "all"
"""The group that every host is in."""

_CHARACTERS = "letters, digits and _ . - in between"


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
    compat: Map
    vagrant: Leaf | None = None
    """The folder of the Vagrantfile whose machines are the hosts, relative to the inventory's."""
    machines: tuple[HostEntry, ...] = ()
    """Those machines, with what Vagrant says of each; empty until somebody asks."""

    def mentions(self) -> list[HostEntry]:
        """Give every mention of a host, in the order of the file."""
        entries = [*self.hosts, *(entry for group in self.groups.values() for entry in group.hosts)]
        return sorted(entries, key=lambda entry: entry.where.line)


def check(root: Map) -> Written:
    """Check the shape of a whole inventory. Raises UserError at the first key or value that does not fit."""
    shape.known_keys(root, TOP_KEYS)
    groups = {name: _group(name, node) for name, node in shape.entries(root, "groups").items()}
    simulation = root.entries.get("simulation")
    written = Written(
        body=_body(root),
        groups=groups,
        hosts=_hosts(root),
        simulation="" if simulation is None else shape.text(simulation, "text"),
        compat=shape.mapping(root.entries.get("compat", Map({}, root.where))),
        vagrant=_folder(root.entries.get("vagrant")),
    )
    for entry in written.mentions():
        if entry.name in groups or entry.name == ALL:
            raise UserError(
                f"{entry.name!r} is a group", entry.where, "a group's children stand under its key 'groups'"
            )
    if not written.mentions() and not written.vagrant:
        raise UserError("names no host", Where(root.where.file), "list hosts under the key 'hosts'")
    return written


def _folder(node: Node | None) -> Leaf | None:
    return None if node is None else Leaf(shape.text(node, "the folder of a Vagrantfile"), node.where)


def _group(name: str, node: Node) -> Group:
    if not is_name(name):
        raise UserError("is not a group name", node.where, _CHARACTERS)
    if name == ALL:
        raise UserError("is every host already", node.where, "what is for all hosts stands at the top of the file")
    group = shape.mapping(node)
    shape.known_keys(group, GROUP_KEYS)
    return Group(_body(group), _hosts(group), _children(group))


def _children(group: Map) -> dict[str, Where]:
    node = group.entries.get("groups")
    if node is None or shape.is_null(node):
        return {}
    if not isinstance(node, Items):
        raise UserError("should be a list of group names", node.where)
    children: dict[str, Where] = {}
    for item in node.items:
        name = shape.text(item, "the name of a group")
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
    if node is None or shape.is_null(node):
        return
    if isinstance(node, Items):
        for item in node.items:
            yield shape.text(item, "the name of a host"), item.where, Map({}, item.where)
    elif isinstance(node, Map):
        for pattern, child in node.entries.items():
            body = shape.mapping(child)
            shape.known_keys(body, COMMON_KEYS)
            yield pattern, child.where, _body(body)
    else:
        raise UserError("should be a list of hosts, or a mapping (host: values)", node.where)


def _expand(pattern: str, where: Where) -> list[str]:
    try:
        names = expand(pattern)
    except ValueError as error:
        raise UserError(f"{error}", where) from None
    for name in names:
        if not is_name(name):
            raise UserError(f"{name!r} is not a host name", where, _CHARACTERS)
    return names


def _preset(node: Node) -> Map:
    """``mirrors: tuna`` is ``mirrors: {preset: tuna}``, so that more specific places can add to it."""
    named = isinstance(node, Leaf) and isinstance(node.value, str)
    return Map({"preset": node}, node.where) if named else shape.mapping(node)


def _body(owner: Map) -> Map:
    """Give the common keys of ``owner``, the mappings among them checked; ``settings: {docker:}`` is an empty one."""
    entries: dict[str, Node] = {key: node for key, node in owner.entries.items() if key in SINGLE_KEYS}
    for key in ("vars", "mirrors", "settings"):
        if key in owner.entries:
            node = owner.entries[key]
            entries[key] = _preset(node) if key == "mirrors" else shape.mapping(node)
    if isinstance(settings := entries.get("settings"), Map):
        roles = {role: shape.mapping(node) for role, node in settings.entries.items()}
        entries["settings"] = replace(settings, entries=roles)
    for name, node in shape.entries(owner, "vars").items():
        if name in TEMPLATE_NAMES:
            raise UserError(f"templates have {name!r} already", node.where, "choose another name")
    return Map(entries, owner.where)
