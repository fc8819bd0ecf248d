"""Inventory and deploy to steps: one role on the hosts that have it, with validated settings. Touches no host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from labprov import role as roles
from labprov.deploy import Deploy
from labprov.errors import UserError, Where
from labprov.inventory import Host, Inventory
from labprov.role import Role, RoleSettings


@dataclass(frozen=True)
class Step:
    """One role on the hosts that have it."""

    role: Role
    hosts: tuple[tuple[str, RoleSettings], ...]
    """Host name and that host's settings, in the order of the inventory."""


@dataclass(frozen=True)
class Plan:
    """What is to be brought about where."""

    deploy: Deploy
    inventory: Inventory
    hosts: tuple[Host, ...]
    steps: tuple[Step, ...]

    def of_host(self, name: str) -> list[tuple[Role, RoleSettings]]:
        """The roles of one host, in order, with its settings."""
        return self._by_host.get(name, [])

    @cached_property
    def _by_host(self) -> dict[str, list[tuple[Role, RoleSettings]]]:
        found: dict[str, list[tuple[Role, RoleSettings]]] = {}
        for step in self.steps:
            for host, settings in step.hosts:
                found.setdefault(host, []).append((step.role, settings))
        return found


def make(deploy: Deploy, inventory: Inventory, hosts: Sequence[Host], only: Sequence[str] = ()) -> Plan:
    """Resolve the settings of every role on every host. Raises UserError before any host is touched.

    ``only`` limits the plan to these roles of the deploy.
    """
    if compat := inventory.compat.plain():
        from labprov.compat import tables  # few inventories have rows of their own

        tables.load().with_overrides(compat, inventory.compat.where)
    for name, where in inventory.roles.items():
        roles.load(name, where)
    chosen = _limit_roles(deploy, only)
    steps = tuple(Step(role, tuple((host.name, settings_of(role, host)) for host in hosts)) for role in chosen)
    for host in hosts:  # settings of roles outside this deploy are checked all the same: a typo should not wait
        for name in sorted(set(host.settings) - {role.name for role in chosen}):
            settings_of(roles.load(name), host)
    return Plan(deploy, inventory, tuple(hosts), steps)


@dataclass(frozen=True)
class Locked:
    """What a lock has for a role on a host."""

    values: Mapping[str, Any]
    """Option -> value; each wins over the inventory's, which it does not contradict."""
    packages: Mapping[str, str]
    """Package -> version."""
    where: Callable[..., Where]
    """Where an option is in the lock."""


def settings_of(role: Role, host: Host, locked: Locked | None = None) -> RoleSettings:
    """The role's settings on the host, with the inventory's mirrors. Raises UserError naming file, line and key."""
    options = host.options(role.name)
    values = options.plain()
    if "compat" in values:
        raise UserError("stands at the top of the inventory, for all hosts", options.where("compat"))
    if "locked_packages" in values:
        raise UserError("stands in labprov.lock, which labprov writes", options.where("locked_packages"))
    values["compat"] = host.compat.plain()
    if locked:
        values |= {**locked.values, "locked_packages": dict(locked.packages)}
    inherited = "mirrors" not in values
    if inherited:
        values["mirrors"] = host.mirrors.plain()

    def where(*path: str | int) -> Where:
        if locked and path and path[0] in locked.values:
            return locked.where(*path)
        return host.mirrors.where(*path[1:]) if inherited and path[:1] == ("mirrors",) else options.where(*path)

    return role.settings(values, where)


def _limit_roles(deploy: Deploy, only: Sequence[str]) -> list[Role]:
    names = [role.name for role in deploy.roles]
    for name in only:
        if name not in names:
            raise UserError(f"the deploy {deploy.name} has no role {name!r}", hint=f"its roles: {', '.join(names)}")
    return [role for role in deploy.roles if not only or role.name in only]
