"""What one more host costs the controller: ``python -m bench.thousand``, up to 1,000 hosts played by one ssh server.

The server answers with what a real host with gpu-node answered, so labprov does all of its own work: key exchange,
questions, parsing, the roles' code, the outcomes of every operation. Only the hosts' time is missing.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console

from bench import farm, measure, results
from bench.__main__ import FOLDER
from bench.farm import Farm
from bench.ground import DEPLOY
from bench.measure import Sample, Series
from bench.results import Claim
from labprov.engine.learned import Learned
from labprov.sandbox import down, ssh_command

PORT = 2200
CPU_MS, MEMORY_MB = 25.0, 1.0
"""What a host may cost."""


@click.command()
@click.option("--hosts", default="10,100,300,1000", show_default=True, help="How many, in turn.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1), help="How often each is measured.")
@click.option("--keep", is_flag=True, help="Use hosts of an earlier run with --keep, and leave them.")
def main(hosts: str, runs: int, keep: bool) -> None:
    """Measure the controller's CPU time and memory for each host of a plan with nothing to do."""
    console, numbers = Console(width=150), [int(word) for word in hosts.split(",")]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * max(numbers) + 200)), hard))
    up = (keep and farm.existing(FOLDER, 1)) or farm.build(FOLDER, 1, lambda text: console.print(f"  {text}"))
    results.quiet_or_say(console)
    data: dict[str, Any] = results.conditions()
    folder = (FOLDER / "thousand").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with _server(up, folder) as statistics:
        _plan(up, folder, 1)
        before = statistics.read_text()
        series: dict[int, list[Sample]] = {number: [] for number in numbers}
        for _ in range(runs):
            for number in numbers:
                series[number].append(_plan(up, folder, number))
                console.print(f"  {number} hosts: {series[number][-1].seconds:.1f} s")
        if statistics.read_text() != before:
            raise click.ClickException("a played host was asked what the real one had not been: not measured")
    rows = _rows({number: Series(taken) for number, taken in series.items()})
    results.show(console, "Simulated hosts, plan with nothing to do", rows)
    results.keep("thousand", data | {"rows": rows, "runs": runs, "claims": results.show_claims(console, _claims(rows))})
    if not keep:
        down(lambda text: None, name=farm.NAME)


@contextmanager
def _server(up: Farm, folder: Path) -> Iterator[Path]:
    """The server of the played hosts, in a process of its own; gives its statistics file."""
    key, statistics = folder / "host_key", folder / "asked_live"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    statistics.unlink(missing_ok=True)
    login = ssh_command(next(iter(up.addresses)), name=farm.NAME)
    words = [str(PORT), str(key), f"{up.key}.pub", str(statistics), *login]
    process = subprocess.Popen([sys.executable, "-m", "bench.canned", *words])
    try:
        time.sleep(2)
        yield statistics
    finally:
        process.terminate()
        process.wait()


def _plan(up: Farm, folder: Path, number: int) -> Sample:
    """Plan ``number`` played hosts whose questions are known from the first one."""
    hosts = {f"sim{index:04}": f"127.30.{index // 250}.{index % 250 + 1}" for index in range(number)}
    key = (folder / "host_key.pub").read_text().rsplit(" ", 1)[0]
    known, inventory = folder / "known_hosts", folder / f"{number}.yml"
    known.write_text("".join(f"[{address}]:{PORT} {key}\n" for address in hosts.values()))
    own = {name: {"address": address, "port": PORT} for name, address in hosts.items()}
    settings = {**up.inventory, "known_hosts": str(known), "groups": {"gpu": {"hosts": list(hosts)}}, "hosts": own}
    inventory.write_text(yaml.safe_dump(settings, sort_keys=False))
    state = folder / "state"
    if number > 1:
        first, all_of_them = (_learned(folder / f"{n}.yml", state) for n in (1, number))
        for name in hosts:
            all_of_them.put(name, "facts", first.get("sim0000", "facts"))
        all_of_them.save()
    command = [str(Path(sys.executable).with_name("labprov")), "plan", "gpu-node", "-i", str(inventory)]
    environment = {"XDG_STATE_HOME": str(state), "NO_COLOR": "1"}
    if number == 1:
        measure.run(command, environment, "Nothing to change")
    return measure.run(command, environment, "Nothing to change")


def _learned(inventory: Path, state: Path) -> Learned:
    return Learned(f"{inventory.resolve()} {DEPLOY.resolve()}", state / "labprov")


def _rows(series: dict[int, Series]) -> list[dict[str, Any]]:
    """A host's cost is the slope from the case before: what the start of Python costs is no host's."""
    rows: list[dict[str, Any]] = []
    before: tuple[int, Series] | None = None
    for number, taken in series.items():
        row: dict[str, Any] = {"hosts": number, **taken.seconds(), "cpu s": taken.cpu, "peak MB": taken.peak_mb}
        row["cpu ms/host"] = 1000 * taken.cpu / number
        row["MB/host"] = taken.peak_mb / number
        if before:
            more = number - before[0]
            row["cpu ms/more host"] = 1000 * (taken.cpu - before[1].cpu) / more
            row["MB/more host"] = (taken.peak_mb - before[1].peak_mb) / more
        else:
            row |= {"cpu ms/more host": None, "MB/more host": None}
        rows.append({name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()})
        before = number, taken
    return rows


def _claims(rows: list[dict[str, Any]]) -> list[Claim]:
    last = rows[-1]
    claims = [
        Claim(f"controller CPU, ms for each of {last['hosts']} hosts", CPU_MS, last["cpu ms/host"]),
        Claim(f"controller memory, MB for each of {last['hosts']} hosts", MEMORY_MB, last["MB/host"]),
    ]
    slopes = [row["cpu ms/more host"] for row in rows[1:]]
    if len(slopes) > 1:
        claims.append(Claim("linear: the last slope of CPU over the first one", 1.3, slopes[-1] / slopes[0]))
    return claims


if __name__ == "__main__":
    main()
