"""What is printed while a run goes on: a line as each role ends on each host. Nothing for ``--json``."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

from rich.console import Console

from labprov.engine.outcome import Outcome, Result
from labprov.report.shown import escape
from labprov.verify.checks import NOT_ASKED, Check, Verdict


class Collector:
    """Keeps outcomes without showing them: for a phase that is shown all at once when it has ended."""

    def __init__(self, keep: Callable[[Outcome], None]) -> None:
        self.keep = keep

    def role_started(self, host: str, role: str) -> None:
        """A role begins on a host."""

    def outcome(self, outcome: Outcome) -> None:
        """An operation ended."""
        self.keep(outcome)

    def role_ended(self, host: str, role: str) -> None:
        """A role ended on a host, well or not."""


class Live(Collector):
    """Also prints: the outcomes of a role on a host as one line, when the role ends there."""

    def __init__(
        self, console: Console, hosts: list[str], roles: list[str], verbose: bool, keep: Callable[[Outcome], None]
    ) -> None:
        super().__init__(keep)
        self.console, self.verbose = console, verbose
        self.host_width = max(map(len, hosts), default=0)
        self.role_width = max(map(len, roles), default=0)
        self.outcomes: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
        self.started: dict[tuple[str, str], float] = {}
        self.checks: dict[tuple[str, str], list[Check]] = defaultdict(list)

    def role_started(self, host: str, role: str) -> None:
        """A role begins on a host."""
        self.started[host, role] = time.monotonic()

    def outcome(self, outcome: Outcome) -> None:
        """An operation ended."""
        super().outcome(outcome)
        self.outcomes[outcome.host, outcome.role].append(outcome)
        if self.verbose and outcome.result is not Result.UNCHANGED:
            self._line(outcome.host, outcome.role, f"[dim]{escape(outcome.operation)}: {outcome.result}[/]")

    def role_ended(self, host: str, role: str) -> None:
        """A role ended on a host, well or not."""
        outcomes = self.outcomes.pop((host, role), [])
        seconds = time.monotonic() - self.started.pop((host, role), time.monotonic())
        text = _told(outcomes)
        self._line(host, role, f"{text}  [dim]{seconds:.1f} s[/]")
        for warning in dict.fromkeys(warning for outcome in outcomes for warning in outcome.warnings):
            self.console.print(f"    [yellow]warning:[/] {escape(warning)}")
        for outcome in outcomes:
            if outcome.result is Result.FAILED:
                self._failure(outcome)

    def check(self, check: Check) -> None:
        """A check ended; a line when the role's last check on that host is in (checks come role by role)."""
        if self.checks and (check.host, check.role) not in self.checks:
            self.checks_ended()
        self.checks[check.host, check.role].append(check)

    def checks_ended(self) -> None:
        """Print the checks gathered so far, one line a role and host."""
        for (host, role), checks in self.checks.items():
            self._line(host, role, _checked(checks))
        self.checks.clear()

    def _failure(self, outcome: Outcome) -> None:
        pad = " " * 4
        self.console.print(f"{pad}[red]{escape(outcome.operation)}[/]: {escape(outcome.reason)}")
        for command in outcome.commands[-1:]:
            self.console.print(f"{pad}[dim]$ {escape(command)}[/]")
        for line in outcome.output.splitlines()[-12:]:
            self.console.print(f"{pad}[dim]{escape(line)}[/]")

    def _line(self, host: str, role: str, text: str) -> None:
        self.console.print(f"  [bold]{escape(host):{self.host_width}}[/]  {escape(role):{self.role_width}}  {text}")


def _told(outcomes: list[Outcome]) -> str:
    skipped = [o for o in outcomes if o.result is Result.SKIPPED]
    if skipped:
        return _skipped(skipped[0].reason)
    styles = {Result.FAILED: "bold red", Result.CHANGED: "yellow", Result.UNCHANGED: "green"}
    parts = []
    for result, style in styles.items():
        number = sum(1 for o in outcomes if o.result is result)
        if number:
            parts.append(f"[{style}]{number} {result}[/]")
    return ", ".join(parts) or "[green]nothing to do[/]"


def _checked(checks: list[Check]) -> str:
    if all(check.verdict is Verdict.SKIPPED for check in checks):
        return _skipped(checks[0].reason)
    styles = {Verdict.FAILED: "bold red", Verdict.PASSED: "green", Verdict.SKIPPED: "dim"}
    numbers = {verdict: sum(1 for check in checks if check.verdict is verdict) for verdict in styles}
    seconds = sum(check.seconds for check in checks)
    told = ", ".join(f"[{styles[verdict]}]{number} {verdict}[/]" for verdict, number in numbers.items() if number)
    # Answers that were fetched ahead took no time of their own.
    return f"{told}  [dim]{seconds:.1f} s[/]" if seconds >= 0.05 else told


def _skipped(reason: str) -> str:
    for beginning in NOT_ASKED:
        reason = reason.removeprefix(beginning)
    return f"[dim]skipped: {escape(reason)}[/]"
