"""Merging wanted keys into the text of Docker's daemon.json. Pure: reads no file, knows no role and no engine.

Several roles and a person write into one file, so a ledger notes which role wrote which key with which value:

* what a person added stays; so does a person's value where a role only has a default;
* a key that a role names wins over what a person wrote (the diff shows it);
* a key that a role no longer names is removed only if it still has the value that the role wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NoReturn

from labprov_roles.docker.tree import MISSING, KeyPath, find, leaves, overlap, put, same, take_out

Records = Mapping[KeyPath, Any]
"""Place -> the value that a role wrote there."""
Ledger = Mapping[str, Records]
"""Role -> what it wrote."""

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
        keys = deepcopy(dict(self.keys))
        for key, first in self.since.items():
            if 0 < major < first:
                take_out(keys, tuple(key.split(".")))
        return Wanted(self.owner, keys, self.defaults)


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
        """What makes a running daemon take up the change: ``""``, ``reload`` or ``restart``.

        A reload does not notice that a key is gone.
        """
        if not self.changed:
            return ""
        return "reload" if self.changed <= RELOADABLE & self.config.keys() else "restart"


def parse(text: str) -> dict[str, Any]:
    """Parse the file; blank text is an empty object. Raises ConfigError naming line and column."""
    if not text.strip():
        return {}
    try:
        config = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ConfigError(f"line {error.lineno}, column {error.colno}: invalid JSON: {error.msg}") from None
    except RecursionError:
        raise ConfigError("line 1: nested too deeply") from None
    if not isinstance(config, dict):
        raise ConfigError(f"line 1: expected a JSON object {{...}}, found {type(config).__name__}")
    return config


def merge(text: str, ledger: Ledger, wanted: Wanted) -> Merged:
    """Merge what a role wants into ``text``. Raises ConfigError for invalid text and for roles that disagree."""
    current = parse(text)
    kept = {owner: records for owner, records in ledger.items() if owner != wanted.owner}
    _refuse_disagreement(current, leaves(wanted.keys), kept, wanted.owner)
    merge_ = _Merge(deepcopy(current), ledger.get(wanted.owner, {}))
    merge_.require(leaves(wanted.keys))
    for group in wanted.defaults:
        merge_.suggest(leaves(group))
    merge_.take_back({path for records in kept.values() for path in records})
    result = merge_.config
    new_text = text if same(result, current) else json.dumps(result, indent=4, ensure_ascii=False) + "\n"
    changed = frozenset(key for key in {*current, *result} if not same(find(current, (key,)), find(result, (key,))))
    return Merged(new_text, result, {**kept, wanted.owner: merge_.record} if merge_.record else kept, changed)


@dataclass
class _Merge:
    """One role's turn on the parsed file."""

    config: dict[str, Any]
    """Changed in place."""
    mine: Records
    """What the role wrote in earlier turns."""
    record: dict[KeyPath, Any] = field(default_factory=dict)
    """What of the file is the role's after this turn."""
    settled: set[KeyPath] = field(default_factory=set)
    """Places that have been decided on."""

    def require(self, values: Records) -> None:
        """Bring values to their places."""
        for path, value in values.items():
            self.settled.add(path)
            self._write(path, value)

    def suggest(self, values: Records) -> None:
        """Bring values to their places unless somebody else decided on one of them."""
        free = {path: value for path, value in values.items() if not any(overlap(path, p) for p in self.settled)}
        if any(self._is_somebody_elses(path, value) for path, value in free.items()):
            self.settled |= free.keys()  # what we wrote there earlier is theirs now: it stays, and is forgotten
        else:
            self.require(free)

    def take_back(self, others: set[KeyPath]) -> None:
        """Remove what the role wrote and wants no more, unless a person changed it since or another role has it too."""
        for path, value in self.mine.items():
            if path in self.settled or path in others:
                continue
            found = find(self.config, path)
            if path in SETS and isinstance(found, list):
                left = [item for item in found if item not in value]
                put(self.config, path, left) if left else take_out(self.config, path)
            elif same(found, value):
                take_out(self.config, path)

    def _write(self, path: KeyPath, value: Any) -> None:
        before, was_mine = find(self.config, path), path in self.mine
        if value == {} and before and isinstance(before, dict):
            return
        if path in SETS and isinstance(before, list) and isinstance(value, list):
            ours = self.mine.get(path, [])
            put(self.config, path, [*value, *(item for item in before if item not in value and item not in ours)])
            value = [item for item in value if item in ours or item not in before]
            was_mine = was_mine or bool(value)
        elif not same(before, value):
            put(self.config, path, value)
            was_mine = True
        if was_mine:
            self.record[path] = value

    def _is_somebody_elses(self, path: KeyPath, default: Any) -> bool:
        above = (find(self.config, path[:depth]) for depth in range(1, len(path)))
        if any(found is not MISSING and not isinstance(found, dict) for found in above):
            return True
        found = find(self.config, path)
        return found is not MISSING and not same(found, default) and not same(found, self.mine.get(path, MISSING))


def _refuse_disagreement(current: Any, named: Records, others: Ledger, owner: str) -> None:
    for other, records in others.items():
        for path in named.keys() & records.keys() - SETS:
            if not same(records[path], named[path]) and same(records[path], find(current, path)):
                raise ConfigError(
                    f"the roles {owner} and {other} want different values of {'.'.join(path)} "
                    f"({json.dumps(named[path])} and {json.dumps(records[path])}): make them agree in the inventory, "
                    f"and when {other} has given way there, apply that role first"
                )


def _refuse_constant(name: str) -> NoReturn:
    raise ConfigError(f"{name} is not valid JSON")
