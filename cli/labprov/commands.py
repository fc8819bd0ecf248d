"""What each command does, from the stages: no options are parsed here, and nothing is decided about a host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from labprov import deploy as deploys
from labprov import inventory as inventories
from labprov import plan as plans
from labprov import reboots, rollout
from labprov import role as roles
from labprov.apply import Policy
from labprov.errors import Interrupted, UserError
from labprov.mirrors import origins
from labprov.report import data, journal, text
from labprov.report.summary import Run, changes, exit_code, not_done
from labprov.running import Output, Running, Selection, running

_INVENTORIES = {
    "sandbox": "bring up the sandbox by 'labprov sandbox up'",
    "vagrant": "write one with the line 'vagrant: FOLDER', the folder of your Vagrantfile",
}
"""How to come by the inventories that have a name of their own."""
CHANGES_PENDING = 3
"""Exit code of ``plan --exit-code`` when something would change."""


@dataclass(frozen=True)
class Options:
    """What the command line says about an apply."""

    reboot: bool | None = None
    """Whether hosts that need it are rebooted; None: as the inventory says."""
    verify_batches: bool = False
    wait: float = 0.0
    """Seconds to wait for another labprov at work on a host."""


def inventory_path(name: str) -> Path:
    """``lab`` means ``inventories/lab.yml``; anything that exists or looks like a path is taken as one."""
    path, named = Path(name), Path("inventories") / f"{name}.yml"
    if path.is_file() or "/" in name or path.suffix in (".yml", ".yaml"):
        return path
    if not named.is_file():
        hint = _INVENTORIES.get(name, "a path works too")
        raise UserError(f"there is no inventory {named}", hint=f"{hint}, or name yours with -i")
    return named


def make_plan(selection: Selection) -> plans.Plan:
    """Load and validate everything. Raises UserError before any host is touched."""
    deploy = deploys.load(selection.deploy)
    inventory = inventories.load(inventory_path(selection.inventory))
    hosts = inventory.select(selection.limit)
    if selection.retry_failed:
        last = journal.last_of(deploy.name, str(inventory.path.resolve()))
        if last is None:
            raise UserError(f"{deploy.name} was not run with {inventory.path} before", hint="leave out --retry-failed")
        hosts = tuple(host for host in hosts if host.name in not_done(last))
    rollout.lines(hosts)  # a mistake in these should show before anything is done
    reboots.read(hosts)
    return plans.make(deploy, inventory, hosts, selection.only)


def plan(selection: Selection, output: Output, pending_is_error: bool) -> int:
    """Show what would change. Returns the exit code."""
    made = make_plan(selection)
    with running(made, selection, output, journal=None) as run:
        run.preview()
        run.find_stale()
    record = run.record
    if output.verbose:
        text.notes(output.console, origins.told({host.name: host.mirrors.plain() for host in made.hosts}))
    text.plan(output.console, record.planned, record.targets, diffs=True, commands=output.verbose)
    text.problems(output.console, record.hosts)
    text.stale_lock(output.console, record.lock)
    text.plan_summary(output.console, record)
    if output.json:
        click.echo(data.as_json(record))
    code = exit_code(record)
    return CHANGES_PENDING if not code and pending_is_error and changes(record.planned) else code


def apply(selection: Selection, output: Output, options: Options, confirm: Callable[[str], bool] | None) -> int:
    """Plan, ask, apply, verify, all over the same connections. ``confirm`` is None when nobody is to be asked."""
    made = make_plan(selection)
    if not made.hosts:
        output.console.print("No host failed in the last run: nothing is to be done again.")
        return 0
    override = {None: None, True: reboots.ALWAYS, False: reboots.FORBIDDEN}[options.reboot]
    rules = reboots.read(made.hosts, override, asking=confirm is not None)
    policy = Policy(rules, options.verify_batches, options.wait)
    with running(made, selection, output, journal="apply") as run:
        run.preview()
        diffs = output.verbose or confirm is not None
        text.plan(output.console, run.record.planned, run.record.targets, diffs, output.verbose)
        text.problems(output.console, run.record.hosts)
        text.plan_summary(output.console, run.record)
        if confirm and not _agreed(run, policy, confirm):
            output.console.print("Nothing was changed.")
            return exit_code(run.record)
        run.apply(policy, confirm)
        run.verify()
    return _conclude(run.record, output)


def verify(selection: Selection, output: Output) -> int:
    """Run the checks only. Returns the exit code."""
    made = make_plan(selection)
    with running(made, selection, output, journal="verify") as run:
        run.connect()
        text.problems(output.console, run.record.hosts)
        run.verify()
    return _conclude(run.record, output)


def report(path: Path | None, form: str, output: Output) -> int:
    """Show a run again from its journal: as ``text``, ``json`` or ``junit``. Returns that run's exit code."""
    run = journal.read(path or journal.latest())
    match form:
        case "json":
            click.echo(data.as_json(run))
        case "junit":
            from labprov.report.junit import as_junit  # nothing else needs XML

            click.echo(as_junit(run))
        case _:
            text.banner(output.console, run.simulation)
            text.plan(output.console, run.applied, run.targets, diffs=output.verbose, commands=output.verbose)
            text.failed_checks(output.console, run.checks, output.verbose)
            text.summary(output.console, run)
            text.problems(output.console, run.hosts)
            if run.interrupted:
                output.console.print("[yellow]This run was interrupted.[/]")
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
        address = found.absent.get(host.name, host.connection.address).replace("_", " ")
        console.print(f"  {host.name}  {address}{groups}")
    return 0


def _conclude(run: Run, output: Output) -> int:
    text.failed_checks(output.console, run.checks, output.verbose)
    text.summary(output.console, run)
    text.problems(output.console, run.hosts)
    text.banner(output.console, run.simulation)
    if output.json:
        click.echo(data.as_json(run))
    return exit_code(run)


def _agreed(run: Running, policy: Policy, confirm: Callable[[str], bool]) -> bool:
    """Whether the user wants what would be done; nobody is asked about nothing. Raises Interrupted."""
    question = _question(run.record, policy.reboots)
    if not question:
        return True
    if reboots.ALWAYS in policy.reboots.rules.values():
        text.in_use(run.console, run.in_use())
    try:
        return confirm(question)
    except KeyboardInterrupt:
        raise Interrupted({}, note="nothing was changed") from None


def _question(run: Run, rules: reboots.Reboots) -> str:
    """About the changes, or else about the reboots that are due; empty when there are neither."""
    if hosts := sorted({outcome.host for outcome in changes(run.planned)}):
        return f"Apply these changes to {', '.join(hosts) if len(hosts) <= 5 else f'{len(hosts)} hosts'}?"
    due = [host.name for host in run.hosts if host.reboot and rules.rules[host.name].decides]
    return f"Reboot {text.names(due)}?" if due else ""
