"""The lock in a run over live hosts: followed from its start, recorded after an apply. Prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pyinfra.api import Host as EngineHost

from labprov import plan as plans
from labprov import role as roles
from labprov.engine.session import Failure, Session
from labprov.lock import classes, file, profile, resolve
from labprov.lock.follow import Followed, follow, given, nothing
from labprov.lock.model import Entry, Hardware, HostClass
from labprov.lock.profile import Profile
from labprov.lock.resolve import Item
from labprov.plan import Plan
from labprov.role import Role, RoleSettings

if TYPE_CHECKING:
    from labprov.compat.tables import Tables

LOOK = profile.COMMANDS
"""The questions of ``Locking.look``, for a run that asks everything at once."""


class Locking:
    """The lock of a plan's hosts. ``followed`` is the plan to go by."""

    def __init__(self, base: Plan, moving: Callable[[str, str], bool] = nothing) -> None:
        """Raises UserError for a damaged lock, and one that contradicts the inventory; no host was touched.

        ``moving(host, role)``: what is to move to what is newest.
        """
        self.base, self.moving = base, moving
        self.lock = file.load(base.inventory.path)
        self.profiles: dict[str, Profile] = {}
        self.hardware: dict[str, Hardware] = {}
        self.followed: Followed = follow(base, self.lock, {}, moving)

    @cached_property
    def tables(self) -> Tables:
        """The tables of this release with the inventory's on top."""
        from labprov.compat import tables  # first looked up while the hosts are at work

        return tables.of(self.base.inventory.compat.plain())

    def look(self, session: Session) -> None:
        """Find out what the hosts are: those that are new get what is locked for others like them."""
        known = session.each(profile.ask)
        self.profiles = {name: one for name, one in known.items() if not isinstance(one, Failure)}
        self.hardware = {name: classes.hardware(one, self.tables) for name, one in self.profiles.items()}
        self.followed = follow(self.base, self.lock, self.hardware, self.moving)

    def own(self, host: str) -> HostClass | None:
        """The class that the lock has the host in, unless the host is another by now."""
        one = self.lock.section.classes.get(self.lock.section.hosts.get(host, ""))
        return one if one and one.same(self.hardware.get(host, one)) else None

    def items(self, host: str) -> list[Item]:
        """The roles of a host of which something is locked."""
        inventory, base = self.base.inventory.hosts[host], self._settings(host)
        found = []
        for role, settings in self.followed.plan.of_host(host):
            if role.lock is not None:
                held, moving = self.followed.held.get((host, role.name)), self.moving(host, role.name)
                before = held.entry if held else self._entry(host, role) if moving else None
                found.append(Item(role, settings, given(role, inventory, base[role.name]), before, moving))
        return found

    def resolve(self, session: Session, names: Iterable[str]) -> tuple[dict[str, HostClass], dict[str, Failure]]:
        """Host -> what to lock, for those of the named hosts of which the lock has less than all; and what failed."""
        found = session.each(self._resolve, [name for name in names if name in self.profiles])
        failed = {name: one for name, one in found.items() if isinstance(one, Failure)}
        classes = {name: one for name, one in found.items() if isinstance(one, HostClass)}
        return classes, failed

    def record(self, changed: Mapping[str, HostClass], gone: Sequence[str] = ()) -> dict[str, list[str]]:
        """Write what was resolved. Returns class -> hosts that were written into it.

        Raises UserError when the file cannot be written.
        """
        if not changed and not gone:
            return {}
        section = file.update(self.lock, lambda now: classes.regroup(now, classes.spread(now, changed), gone))
        into: dict[str, list[str]] = {}
        for host in sorted(changed):
            into.setdefault(section.hosts[host], []).append(host)
        return into

    def _resolve(self, host: EngineHost) -> HostClass | None:
        here, own = self.profiles[host.name], self.own(host.name)
        items = self.items(host.name)
        todo = [item for item in items if resolve.needs(item, here)]
        done = {item.role.name: item.before for item in items if item not in todo and item.before}
        entries = resolve.ask(host, todo, here)
        if not entries and own and all(own.roles.get(name) == entry for name, entry in done.items()):
            return None
        if not entries and not own and (like := self._like(host.name, done)):
            return like
        anew = any(item.before is None or item.moving for item in todo if item.role.name in entries)
        held = own or next((self._class(host.name, name) for name in done), None)
        decided = held.tables if held and not anew else None
        every: dict[str, Entry] = {**(own.roles if own else {}), **done, **entries}
        return resolve.host_class(here, self.tables, every, decided)

    def _like(self, host: str, done: Mapping[str, Entry]) -> HostClass | None:
        """The class of a new host: all that it follows is from there, and of the rest it names the same."""
        names = {self.followed.held[host, role].name for role in done}
        if len(names) != 1:
            return None
        one = self.lock.section.classes[names.pop()]
        rest = [roles.load(name) for name in one.roles if name not in done and name in roles.names()]
        inventory = self.base.inventory.hosts[host]
        said = {role.name: given(role, inventory, plans.settings_of(role, inventory)) for role in rest}
        return one if all(one.roles[name].given == named for name, named in said.items()) else None

    def _class(self, host: str, role: str) -> HostClass:
        return self.lock.section.classes[self.followed.held[host, role].name]

    def _entry(self, host: str, role: Role) -> Entry | None:
        own = self.own(host)
        return own.roles.get(role.name) if own else None

    def _settings(self, host: str) -> dict[str, RoleSettings]:
        return {role.name: settings for role, settings in self.base.of_host(host)}
