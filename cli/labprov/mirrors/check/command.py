"""``labprov mirrors check``: hosts in parallel over the usual connections, then a table or JSON. Changes nothing."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click
from pyinfra.api import Host as EngineHost

from labprov import apply, inventory, plan, role
from labprov.commands import inventory_path
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.session import Failure, Session
from labprov.errors import HostError, UserError
from labprov.mirrors import presets
from labprov.mirrors.check import probing
from labprov.mirrors.check.targets import Target, targets
from labprov.mirrors.check.verdict import Result, Rules, Verdict, judge
from labprov.mirrors.origins import Origin, origins
from labprov.report import text
from labprov.report.shown import escape
from labprov.running import Output

_STYLES = {Verdict.FINE: "green", Verdict.STALE: "yellow", Verdict.UNMEASURED: "yellow"}


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    hosts: tuple[str, ...]
    inventory: str
    presets: tuple[str, ...]
    seconds: int
    megabytes: int
    max_age: int | None
    parallel: int
    ask: bool


@dataclass(frozen=True)
class Seen:
    """What one host saw."""

    tool: str
    results: tuple[Result, ...]


def check(asked: Asked, output: Output) -> int:
    """Measure and show. Returns the exit code. Raises UserError before any host is touched."""
    loaded = inventory.load(inventory_path(asked.inventory))
    hosts = {host.name: host for host in loaded.select(asked.hosts)}
    conda = {name: plan.settings_of(role.load("miniconda"), host) for name, host in hosts.items()}
    compared = [origin for name in asked.presets for origin in offered(name)]
    rules = Rules(datetime.now(UTC), asked.max_age)
    password = click.prompt("sudo password", hide_input=True, err=True) if asked.ask else ""
    text.banner(output.console, loaded.simulation)
    question = str(OperatingSystem().command())

    def measure(host: EngineHost) -> Seen:
        system: System = host.get_fact(OperatingSystem)
        written = hosts[host.name].mirrors.plain()
        wanted = targets(origins(written), compared, system, words(conda[host.name], system.machine))
        return measured(session, host, wanted, asked, rules)

    targets_ = apply.targets(list(hosts.values()))
    with Session(targets_, asked.parallel, lambda _: [question], sudo_password=password) as session:
        failures = dict(session.connect())
        seen = session.each(measure)
    failures |= {name: each for name, each in seen.items() if isinstance(each, Failure)}
    answers = {name: each for name, each in seen.items() if isinstance(each, Seen)}
    return show(answers, {name: str(failure.error) for name, failure in failures.items()}, output)


def offered(name: str) -> list[Origin]:
    """What a preset has, to be compared. Raises UserError for one that there is not."""
    known = presets.load().presets
    if name not in known:
        raise UserError(f"there is no preset {name!r}", hint=f"there are {', '.join(sorted(known))}")
    return [Origin(key, row.url, name) for key, row in known[name].mirrors.items()]


def words(conda: Any, machine: str) -> Mapping[str, str]:
    """Words for addresses that the host's own settings of the role miniconda give."""
    installers = importlib.import_module(f"{role.PACKAGE}.miniconda.installers")
    named = [channel for channel in conda.channels if "://" not in channel and channel not in conda.custom_channels]
    own = conda.distribution == "miniforge" and conda.installer_url is None
    version, sha256 = (conda.version, conda.sha256) if own else (None, None)
    found = installers.choose("miniforge", version, machine, "", None, sha256)
    return {"channel": named[0] if named else "", "miniforge": found.url.lstrip("/")}


def measured(session: Session, host: EngineHost, wanted: Sequence[Target], asked: Asked, rules: Rules) -> Seen:
    """One run of the probe on a host. Raises HostError when it cannot be run."""
    size = asked.megabytes * 1_000_000
    requests = []
    for number, target in enumerate(wanted):
        alone = target.index == target.file
        first = size if alone else probing.INDEX_BYTES
        requests.append(probing.Request(2 * number, target.index, first, asked.seconds))
        requests += [] if alone else [probing.Request(2 * number + 1, target.file, size, asked.seconds, follows=True)]
    limit = 30 + sum(request.seconds + 2 for request in requests)
    done = session.connection(host).root(probing.script(), probing.lines(requests), limit)
    told = probing.read(done.stdout.decode(errors="replace"))
    if done.status != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.status}"]
        raise HostError(f"mirrors could not be measured: {said[-1]}")
    fetched = told.fetched
    results = [
        judge(target, fetched.get(2 * number), fetched.get(2 * number + 1), rules, told.authorities)
        for number, target in enumerate(wanted)
    ]
    return Seen(told.tool, tuple(results))


def show(seen: Mapping[str, Seen], failures: Mapping[str, str], output: Output) -> int:
    """Print. Returns the exit code: 1 when a mirror that was chosen does not work, else 4 for unreachable hosts."""
    if output.json:
        rows = {name: {"tool": each.tool, "mirrors": [asdict(r) for r in each.results]} for name, each in seen.items()}
        click.echo(json.dumps({"hosts": rows, "unreachable": dict(failures)}, indent=2))
    for name, each in seen.items():
        output.console.print(f"\n[bold]{escape(name)}[/] [dim]by {each.tool}[/]")
        for line in (*table(each.results), *reasons(each.results)):
            output.console.print(f"  {line}")
    for name, error in failures.items():
        click.echo(f"labprov: {name}: {error}", err=True)
    bad = [r for each in seen.values() for r in each.results if r.counts and r.verdict is not Verdict.FINE]
    return 1 if bad else 4 if failures else 0


def table(results: Sequence[Result]) -> list[str]:
    """The measurements as lines for rich; of each key what the host would use, then the others, fastest first."""
    order = {key: n for n, key in enumerate(dict.fromkeys(result.key for result in results))}
    chosen = sorted(results, key=lambda r: (order[r.key], not r.counts, -(r.mb_per_s or 0)))
    rows = [("mirror", "from", "", "first byte", "speed", "age", "")]
    rows += [
        (
            r.key,
            r.by,
            str(r.verdict),
            "" if r.first_byte_ms is None else f"{r.first_byte_ms:.0f} ms",
            "" if r.mb_per_s is None else f"{r.mb_per_s:.2f} MB/s of {r.measured_bytes / 1e6:.2f} MB",
            "" if r.age_days is None else f"{r.age_days:.0f} d",
            r.url,
        )
        for r in chosen
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.rjust(width) if n > 2 else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row[:6], widths, strict=True))
        ]
        style = _STYLES.get(chosen[number - 1].verdict, "red") if number else "dim"
        cells[2] = f"[{style}]{cells[2]}[/]"
        lines.append("  ".join([*cells, escape(row[6])]).rstrip())
    return lines


def reasons(results: Sequence[Result]) -> list[str]:
    """Of each mirror that does not work: why, and what to do."""
    return [
        f"[{_STYLES.get(r.verdict, 'red')}]{r.key} ({r.by}): {r.verdict}[/]: {escape(f'{r.why}: {r.advice}')}"
        for r in results
        if r.why
    ]


def listing(output: Output) -> int:
    """Show the presets: what each offers, what is uncertain, what it lacks."""
    for name, preset in sorted(presets.load().presets.items()):
        output.console.print(f"[bold]{name}[/]: {preset.title}  [dim]{preset.help}[/]")
        for key, row in preset.mirrors.items():
            note = "; ".join([*(["uncertain"] if row.uncertain else []), *([row.note] if row.note else [])])
            output.console.print(f"  {key}: {row.url}  [dim]{row.date}{f', {escape(note)}' if note else ''}[/]")
        for key, why in preset.lacks.items():
            output.console.print(f"  [dim]{key}: the vendor's own ({escape(why)})[/]")
    return 0
