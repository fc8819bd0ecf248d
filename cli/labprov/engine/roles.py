"""One role on one host, planned or applied. The only bridge between a role's tasks and pyinfra's State."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from gevent import GreenletExit
from pyinfra.api import Host
from pyinfra.api.exceptions import NestedOperationError, PyinfraError
from pyinfra.api.state import StateStage

from labprov.engine.facts.reboot import RebootReasons
from labprov.engine.outcome import Outcome, Result
from labprov.engine.recorder import Progress
from labprov.engine.session import Session
from labprov.errors import HostError

Report = Callable[[Outcome], None]


class RoleOnHost(Protocol):
    """What the engine needs of a role."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def tasks(self) -> Callable[[Any], Any]:
        """Its ``@deploy`` function."""

    def skip_reason(self, settings: Any) -> str | None:
        """Why the host in context does not get it."""


def plan_role(session: Session, host: Host, role: RoleOnHost, settings: Any, report: Report) -> None:
    """Find out what the role would change on the host; nothing is changed. Raises HostError when it cannot be told."""
    session.state.is_executing = False
    _run(session, host, role, settings, report, planning=True)


def apply_role(session: Session, host: Host, role: RoleOnHost, settings: Any, report: Report) -> None:
    """Carry the role out on the host. Raises HostError at the first operation that fails."""
    if session.state.current_stage < StateStage.Execute:
        session.state.set_stage(StateStage.Execute)
    session.state.is_executing = True  # pyinfra's immediate mode: each operation runs as it is called
    _run(session, host, role, settings, report, planning=False)


def reboot_reasons(host: Host) -> tuple[str, ...]:
    """Why the host should be rebooted, as roles noted it."""
    reasons: list[str] = host.get_fact(RebootReasons)
    return tuple(reasons)


def _run(session: Session, host: Host, role: RoleOnHost, settings: Any, report: Report, planning: bool) -> None:
    started = time.time()
    connection = session.connection(host)
    progress = Progress(role.name, report, planning, lambda: connection.round_trips)
    session.state.progress[host.name] = progress

    def record(result: Result, reason: str) -> None:
        name = progress.operation if progress.busy else "Find out what the host needs"
        report(Outcome(host.name, role.name, name, result, reason=reason, started=started))

    try:
        reason = role.skip_reason(settings)
        if reason:
            record(Result.SKIPPED, reason)
            return
        role.tasks(settings)
        if progress.said:  # after the last operation
            report(Outcome(host.name, role.name, "Warn", Result.UNCHANGED, warnings=progress.warnings()))
    except GreenletExit:  # Ctrl-C
        if progress.busy and not planning:
            record(Result.FAILED, "interrupted, half done: its command may still run there")
        raise
    except NestedOperationError:  # the operation failed and has been recorded
        raise HostError(f"{role.name}: {progress.operation!r} failed: {progress.reason}") from None
    except (PyinfraError, HostError, OSError, TimeoutError) as error:
        record(Result.FAILED, str(error) or type(error).__name__)
        raise HostError(f"{role.name}: {str(error) or type(error).__name__}") from error
