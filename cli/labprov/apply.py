"""Steps on live hosts: planned (nothing changes) or applied. Gives outcomes and one result a host; prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, TypeVar

from pyinfra.api import Host as EngineHost

from labprov.engine.outcome import Outcome
from labprov.engine.rehearsal import rehearse
from labprov.engine.roles import apply_role, plan_role, reboot_reasons
from labprov.engine.session import Failure, Session
from labprov.engine.target import Target
from labprov.errors import HostError
from labprov.inventory import Host
from labprov.plan import Plan
from labprov.rebooting import Asking, reboot_when_allowed, unsafe
from labprov.reboots import Reboots
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
    held: str = ""
    """Why it was not, in some words."""
    unsafe: tuple[str, ...] = ()
    """Why it had better not be, with what repairs it: it would not come back with what its roles gave it."""


@dataclass(frozen=True)
class Waiting:
    """A host that stands before a reboot which somebody is to be asked about."""

    name: str
    done: int
    """So many of its roles are done."""
    asking: Asking


@dataclass(frozen=True)
class Policy:
    """What an apply may do beyond changing what the plan shows."""

    reboots: Reboots
    verify_batches: bool = False
    """Verify each batch before the next one starts."""
    wait: float = 0.0
    """Seconds to wait for another labprov that works on the same host."""


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
    return [result(host.name, session.failures, done) for host in plan.hosts]


def preview(session: Session, plan: Plan, listener: Listener) -> list[HostResult]:
    """Find out what would change, on all hosts at once; nothing is changed."""

    def work(host: EngineHost) -> HostResult | Waiting:
        def once(listener: Listener) -> HostResult | Waiting:
            def one(role: Role, settings: RoleSettings) -> None:
                plan_role(session, host, role, settings, listener.outcome)

            return _through_roles(host, plan.of_host(host.name), one, listener)

        return rehearse(session, host, once, listener)

    results = _results(session, plan, work, session.alive())
    return [result for result in results if isinstance(result, HostResult)]


def apply(
    session: Session, plan: Plan, policy: Policy, listener: Listener, hosts: Mapping[str, int]
) -> list[HostResult | Waiting]:
    """Carry the plan out on ``hosts`` at once, each at its own pace; a host stops at its first failure.

    ``hosts``: name -> how many of its roles are done already; 0, or what a host told that was waiting.
    """

    def work(host: EngineHost) -> HostResult | Waiting:
        roles = plan.of_host(host.name)

        def one(role: Role, settings: RoleSettings) -> None:
            apply_role(session, host, role, settings, listener.outcome)

        def between(done: int) -> str:
            if not reboot_reasons(host):
                return ""
            return reboot_when_allowed(session, host, roles, roles[done - 1][0].name, policy.reboots, listener)

        with session.locked(host, policy.wait):
            result = _through_roles(host, roles, one, listener, between, hosts[host.name])
            if isinstance(result, HostResult) and result.reboot:
                return replace(result, unsafe=unsafe(host, roles))
            return result

    return _results(session, plan, work, list(hosts))


def _nothing(_done: int) -> str:
    return ""


def _through_roles(
    host: EngineHost,
    roles: Sequence[tuple[Role, RoleSettings]],
    work: Work,
    listener: Listener,
    between: Callable[[int], str] = _nothing,
    done: int = 0,
) -> HostResult | Waiting:
    """Run ``work`` for each role of a host but the first ``done``, in order; the first failure ends the host.

    ``between``: what comes after so many roles; it gives why the host was not rebooted.
    """
    held = ""
    for number, (role, settings) in enumerate(roles, 1):
        if number < done:
            continue
        listener.role_started(host.name, role.name)
        try:
            if number > done:
                work(role, settings)
            held = between(number)
        except Asking as asking:
            return Waiting(host.name, number, asking)
        except HostError as error:
            return HostResult(host.name, Status.FAILED, str(error), tuple(role.name for role, _ in roles[number:]))
        finally:
            listener.role_ended(host.name, role.name)
    reasons = reboot_reasons(host)
    return HostResult(host.name, Status.OK, reboot=reasons, held=held if reasons else "")


def _results(
    session: Session, plan: Plan, work: Callable[[EngineHost], HostResult | Waiting], names: Sequence[str]
) -> list[HostResult | Waiting]:
    done = session.each(work, names)
    about = {*names, *session.failures}
    return [result(host.name, session.failures, done) for host in plan.hosts if host.name in about]


R = TypeVar("R", HostResult, HostResult | Waiting)


def result(name: str, unreachable: Mapping[str, Failure], done: Mapping[str, R | Failure]) -> R | HostResult:
    """How a host came out of a stage, from what its work gave."""
    if name in unreachable:
        return HostResult(name, Status.UNREACHABLE, str(unreachable[name].error))
    found = done[name]
    return HostResult(name, Status.FAILED, str(found.error)) if isinstance(found, Failure) else found
