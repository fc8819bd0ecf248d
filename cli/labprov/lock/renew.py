"""Decisions that roles keep in files of their own, the same for all hosts: a role's module ``renew`` makes them.

``renew(settings, moving, told)`` asks on the host in context, writes, and tells of each decision one line, or an empty
one where nothing moved; what another host has told is not asked again. Knows no role by name.
"""

from __future__ import annotations

from pyinfra.api import Host

from labprov.engine.session import Failure, Session
from labprov.lock.run import Locking


def renew(locking: Locking, session: Session) -> tuple[list[str], dict[str, Failure]]:
    """What moved, one line each, and the hosts on which something could not be asked. One host after the other."""
    told: dict[str, str] = {}
    failed: dict[str, Failure] = {}

    def ask(host: Host) -> None:
        for role, settings in locking.followed.plan.of_host(host.name):
            if role.renew:
                role.renew(settings, locking.moving(host.name, role.name), told)

    for name in locking.profiles:
        outcome = session.each(ask, [name])[name]
        if isinstance(outcome, Failure):
            failed[name] = outcome
    return [line for line in told.values() if line], failed
