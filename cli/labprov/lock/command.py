"""``labprov lock``: decide for live hosts what their inventory leaves open, write it down, say what moved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from labprov import apply as stage
from labprov.commands import make_plan
from labprov.engine.session import Failure, Session
from labprov.lock import classes, file
from labprov.lock.model import Entry, HostClass, Section
from labprov.lock.renew import renew
from labprov.lock.run import Locking
from labprov.lock.upgrade import moving
from labprov.report import text
from labprov.running import Output, Selection


def lock(selection: Selection, upgrade: Sequence[str], output: Output) -> int:
    """Write the lock. Returns the exit code: 4 when a host was not reached, 1 when nothing works on one.

    Raises UserError before any host is touched, and when the file cannot be written.
    """
    plan = make_plan(selection)
    locking = Locking(plan, moving(plan, file.load(plan.inventory.path).section, upgrade))
    text.banner(output.console, plan.inventory.simulation)
    with (
        output.console.status("asking the hosts what they are and have"),
        Session(stage.targets(plan.hosts), selection.parallel, sudo_password=selection.sudo_password) as session,
    ):
        failures = dict(session.connect())
        locking.look(session)
        found, failed = locking.resolve(session, list(locking.profiles))
        renewed, not_asked = renew(locking, session)
    failures |= not_asked | failed
    before = locking.lock.section
    whole = not selection.limit and not selection.only
    gone = [name for name in before.hosts if whole and name not in plan.inventory.hosts]
    locking.record(classes.share(found), gone)
    after = file.load(plan.inventory.path).section
    _tell(output, locking, before, after, renewed, failures)
    return _code(failures)


def moves(before: Section, after: Section) -> dict[str, list[str]]:
    """What changed, in words -> the hosts on which it did."""
    said: dict[str, list[str]] = {}
    for host in sorted({*before.hosts, *after.hosts}):
        for line in _host_moves(before, after, host):
            said.setdefault(line, []).append(host)
    return said


def _host_moves(before: Section, after: Section, host: str) -> list[str]:
    if host not in after.hosts:
        return ["is no longer in the inventory: removed"]
    new = after.classes[after.hosts[host]]
    if host not in before.hosts:
        return [f"locked as {after.hosts[host]}"]
    old = before.classes[before.hosts[host]]
    lines = [line for role, entry in new.roles.items() for line in _entry_moves(role, old.roles.get(role), entry)]
    return lines or ([] if old.same(new) else [f"is another server now: {after.hosts[host]}"])


def _entry_moves(role: str, old: Entry | None, new: Entry) -> list[str]:
    if old is None:
        return [f"{role}: locked"]
    groups: dict[str, list[str]] = {}
    for kind, was, now in (
        ("", old.settings, new.settings),
        ("", old.packages, new.packages),
        ("key of ", old.keys, new.keys),
        ("", old.installers, new.installers),
    ):
        for name in {**was, **now}:
            if was.get(name) != now.get(name):
                step = f"{_shown(was.get(name, 'open'))} -> {_shown(now.get(name, 'open'))}"
                groups.setdefault(step, []).append(f"{kind}{name}")
    return [f"{role}: {', '.join(names)}: {step}" for step, names in groups.items()]


def _tell(
    output: Output,
    locking: Locking,
    before: Section,
    after: Section,
    renewed: Sequence[str],
    failures: dict[str, Failure],
) -> None:
    changed = moves(before, after)
    if output.json:
        click.echo(json.dumps(_data(locking, after, changed, renewed, failures), indent=2, ensure_ascii=False))
    console = output.console
    for name, one in after.classes.items():
        hosts = [host for host, its in after.hosts.items() if its == name]
        console.print(f"[bold]{escape(name)}[/]: {escape(text.names(hosts))}")
        _class(console, one, output.verbose)
    console.print()
    for line, hosts in changed.items():
        console.print(f"[yellow]~[/] {escape(text.names(hosts))}: {escape(line)}")
    for line in renewed:
        console.print(f"[yellow]~[/] {escape(line)}")
    state = "Nothing moved in" if not changed else "Wrote"
    console.print(f"{state} {locking.lock.path}.")
    for name, failure in failures.items():
        click.echo(f"labprov: {name}: {failure.error}", err=True)


def _class(console: Console, one: HostClass, every: bool) -> None:
    for role, entry in one.roles.items():
        said = ", ".join(f"{name} {_shown(value)}" for name, value in entry.settings.items() if name != "sha256")
        told = said or ("as the inventory says" if entry.given else "nothing decided")
        told += "; versions are open until it is installed" if entry.keys and not entry.packages else ""
        console.print(f"  {escape(role)}: {escape(told)}")
        for reason in entry.reasons:
            console.print(f"      [dim]{escape(reason)}[/]")
        for name, version in entry.packages.items() if every else ():
            console.print(f"      [dim]{escape(name)} {escape(version)}[/]")


def _data(
    locking: Locking,
    after: Section,
    changed: dict[str, list[str]],
    renewed: Sequence[str],
    failures: dict[str, Failure],
) -> dict[str, Any]:
    return {
        "path": str(locking.lock.path),
        **after.model_dump(mode="json", exclude_defaults=True),
        "changes": [{"what": line, "hosts": hosts} for line, hosts in changed.items()],
        "renewed": list(renewed),
        "failed": {name: str(failure.error) for name, failure in failures.items()},
    }


def _code(failures: dict[str, Failure]) -> int:
    if any(not failure.unreachable for failure in failures.values()):
        return 1
    return 4 if failures else 0


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
