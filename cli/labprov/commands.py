"""What each command does, from the stages: no options are parsed here, and nothing is decided about a host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console

from labprov import apply as stage
from labprov import deploy as deploys
from labprov import inventory as inventories
from labprov import plan as plans
from labprov import role as roles
from labprov.apply import Policy, Status
from labprov.engine.learned import Learned
from labprov.engine.outcome import Outcome
from labprov.engine.session import Session
from labprov.errors import UserError
from labprov.report import data, text
from labprov.report.journal import Journal
from labprov.report.journal import latest as latest_journal
from labprov.report.journal import read as read_journal
from labprov.report.junit import as_junit
from labprov.report.live import Collector, Live
from labprov.report.summary import Run, changes, exit_code
from labprov.verify import Check
from labprov.verify import verify as verify_stage

Keep = Callable[[Outcome], None]

CHANGES_PENDING = 3
"""Exit code of ``plan --exit-code`` when something would change."""


@dataclass(frozen=True)
class Selection:
    """What a command is about."""

    deploy: str
    inventory: str
    limit: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    """Roles of the deploy; empty: all."""
    parallel: int = 50
    sudo_password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Output:
    """How a command speaks."""

    console: Console
    """Quiet when JSON is wanted."""
    json: bool = False
    verbose: bool = False


def inventory_path(name: str) -> Path:
    """``lab`` means ``inventories/lab.yml``; anything that exists or looks like a path is taken as one."""
    path, named = Path(name), Path("inventories") / f"{name}.yml"
    if path.is_file() or "/" in name or path.suffix in (".yml", ".yaml"):
        return path
    if not named.is_file():
        hint = "bring up the sandbox by 'labprov sandbox up'" if name == "sandbox" else "a path works too"
        raise UserError(f"there is no inventory {named}", hint=f"{hint}, or name yours with -i")
    return named


def make_plan(selection: Selection) -> plans.Plan:
    """Load and validate everything. Raises UserError before any host is touched."""
    deploy = deploys.load(selection.deploy)
    inventory = inventories.load(inventory_path(selection.inventory))
    return plans.make(deploy, inventory, inventory.select(selection.limit), selection.only)


def plan(selection: Selection, output: Output, pending_is_error: bool) -> int:
    """Show what would change. Returns the exit code."""
    made = make_plan(selection)
    run = Run(made.deploy.name, made.inventory.simulation)
    with _session(made, selection) as session:
        _preview(session, made, run, output, run.planned.append)
    text.plan(output.console, run.planned, diffs=True, commands=output.verbose)
    text.problems(output.console, run.hosts)
    text.plan_summary(output.console, run)
    if output.json:
        click.echo(data.as_json(run))
    code = exit_code(run)
    return CHANGES_PENDING if not code and pending_is_error and changes(run.planned) else code


def apply(selection: Selection, output: Output, policy: Policy, confirm: Callable[[str], bool] | None) -> int:
    """Plan, ask, apply, verify, all over the same connections. ``confirm`` is None when nobody is to be asked."""
    made = make_plan(selection)
    run = Run(made.deploy.name, made.inventory.simulation)
    journal = Journal(run, "apply")
    with _session(made, selection) as session:
        _preview(session, made, run, output, journal.keep("planned", run.planned))
        text.plan(output.console, run.planned, diffs=output.verbose or confirm is not None, commands=output.verbose)
        text.problems(output.console, run.hosts)
        text.plan_summary(output.console, run)
        if changes(run.planned) and confirm and not confirm(_question(run)):
            output.console.print("Nothing was changed.")
            return 0
        _apply(session, made, run, output, policy, journal.keep("applied", run.applied))
        _verify(session, made, run, output, journal.keep("check", run.checks))
    journal.end(run)
    return _conclude(run, output)


def verify(selection: Selection, output: Output) -> int:
    """Run the checks only. Returns the exit code."""
    made = make_plan(selection)
    run = Run(made.deploy.name, made.inventory.simulation)
    journal = Journal(run, "verify")
    with _session(made, selection) as session:
        _greet(made, output)
        run.hosts = stage.connect(session, made)
        text.problems(output.console, run.hosts)
        _verify(session, made, run, output, journal.keep("check", run.checks))
    journal.end(run)
    return _conclude(run, output)


def report(path: Path | None, form: str, output: Output) -> int:
    """Show a run again from its journal: as ``text``, ``json`` or ``junit``. Returns that run's exit code."""
    run = read_journal(path or latest_journal())
    match form:
        case "json":
            click.echo(data.as_json(run))
        case "junit":
            click.echo(as_junit(run))
        case _:
            text.banner(output.console, run.simulation)
            text.plan(output.console, run.applied, diffs=output.verbose, commands=output.verbose)
            text.failed_checks(output.console, run.checks, output.verbose)
            text.summary(output.console, run)
            text.problems(output.console, run.hosts)
            if not run.finished:
                output.console.print("[yellow]This run was cut off: its journal has no end.[/]")
    return exit_code(run)


def listing(inventory: str, console: Console) -> int:
    """Show deploys, roles, and the hosts of the inventory when there is one."""
    console.print("[bold]Deploys[/]")
    for name in sorted(deploys.available()):
        deploy = deploys.load(name)
        console.print(f"  {name}: {deploy.summary}\n    [dim]{' > '.join(role.name for role in deploy.roles)}[/]")
    console.print("\n[bold]Roles[/]")
    for name in roles.names():
        console.print(f"  {name}: {roles.load(name).summary}")
    console.print()
    try:
        found = inventories.load(inventory_path(inventory))
    except UserError as error:
        console.print(f"[bold]Hosts[/]\n  [dim]{error}[/]")
        return 0
    console.print(f"[bold]Hosts[/] of {found.path}")
    text.banner(console, found.simulation)
    for host in found.hosts.values():
        groups = f"  [dim]{', '.join(host.groups)}[/]" if host.groups else ""
        console.print(f"  {host.name}  {host.connection.address}{groups}")
    return 0


@contextmanager
def _session(made: plans.Plan, selection: Selection) -> Iterator[Session]:
    """Connections to the plan's hosts, with what earlier runs learned to ask of them."""
    learned = Learned(f"{made.inventory.path.resolve()} {made.deploy.path.resolve()}")

    def expected(name: str) -> Sequence[str]:
        return learned.get(name, "facts")

    with Session(stage.targets(made.hosts), selection.parallel, expected, selection.sudo_password) as session:
        yield session
        for name, commands in session.asked().items():
            if commands:
                learned.put(name, "facts", commands)
    learned.save()


def _greet(made: plans.Plan, output: Output) -> None:
    text.banner(output.console, made.inventory.simulation)
    names = " > ".join(step.role.name for step in made.steps)
    hosts = f"{len(made.hosts)} host{'' if len(made.hosts) == 1 else 's'}"
    output.console.print(f"[bold]{made.deploy.name}[/] on {hosts} of {made.inventory.path}: {names}\n")


def _preview(session: Session, made: plans.Plan, run: Run, output: Output, keep: Keep) -> None:
    _greet(made, output)
    with output.console.status("connecting, and finding out what would change"):
        session.connect()
        run.hosts = stage.preview(session, made, Collector(keep))


def _apply(session: Session, made: plans.Plan, run: Run, output: Output, policy: Policy, keep: Keep) -> None:
    """Apply where something would change; a host whose plan failed is left as it is.

    On a host where nothing would change, what the plan found out a moment ago is the outcome.
    """
    busy = {outcome.host for outcome in changes(run.planned)}
    ready = [host.name for host in run.hosts if host.status is Status.OK and host.name in busy]
    for outcome in run.planned:
        if outcome.host not in busy:
            keep(outcome)
    if not ready:
        return
    output.console.print("\n[bold]Applying[/]")
    live = Live(output.console, ready, [s.role.name for s in made.steps], output.verbose, keep)
    results = {result.name: result for result in stage.apply(session, made, policy, live, ready)}
    run.hosts = [results.get(host.name, host) for host in run.hosts]


def _verify(session: Session, made: plans.Plan, run: Run, output: Output, keep: Callable[[Check], None]) -> None:
    """Check the hosts that are as the plan wants them; one that waits for a reboot cannot be verified yet."""
    ready = [h.name for h in run.hosts if h.status is Status.OK and not h.reboot]
    if not ready:
        return
    output.console.print("\n[bold]Verifying[/]")
    live = Live(output.console, ready, [step.role.name for step in made.steps], output.verbose, _ignore)

    def record(check: Check) -> None:
        keep(check)
        live.check(check)

    verify_stage(session, made, ready, record)
    live.checks_ended()


def _conclude(run: Run, output: Output) -> int:
    text.failed_checks(output.console, run.checks, output.verbose)
    text.summary(output.console, run)
    text.problems(output.console, run.hosts)
    text.banner(output.console, run.simulation)
    if output.json:
        click.echo(data.as_json(run))
    return exit_code(run)


def _question(run: Run) -> str:
    hosts = sorted({outcome.host for outcome in changes(run.planned)})
    return f"Apply these changes to {', '.join(hosts) if len(hosts) <= 5 else f'{len(hosts)} hosts'}?"


def _ignore(outcome: object) -> None:
    """Checks only: there are no outcomes to keep."""
