"""Where a lock is behind the times: one line each, with what to do. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from pyinfra.api import Host as EngineHost

from labprov.engine.session import Failure, Session
from labprov.errors import HostError
from labprov.lock.ask import PackageVersions, Versions
from labprov.lock.classes import name_of
from labprov.lock.follow import Held
from labprov.lock.profile import Profile
from labprov.lock.run import Locking
from labprov.role import Role, RoleSettings

Key = tuple[str, str]
"""A role, and what is to be said of it."""


def lines(locking: Locking, session: Session) -> list[str]:
    """Every reason to move the lock, or to look at a host, once for all the hosts that it is true of."""
    said: dict[str, list[str]] = {}
    for host, texts in by_host(locking, session).items():
        for text in texts:
            said.setdefault(text, []).append(host)
    return [f"{_names(hosts)}: {text}" for text, hosts in said.items()]


def by_host(locking: Locking, session: Session) -> dict[str, list[str]]:
    """The same by host: what is to be said of each, with what to type."""
    offers = session.each(lambda host: _offers(locking, host), list(locking.profiles))
    how = f"labprov lock {locking.base.deploy.name} --upgrade"
    return {
        host: [
            f"{text} ({how} {role})" if role else text for role, text in _of_host(locking, host, profile, offers[host])
        ]
        for host, profile in locking.profiles.items()
    }


def _of_host(locking: Locking, host: str, profile: Profile, offers: Mapping[str, Versions] | Failure) -> Iterator[Key]:
    name = locking.lock.section.hosts.get(host, "")
    if name and locking.own(host) is None:
        what = name_of(locking.hardware[host])
        yield "", f"is no longer what {name} was locked for, but {what}: it is looked at as a new host"
    inventory = {role.name: settings for role, settings in locking.base.of_host(host)}
    for role, settings in locking.followed.plan.of_host(host):
        held = locking.followed.held.get((host, role.name))
        if held is None:
            continue
        texts = [*_otherwise(role, inventory[role.name], held, profile), *_ages(role, settings, profile)]
        if not isinstance(offers, Failure):
            texts += _not_offered(held, offers)
        yield from ((role.name, f"{role.name}: {text}") for text in texts)


def _otherwise(role: Role, settings: RoleSettings, held: Held, profile: Profile) -> Iterator[str]:
    """What would be decided by today's tables, if nothing were locked."""
    assert role.lock is not None
    try:
        now = role.lock.lock(settings, profile, {}).settings
    except HostError as error:
        yield f"without the lock it would be refused: {error}"
        return
    told = getattr(role.lock, "TOLD", ())
    for name, locked in held.entry.settings.items():
        value = list(now[name]) if isinstance(now.get(name), tuple) else now.get(name)
        if name not in told and value is not None and value != locked:
            if len(str(value)) < 40:
                yield f"{name} {_shown(locked)} is locked, today's labprov would choose {_shown(value)}"
            else:
                yield f"another {name} is locked than today's labprov would choose"


def _ages(role: Role, settings: RoleSettings, profile: Profile) -> list[str]:
    function = getattr(role.lock, "ages", None)
    try:
        return list(function(settings, profile, date.today())) if function else []
    except HostError:
        return []  # the plan itself says so


def _offers(locking: Locking, host: EngineHost) -> dict[str, Versions]:
    held = (held for (name, _), held in locking.followed.held.items() if name == host.name)
    packages = sorted({package for one in held for package in one.entry.packages})
    offers: dict[str, Versions] = host.get_fact(PackageVersions, packages=tuple(packages)) if packages else {}
    return offers


def _not_offered(held: Held, offers: Mapping[str, Versions]) -> Iterator[str]:
    gone = [
        f"{name} {version}"
        for name, version in held.entry.packages.items()
        if (has := offers.get(name)) and has.installed in ("", version) and has.offered and version not in has.offered
    ]
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        yield f"{gone[0]}{more} is no longer offered by the repository: a new host could not get it"


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _names(hosts: Sequence[str]) -> str:
    return ", ".join(hosts) if len(hosts) <= 4 else f"{', '.join(hosts[:3])} and {len(hosts) - 3} more"
