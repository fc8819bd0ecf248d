"""From what a role says of a host to an entry of the lock. Knows no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python
from pyinfra.api import Host as EngineHost

from labprov.lock import classes
from labprov.lock.ask import FreshVersions, PackageVersions, Versions, pick
from labprov.lock.found import Found
from labprov.lock.model import Entry, HostClass, Tables
from labprov.lock.profile import Profile
from labprov.role import Role, RoleSettings

if TYPE_CHECKING:
    from labprov.compat import tables as compat


@dataclass(frozen=True)
class Item:
    """One role on one host, about to be locked."""

    role: Role
    settings: RoleSettings
    """With what is locked already in them."""
    given: Mapping[str, Any]
    """What the inventory names."""
    before: Entry | None = None
    """What is locked already, or was until now."""
    moving: bool = False
    """Whether it is to move to what is newest."""

    @property
    def settled(self) -> Mapping[str, str]:
        """Versions that stay."""
        return self.settings.locked_packages

    def found(self, profile: Profile, versions: Mapping[str, str]) -> Found:
        """What the role says. Raises HostError when nothing works on a host like that."""
        assert self.role.lock is not None
        found: Found = self.role.lock.lock(self.settings, profile, versions)
        return found


def needs(item: Item, profile: Profile) -> bool:
    """Whether the lock has less than all about the role, or it is to move. Raises HostError as the role does."""
    if item.before is None or item.moving or item.before.given != item.given:
        return True
    return bool(_open(item.found(profile, item.settled), item.settled))


def ask(host: EngineHost, items: Iterable[Item], profile: Profile) -> dict[str, Entry]:
    """Role -> what to lock on the host in context; a role that the host does not get is left out.

    Raises HostError when nothing works there.
    """
    entries = {}
    for item in items:
        if not item.role.skip_reason(item.settings):
            entries[item.role.name] = _entry(item, profile, _versions(host, item, profile))
    return entries


def host_class(profile: Profile, known: compat.Tables, roles: Mapping[str, Entry], decided: Tables | None) -> HostClass:
    """What the lock says of a host like that; ``decided``: the tables that did, when they were not these."""
    mark = decided or Tables(collected=known.version, sha256=known.fingerprint)
    return HostClass(**classes.hardware(profile, known).model_dump(), tables=mark, roles=dict(sorted(roles.items())))


def _entry(item: Item, profile: Profile, versions: Mapping[str, str]) -> Entry:
    found = item.found(profile, versions)
    decided = {name: value for name, value in found.settings.items() if value is not None and _left_open(name, item)}
    same = item.before is not None and not item.moving
    return Entry(
        given=dict(item.given),
        settings=to_jsonable_python(decided),
        packages={name: versions[name] for name in sorted(_names(found.packages)) if name in versions},
        keys=dict(found.keys),
        installers=dict(found.installers),
        # With the lock's settings in place nothing is left to be reasoned about.
        reasons=(item.before.reasons if same and item.before else ()) or found.reasons,
    )


def _versions(host: EngineHost, item: Item, profile: Profile) -> dict[str, str]:
    found = item.found(profile, item.settled)
    wanted = _open(found, item.settled)
    known: dict[str, Versions] = {}
    if wanted and item.moving:
        sources = tuple(sorted(found.keys))
        known = host.get_fact(FreshVersions, packages=tuple(sorted(_names(wanted))), sources=sources)
    elif wanted:
        known = host.get_fact(PackageVersions, packages=tuple(sorted(_names(wanted))))
    return {**item.settled, **_kept(item, wanted), **pick(wanted, known, item.moving)}


def _kept(item: Item, wanted: Iterable[str]) -> dict[str, str]:
    """Locked versions that still fit, for packages of which no repository could be asked."""
    before = item.before.packages if item.before else {}
    pairs = ((name, pattern or "*") for name, _, pattern in (spec.partition("=") for spec in wanted))
    return {name: before[name] for name, pattern in pairs if name in before and fnmatchcase(before[name], pattern)}


def _open(found: Found, versions: Mapping[str, str]) -> list[str]:
    """Packages, as ``name`` or ``name=PATTERN``, of which no version is locked."""
    return [spec for spec in found.packages if spec.partition("=")[0] not in versions]


def _names(specs: Iterable[str]) -> list[str]:
    return [spec.partition("=")[0] for spec in specs]


def _left_open(name: str, item: Item) -> bool:
    """Whether the inventory leaves a setting open, if only within a pattern."""
    named = item.given.get(name)
    return named is None or (isinstance(named, str) and "*" in named)
