"""A run drawn for people, with rich. Only drawing: what is shown was counted elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labprov.apply import HostResult, Status
from labprov.engine.outcome import Outcome, Result
from labprov.report.shown import escape, harmless
from labprov.report.summary import Run, changes, count, count_checks
from labprov.verify.checks import NOT_ASKED, Check, Verdict

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_STATUS_STYLES = {
    Status.OK: "green",
    Status.FAILED: "bold red",
    Status.UNREACHABLE: "yellow",
    Status.NOT_STARTED: "yellow",
}


def banner(console: Console, simulation: str) -> None:
    """Say that what is managed is a simulation, where it is."""
    if simulation:
        console.print(f"[black on yellow] SIMULATION [/] [yellow]{escape(simulation)}[/]")


def plan(console: Console, outcomes: Sequence[Outcome], hosts: Sequence[str], diffs: bool, commands: bool) -> None:
    """Every operation that would change something, once, with the hosts it is for; by role, in order.

    ``hosts``: the names in the order in which they are to be shown.
    """
    for role in _in_order(outcome.role for outcome in outcomes):
        mine = _sorted([outcome for outcome in outcomes if outcome.role == role], hosts)
        console.print(f"[bold]{escape(role)}[/]")
        for group in _alike(changes(mine)):
            console.print(f"  [yellow]~[/] {escape(group[0].operation)}  [dim]{escape(_hosts(group))}[/]")
            _details(console, group[0], diffs, commands)
        for group in _alike([o for o in mine if o.result is Result.FAILED]):
            console.print(f"  [red]![/] {escape(group[0].operation)}  [dim]{escape(_hosts(group))}[/]")
            console.print(f"      [red]{escape(group[0].reason)}[/]")
        for group in _alike([o for o in mine if o.result is Result.SKIPPED]):
            console.print(f"  [dim]- skipped on {escape(_hosts(group))}: {escape(group[0].reason)}[/]")
        for warning, group in warnings(mine).items():
            console.print(f"  [yellow]warning:[/] {escape(warning)}  [dim]{escape(_hosts(group))}[/]")
        unchanged = sum(1 for o in mine if o.result is Result.UNCHANGED)
        if unchanged:
            console.print(f"  [dim]= {_plural(unchanged, 'operation')} with nothing to do[/]")


def warnings(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """What roles warn of, each with the outcomes that say so."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        for warning in outcome.warnings:
            found.setdefault(warning, []).append(outcome)
    return found


def plan_summary(console: Console, run: Run) -> None:
    """One line: how much would change where."""
    changed = changes(run.planned)
    hosts = len({outcome.host for outcome in changed})
    if changed:
        console.print(f"\n[bold]{_plural(len(changed), 'change')}[/] on {_plural(hosts, 'host')}.")
    elif all(host.status is Status.OK for host in run.hosts):
        console.print(f"\n[green]Nothing to change[/] on {_plural(len(run.hosts), 'host')}.")


def stale_lock(console: Console, lines: Iterable[str]) -> None:
    """Where the lock is behind the times, one line each."""
    for line in lines:
        console.print(f"[yellow]lock[/] {escape(line)}")


def notes(console: Console, lines: Iterable[str]) -> None:
    """What is good to know beside the plan, one line each."""
    for line in lines:
        console.print(f"[dim]{escape(line)}[/]")


def problems(console: Console, hosts: Iterable[HostResult]) -> None:
    """Each host that is not ok: the cause, and what was not reached."""
    for host in hosts:
        if host.status is Status.OK:
            continue
        console.print(
            f"[{_STATUS_STYLES[host.status]}]{host.status}[/] [bold]{escape(host.name)}[/]: {escape(host.reason)}"
        )
        if host.not_run:
            console.print(f"  not reached: {', '.join(host.not_run)}")


def failed_checks(console: Console, checks: Sequence[Check], details: bool) -> None:
    """Each failed check with its assertion; skipped ones with their reason, once for all hosts they were skipped on."""
    for check in checks:
        if check.verdict is Verdict.FAILED:
            console.print(f"[red]failed[/] [bold]{escape(check.host)}[/] {check.role}: {escape(check.name)}")
            console.print(f"  {escape(check.reason)}")
            if details:
                console.print(Text(harmless(check.detail), style="dim"))
    skipped: dict[tuple[str, str, str], list[str]] = {}
    for check in checks:
        if check.verdict is Verdict.SKIPPED and (details or not check.reason.startswith(NOT_ASKED)):
            skipped.setdefault((check.role, check.name, check.reason), []).append(check.host)
    for (role, name, reason), hosts in skipped.items():
        console.print(f"[dim]not checked on {escape(names(hosts))}: {role}: {escape(name)}: {escape(reason)}[/]")


def summary(console: Console, run: Run) -> None:
    """The table at the end: one row a host."""
    table = Table(title=None, box=None, pad_edge=False, header_style="bold")
    table.add_column("host")
    for title in ("changed", "unchanged", "failed"):
        table.add_column(title, justify="right")
    table.add_column("checks", justify="right")
    table.add_column("")
    for host in run.hosts:
        table.add_row(escape(host.name), *_counts(run, host), _verdict(run, host))
    console.print()
    console.print(table)
    for host in run.hosts:
        held = f" [yellow]({escape(host.held)})[/]" if host.held else ""
        for reason in host.reboot:
            console.print(f"[yellow]reboot pending[/]{held} [bold]{escape(host.name)}[/]: {escape(reason)}")
        for problem in host.unsafe:
            console.print(
                f"[bold red]do not reboot[/] [bold]{escape(host.name)}[/] before this is repaired: {escape(problem)}"
            )


def in_use(console: Console, hosts: Mapping[str, str]) -> None:
    """What ``--reboot`` would end: host name -> words."""
    for name, there in hosts.items():
        console.print(f"[bold red]--reboot waits for nobody on[/] [bold]{escape(name)}[/]: {escape(there)}")


def reboot_question(console: Console, hosts: Sequence[tuple[str, Sequence[str], str]]) -> None:
    """Hosts that stand before a reboot: name, why, and what it would end there."""
    console.print()
    for name, reasons, there in hosts:
        console.print(f"[yellow]reboot needed[/] [bold]{escape(name)}[/]: {escape('; '.join(reasons))}")
        console.print(f"  [bold red]{escape(there)}[/]" if there else "  nobody is logged in, nothing runs on its GPUs")


def _counts(run: Run, host: HostResult) -> tuple[str, ...]:
    operations = [str(count(run.applied, host.name, r)) for r in (Result.CHANGED, Result.UNCHANGED, Result.FAILED)]
    passed, failed = (count_checks(run.checks, host.name, v) for v in (Verdict.PASSED, Verdict.FAILED))
    return (*operations, f"{passed}/{passed + failed}" if passed + failed else "-")


def _verdict(run: Run, host: HostResult) -> str:
    if host.status is not Status.OK:
        return f"[{_STATUS_STYLES[host.status]}]{host.status}[/]"
    if host.name in run.unverified:
        return "[yellow]not yet verified: reboot pending[/]"
    if count_checks(run.checks, host.name, Verdict.FAILED):
        return "[bold red]not verified[/]"
    return "[green]verified[/]" if count_checks(run.checks, host.name, Verdict.PASSED) else "[green]ok[/]"


def _details(console: Console, outcome: Outcome, diffs: bool, commands: bool) -> None:
    if commands:
        for command in outcome.commands:
            console.print(Text(harmless(f"      $ {command}"), style="dim"))
    if diffs:
        for diff in outcome.diffs:
            for line in diff.splitlines():
                console.print(Text(harmless(f"      {line}"), style=_DIFF_STYLES.get(line[:1], "")))


def _sorted(outcomes: Sequence[Outcome], hosts: Sequence[str]) -> list[Outcome]:
    """One role's outcomes by operation, then host: hosts tell theirs in any order."""
    rank = {name: number for number, name in enumerate(hosts)}
    by_host = sorted(outcomes, key=lambda outcome: rank.get(outcome.host, len(rank)))
    order = {name: number for number, name in enumerate(_in_order(outcome.operation for outcome in by_host))}
    return sorted(by_host, key=lambda outcome: order[outcome.operation])


def _alike(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Group outcomes that are the same but for the host, in order of first appearance."""
    groups: dict[object, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.operation, outcome.diffs, outcome.reason), []).append(outcome)
    return list(groups.values())


def _hosts(group: Sequence[Outcome]) -> str:
    return names(_in_order(outcome.host for outcome in group))


def locked(console: Console, path: Path, into: Mapping[str, Sequence[str]]) -> None:
    """Say which hosts were written into the lock: ``into`` is class of hosts -> names."""
    if into:
        console.print(f"\n[bold]Written to {escape(str(path))}[/], which keeps hosts alike from now on:")
    for name, hosts in into.items():
        console.print(f"  {escape(names(hosts))}: {escape(name)}")


def names(names: Sequence[str]) -> str:
    """Names in a line; of many, the first ones."""
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:7])} and {len(names) - 7} more"


def _in_order(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
