"""Steps on live hosts: planned (nothing changes) or applied. Gives outcomes and one result a host; prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pyinfra.api import Host as EngineHost

from labprov.engine.outcome import Outcome
from labprov.engine.reboot import reboot
from labprov.engine.rehearsal import rehearse
from labprov.engine.roles import apply_role, plan_role, reboot_reasons
from labprov.engine.session import Failure, Session
from labprov.engine.target import Target
from labprov.errors import HostError
from labprov.inventory import Host
from labprov.plan import Plan
from labprov.role import Role, RoleSettings


class Listener(Protocol):
    """Who is told what happens, as it happens."""

    def role_started(self, host: str, role: str) -> None:
        """A role begins on a host."""

    def outcome(self, outcome: Outcome) -> None:
        """An operation ended."""

    def role_ended(self, host: str, role: str) -> None:
        """A role ended on a host, well or not."""


Work = Callable[[Role, RoleSettings], None]


class Status(StrEnum):
    """How a host came out."""

    OK = "ok"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    NOT_STARTED = "not started"
    """An earlier batch had too many failures."""


@dataclass(frozen=True)
class HostResult:
    """One host after a plan or an apply."""

    name: str
    status: Status
    reason: str = ""
    """Why it is not ok, in one line."""
    not_run: tuple[str, ...] = ()
    """Roles that were not reached because an earlier one failed."""
    reboot: tuple[str, ...] = ()
    """Why it should be rebooted; empty when it need not be."""


@dataclass(frozen=True)
class Policy:
    """What an apply may do beyond changing what the plan shows."""

    may_reboot: bool = False
    verify_batches: bool = False
    """Verify each batch before the next one starts."""
    wait: float = 0.0
    """Seconds to wait for another labprov that works on the same host."""
    reboot_timeout: float = 900.0
    """Seconds within which a rebooted host must be back."""


def targets(hosts: Sequence[Host]) -> list[Target]:
    """The engine's view of the inventory's hosts."""
    names = ("port", "user", "key", "sudo", "known_hosts", "host_keys", "jump", "connect_timeout")
    return [
        Target(host.name, host.connection.address, **{name: getattr(host.connection, name) for name in names})
        for host in hosts
    ]


def not_started(host: HostResult) -> HostResult:
    """The host left alone because an earlier batch had too many failures."""
    return HostResult(host.name, Status.NOT_STARTED, "too many hosts of earlier batches failed (max_failures)")


def connect(session: Session, plan: Plan) -> list[HostResult]:
    """Connect to all hosts at once; a host that waits for a reboot says so."""
    session.connect()
    done = session.each(lambda host: HostResult(host.name, Status.OK, reboot=reboot_reasons(host)))
    return [_result(host.name, session.failures, done) for host in plan.hosts]


def preview(session: Session, plan: Plan, listener: Listener) -> list[HostResult]:
    """Find out what would change, on all hosts at once; nothing is changed."""

    def work(host: EngineHost) -> HostResult:
        def once(listener: Listener) -> HostResult:
            def one(role: Role, settings: RoleSettings) -> None:
                plan_role(session, host, role, settings, listener.outcome)

            return _through_roles(host, plan.of_host(host.name), one, listener)

        return rehearse(session, host, once, listener)

    return _results(session, plan, work, session.alive())


def apply(session: Session, plan: Plan, policy: Policy, listener: Listener, hosts: Sequence[str]) -> list[HostResult]:
    """Carry the plan out on ``hosts`` (names) at once, each at its own pace; a host stops at its first failure."""

    def work(host: EngineHost) -> HostResult:
        def one(role: Role, settings: RoleSettings) -> None:
            apply_role(session, host, role, settings, listener.outcome)
            if policy.may_reboot and reboot_reasons(host):
                reboot(session, host, role.name, policy.reboot_timeout, listener.outcome)

        with session.locked(host, policy.wait):
            return _through_roles(host, plan.of_host(host.name), one, listener)

    return _results(session, plan, work, hosts)


def _through_roles(
    host: EngineHost, roles: Sequence[tuple[Role, RoleSettings]], work: Work, listener: Listener
) -> HostResult:
    """Run ``work`` for each role of a host, in order; the first failure ends the host."""
    for index, (role, settings) in enumerate(roles):
        listener.role_started(host.name, role.name)
        try:
            work(role, settings)
        except HostError as error:
            not_run = tuple(role.name for role, _ in roles[index + 1 :])
            return HostResult(host.name, Status.FAILED, str(error), not_run)
        finally:
            listener.role_ended(host.name, role.name)
    return HostResult(host.name, Status.OK, reboot=reboot_reasons(host))


def _results(
    session: Session, plan: Plan, work: Callable[[EngineHost], HostResult], names: Sequence[str]
) -> list[HostResult]:
    done = session.each(work, names)
    about = {*names, *session.failures}
    return [_result(host.name, session.failures, done) for host in plan.hosts if host.name in about]


def _result(name: str, unreachable: Mapping[str, Failure], done: Mapping[str, HostResult | Failure]) -> HostResult:
    if name in unreachable:
        return HostResult(name, Status.UNREACHABLE, str(unreachable[name].error))
    result = done[name]
    return HostResult(name, Status.FAILED, str(result.error)) if isinstance(result, Failure) else result
