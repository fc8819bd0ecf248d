"""Counts over records: what a run came to, for each host and in all; and the exit code that says so. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from labprov.apply import HostResult, Status
from labprov.engine.outcome import Outcome, Result
from labprov.errors import Interrupted
from labprov.verify.checks import Check, Verdict


@dataclass
class Run:
    """Everything one command found out."""

    deploy: str
    simulation: str = ""
    inventory: str = ""
    """The inventory's absolute path."""
    targets: tuple[str, ...] = ()
    """The hosts it was to be done on."""
    planned: list[Outcome] = field(default_factory=list)
    """What would change (plan) or was going to (apply)."""
    applied: list[Outcome] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    hosts: list[HostResult] = field(default_factory=list)
    lock: list[str] = field(default_factory=list)
    """Where the lock is behind the times (plan)."""
    finished: bool = True
    """False when it is read from the journal of a run that was cut off."""
    interrupted: bool = False
    """Whether Ctrl-C ended it."""

    @property
    def unverified(self) -> list[str]:
        """Hosts whose verification waits for a reboot."""
        return [host.name for host in self.hosts if host.reboot and host.status is Status.OK]


def count(outcomes: Iterable[Outcome], host: str, result: Result) -> int:
    """How many operations on the host ended so."""
    return sum(1 for outcome in outcomes if outcome.host == host and outcome.result is result)


def count_checks(checks: Iterable[Check], host: str, verdict: Verdict) -> int:
    """How many checks on the host ended so; a role skipped as a whole counts no check."""
    return sum(1 for check in checks if check.host == host and check.verdict is verdict)


def changes(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes that change something."""
    return [outcome for outcome in outcomes if outcome.result is Result.CHANGED]


def not_done(run: Run) -> list[str]:
    """Hosts, in order, that did not come out well: not ok, failed in a check, or never reached by a run cut off."""
    fine = {host.name for host in run.hosts if host.status is Status.OK} - failed_in_checks(run)
    return [name for name in run.targets if name not in fine]


def failed_in_checks(run: Run) -> set[str]:
    """Names of the hosts on which a check failed."""
    return {check.host for check in run.checks if check.verdict is Verdict.FAILED}


def exit_code(run: Run) -> int:
    """0: fine; 1: something failed in the work or in a check; 4: otherwise fine, but some hosts were unreachable.

    130: it was interrupted.
    """
    if run.interrupted:
        return Interrupted.exit_code
    if any(host.status in (Status.FAILED, Status.NOT_STARTED) for host in run.hosts):
        return 1
    if any(check.verdict is Verdict.FAILED for check in run.checks):
        return 1
    return 4 if any(host.status is Status.UNREACHABLE for host in run.hosts) else 0
