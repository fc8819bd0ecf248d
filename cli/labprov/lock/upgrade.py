"""``lock --upgrade WHAT``: which roles on which hosts are to move. Pure: names in, a predicate out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from labprov.errors import UserError
from labprov.lock.model import Section
from labprov.plan import Plan

EVERYTHING = "everything"
"""What ``--upgrade`` without a name means."""

Moving = Callable[[str, str], bool]
"""Of a host and a role."""


def moving(plan: Plan, section: Section, names: Sequence[str]) -> Moving:
    """What ``names`` mean: roles, locked packages (all of their role moves), hosts, groups and their patterns.

    Raises UserError for a name that is none of these.
    """
    roles = {step.role.name for step in plan.steps}
    every = EVERYTHING in names
    wanted_roles: set[str] = set()
    wanted_hosts: set[str] = set()
    for name in names:
        if name in roles:
            wanted_roles.add(name)
        elif owners := _owners(section, name):
            wanted_roles |= owners & roles
        elif name != EVERYTHING:
            wanted_hosts |= _hosts(plan, name)
    return lambda host, role: every or role in wanted_roles or host in wanted_hosts


def _owners(section: Section, package: str) -> set[str]:
    entries = (pair for one in section.classes.values() for pair in one.roles.items())
    return {role for role, entry in entries if package in entry.packages}


def _hosts(plan: Plan, name: str) -> set[str]:
    try:
        return {host.name for host in plan.inventory.select([name])}
    except UserError:
        hint = f"roles of {plan.deploy.name}: {', '.join(step.role.name for step in plan.steps)}"
        raise UserError(f"--upgrade: {name!r} is no role, locked package, host or group", hint=hint) from None
