"""The lock as a layer of settings: a role's defaults < the lock < the inventory. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from labprov import plan as plans
from labprov.errors import UserError, Where
from labprov.inventory import Host
from labprov.lock.file import Lock
from labprov.lock.model import Entry, Hardware
from labprov.plan import Plan, Step
from labprov.role import Role, RoleSettings

Key = tuple[str, str]
"""Host and role."""


@dataclass(frozen=True)
class Held:
    """What the lock has for a role on a host."""

    name: str
    """The class that it comes from."""
    entry: Entry


@dataclass(frozen=True)
class Followed:
    """A plan with the lock's settings in it."""

    plan: Plan
    held: Mapping[Key, Held]


def nothing(_host: str, _role: str) -> bool:
    """Leave out nothing."""
    return False


def follow(
    base: Plan, lock: Lock, hardware: Mapping[str, Hardware], leave_out: Callable[[str, str], bool] = nothing
) -> Followed:
    """Fill what the inventory leaves open in ``base``; ``hardware`` says what hosts are, as far as that is known.

    ``leave_out(host, role)``: what the lock has there does not count, because it is about to move. Raises UserError
    where the inventory names something else than the lock.
    """
    if not lock.section.classes:  # the roles' own modules of the lock need not be imported yet
        return Followed(base, {})
    held: dict[Key, Held] = {}
    steps = []
    hosts = {host.name: host for host in base.hosts}
    for step in base.steps:
        rows = []
        for name, settings in step.hosts:
            one = None
            if step.role.lock and not leave_out(name, step.role.name):
                one = _held(lock, step.role, hosts[name], settings, hardware.get(name))
            if one:
                held[name, step.role.name] = one
                settings = _filled(base, lock, step.role, hosts[name], settings, one)
            rows.append((name, settings))
        steps.append(Step(step.role, tuple(rows)))
    return Followed(replace(base, steps=tuple(steps)), held)


def given(role: Role, host: Host, settings: RoleSettings) -> dict[str, Any]:
    """What the inventory names for the host of what the role can lock, as plain data."""
    if role.lock is None:
        return {}
    named = set(host.options(role.name))
    said = settings.model_dump(mode="json", include={name for name in role.lock.FIELDS if name in named})
    return {name: value for name, value in said.items() if value is not None}


def agrees(named: Any, locked: Any) -> bool:
    """Whether what an inventory names leaves room for what is locked: the same, or a pattern that fits it."""
    if isinstance(named, str) and isinstance(locked, str) and "*" in named:
        return fnmatchcase(locked, named)
    return bool(named == locked)


def _held(lock: Lock, role: Role, host: Host, settings: RoleSettings, hardware: Hardware | None) -> Held | None:
    """The host's own entry while the host is what it was, else that of the first class of hosts like it."""
    section = lock.section
    name = section.hosts.get(host.name, "")
    own = section.classes[name] if name else None
    if own and (hardware is None or own.hardware.same(hardware)) and role.name in own.roles:
        return Held(name, own.roles[role.name])
    said = given(role, host, settings)
    for other, one in sorted(section.classes.items()):
        entry = one.roles.get(role.name)
        if hardware and entry and one.hardware.same(hardware) and entry.given == said:
            return Held(other, entry)
    return None


def _filled(base: Plan, lock: Lock, role: Role, host: Host, settings: RoleSettings, held: Held) -> RoleSettings:
    named, entry = given(role, host, settings), held.entry

    def at(*path: str | int) -> Where:
        kind = "given" if path and path[0] in entry.given and path[0] not in entry.settings else "settings"
        return lock.where("classes", held.name, "roles", role.name, kind, *path)

    def contradiction(field: str, locked: Any) -> UserError:
        hint = f"to move the lock: labprov lock {base.deploy.name} --upgrade {role.name}"
        where = host.options(role.name).where(field)
        there = at(field)
        said = f"contradicts {there.file}:{there.line}, which has {_shown(locked)} for {host.name}"
        return UserError(said, where, hint)

    free = getattr(role.lock, "FREE", ())
    values = {name: value for name, value in entry.settings.items() if name not in getattr(role.lock, "TOLD", ())}
    for field, locked in entry.given.items():
        if field not in named and field not in free:
            values[field] = locked  # named once, open now: it stays
        elif field in named and field not in free and not agrees(named[field], locked):
            raise contradiction(field, locked)
    for field, locked in entry.settings.items():
        if field in named and not agrees(named[field], locked):
            raise contradiction(field, locked)
    try:
        return plans.settings_of(role, host, plans.Locked(values, entry.packages, at))
    except UserError as error:
        hint = f"labprov lock {base.deploy.name} --upgrade {role.name}"
        raise UserError(f"the lock does not go with the inventory: {error}", at(), hint) from None


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
