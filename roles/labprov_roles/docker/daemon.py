"""Merging wanted keys into the text of Docker's daemon.json. Pure: reads no file, knows no role and no engine.

Several roles and a person write into one file, so a ledger notes which role wrote which key with which value:

* what a person added stays; so does a person's value where a role only has a default;
* a key that a role names wins over what a person wrote (the diff shows it);
* a key that a role no longer names is removed only if it still has the value that the role wrote.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NoReturn

KeyPath = tuple[str, ...]
"""A place in the file: ``("runtimes", "nvidia", "path")``."""
Ledger = Mapping[str, Mapping[KeyPath, Any]]
"""Role -> place -> the value it wrote there."""

SETS = frozenset({("registry-mirrors",), ("insecure-registries",), ("labels",)})
"""Lists that are added to; any other list is one value."""

RELOADABLE = frozenset(
    {
        "debug",
        "default-runtime",
        "insecure-registries",
        "labels",
        "live-restore",
        "max-concurrent-downloads",
        "max-concurrent-uploads",
        "max-download-attempts",
        "registry-mirrors",
        "runtimes",
        "shutdown-timeout",
    }
)
"""Keys that a running daemon takes up on SIGHUP (dockerd's documentation). ``features`` are in the documented list
too, but ``cdi`` among them is only read at the start."""

_MISSING = object()


class ConfigError(ValueError):
    """The file cannot be merged into; the text says why and where."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one role wants in the file."""

    owner: str
    """The role's name."""
    keys: Mapping[str, Any]
    """Keys that must have these values; objects are merged key by key."""
    defaults: Sequence[Mapping[str, Any]] = ()
    """Groups of keys that go together; a group is left alone when a person set one of its keys differently."""
    since: Mapping[str, int] = field(default_factory=dict)
    """Keys (dotted) that only an engine of this major version or later knows."""

    def known_to(self, major: int) -> Wanted:
        """What of it an engine of that major version knows; all of it when that is 0, not installed yet."""
        late = {tuple(key.split(".")) for key, first in self.since.items() if 0 < major < first}
        return Wanted(self.owner, _without(self.keys, late), self.defaults) if late else self


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome of a merge."""

    text: str
    """The new text; the old one when nothing changes."""
    config: Mapping[str, Any]
    """The same, parsed."""
    ledger: Ledger
    changed: frozenset[str]
    """Top-level keys whose value changes."""

    @property
    def action(self) -> str:
        """What makes a running daemon take up the change: ``""``, ``reload`` or ``restart``."""
        return "" if not self.changed else "reload" if self.changed <= RELOADABLE else "restart"


def parse(text: str) -> dict[str, Any]:
    """Parse the file; blank text is an empty object. Raises ConfigError naming line and column."""
    if not text.strip():
        return {}
    try:
        config = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ConfigError(f"line {error.lineno}, column {error.colno}: invalid JSON: {error.msg}") from None
    if not isinstance(config, dict):
        raise ConfigError(f"line 1: expected a JSON object {{...}}, found {type(config).__name__}")
    return config


def merge(text: str, ledger: Ledger, wanted: Wanted) -> Merged:
    """Merge what a role wants into ``text``. Raises ConfigError for invalid text and for roles that disagree."""
    current = parse(text)
    mine = ledger.get(wanted.owner, {})
    others = {
        path: (owner, value) for owner in ledger if owner != wanted.owner for path, value in ledger[owner].items()
    }
    named = leaves(wanted.keys)
    for group in wanted.defaults:
        flat = {path: value for path, value in leaves(group).items() if path not in named}
        if not any(_set_by_somebody_else(current, mine, path, value) for path, value in flat.items()):
            named |= flat
    _refuse_disagreement(current, named, others, wanted.owner)
    result, record = deepcopy(current), dict[KeyPath, Any]()
    for path, value in named.items():
        _write(result, record, current, mine, path, value)
    for path, value in mine.items():
        if path not in named and path not in others:
            _take_back(result, path, value)
    new_text = text if same(result, current) else json.dumps(result, indent=4, ensure_ascii=False) + "\n"
    kept = {owner: records for owner, records in ledger.items() if owner != wanted.owner}
    changed = frozenset(key for key in {*current, *result} if not same(find(current, (key,)), find(result, (key,))))
    return Merged(new_text, result, {**kept, wanted.owner: record} if record else kept, changed)


def read_ledger(text: str) -> dict[str, dict[KeyPath, Any]]:
    """Parse a ledger; one that cannot be read is empty (then nothing is ever taken back)."""
    try:
        owners = json.loads(text)["owners"]
        return {owner: {tuple(row["key"]): row["value"] for row in rows} for owner, rows in owners.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_ledger(ledger: Ledger) -> str:
    """Text of a ledger."""
    owners = {o: [{"key": list(p), "value": v} for p, v in rows.items()] for o, rows in sorted(ledger.items())}
    head = "Which labprov role wrote which key of daemon.json. Not a configuration file."
    return json.dumps({"about": head, "owners": owners}, indent=1, ensure_ascii=False) + "\n"


def both(old: Ledger, new: Ledger) -> Ledger:
    """What either ledger holds, the new one's values first: true at every moment while the file is replaced."""
    return {owner: {**old.get(owner, {}), **new.get(owner, {})} for owner in {**old, **new}}


def leaves(tree: Mapping[str, Any], above: KeyPath = ()) -> dict[KeyPath, Any]:
    """Every value that is not a (filled) object, by its place.

    >>> leaves({"features": {"cdi": True}, "debug": False})
    {('features', 'cdi'): True, ('debug',): False}
    """
    return dict(_walk(tree, above))


def _without(tree: Mapping[str, Any], places: Collection[KeyPath]) -> dict[str, Any]:
    kept = deepcopy(dict(tree))
    for place in places:
        parent = find(kept, place[:-1])
        if isinstance(parent, dict):
            parent.pop(place[-1], None)
    return kept


def find(tree: Any, path: KeyPath) -> Any:
    """The value at a place; a marker that equals nothing when there is none."""
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return _MISSING
        tree = tree[key]
    return tree


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON (``1`` and ``true`` are not)."""
    if one is _MISSING or other is _MISSING:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _walk(tree: Mapping[str, Any], above: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _walk(value, (*above, key))
        else:
            yield (*above, key), value


def _set_by_somebody_else(current: Any, mine: Mapping[KeyPath, Any], path: KeyPath, default: Any) -> bool:
    found = find(current, path)
    return found is not _MISSING and not same(found, default) and not same(found, mine.get(path, _MISSING))


def _refuse_disagreement(
    current: Any, named: Mapping[KeyPath, Any], others: Mapping[KeyPath, tuple[str, Any]], owner: str
) -> None:
    for path in named.keys() & others.keys() - SETS:
        other, theirs = others[path]
        if not same(theirs, named[path]) and same(theirs, find(current, path)):
            raise ConfigError(
                f"the roles {owner} and {other} want different values of {'.'.join(path)} "
                f"({json.dumps(named[path])} and {json.dumps(theirs)}): make them agree in the inventory, "
                f"and when {other} has given way there, apply that role first"
            )


def _write(
    result: dict[str, Any],
    record: dict[KeyPath, Any],
    current: Any,
    mine: Mapping[KeyPath, Any],
    path: KeyPath,
    value: Any,
) -> None:
    """Bring ``value`` to its place, and note in ``record`` what of it is ours rather than a person's."""
    before = find(current, path)
    if value == {} and isinstance(before, dict):
        return
    if path in SETS and isinstance(before, list) and isinstance(value, list):
        ours = mine.get(path, [])
        record_items = [item for item in value if item in ours or item not in before]
        kept = [item for item in before if item not in value and item not in ours]
        _put(result, path, [*value, *kept])
        if record_items:
            record[path] = record_items
        return
    if not same(before, value):
        _put(result, path, value)
    elif path not in mine:
        return
    record[path] = value


def _take_back(result: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Remove what a role wrote, unless a person changed it since; objects that this empties go too."""
    found = find(result, path)
    if path in SETS and isinstance(found, list):
        left = [item for item in found if item not in value]
        if left:
            _put(result, path, left)
            return
    elif not same(found, value):
        return
    parent = find(result, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
        if not parent and len(path) > 1:
            _take_back(result, path[:-1], {})


def _put(tree: dict[str, Any], path: KeyPath, value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[path[-1]] = value


def _refuse_constant(name: str) -> NoReturn:
    raise ConfigError(f"{name} is not valid JSON")
