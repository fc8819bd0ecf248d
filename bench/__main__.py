"""Nothing to do, on 1, 5 and 20 hosts: ``python -m bench``. Contestants take turns, so that noise hits all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench import claims, farm, ground, measure, results
from bench.contestants import FACTS, HAND, PLAN, Contestant, everyone
from bench.ground import Ground
from bench.measure import Failed, Sample, Series
from labprov.sandbox import down

FOLDER = Path(".labprov/bench")
_Numbers = tuple[int, ...]


def _numbers(_context: click.Context, _option: click.Parameter, value: str) -> _Numbers:
    return tuple(int(word) for word in value.split(",") if word)


@click.command()
@click.option("--hosts", default="1,5,20", show_default=True, callback=_numbers, help="How many, in turn.")
@click.option("--delay-hosts", default="1,20", show_default=True, callback=_numbers, help="Those also from afar.")
@click.option("--delay", default=20, show_default=True, metavar="MS", help="Added to each round trip from afar.")
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1), help="How often each is measured.")
@click.option("--slow-runs", default=5, show_default=True, type=click.IntRange(0), help="The same, for slow ones.")
@click.option(
    "--slow-hosts", default="1,5,20", show_default=True, callback=_numbers, help="Slow ones only on so many, near."
)
@click.option("--only", multiple=True, help="Only contestants whose name contains this (and labprov plan).")
@click.option("--keep", is_flag=True, help="Use hosts of an earlier run with --keep, and leave them.")
def main(
    hosts: _Numbers,
    delay_hosts: _Numbers,
    delay: int,
    runs: int,
    slow_runs: int,
    slow_hosts: _Numbers,
    only: tuple[str, ...],
    keep: bool,
) -> None:
    """Measure labprov, pyinfra, Ansible and the floor where nothing is to be done."""
    console = Console(width=150)
    most = max((*hosts, *delay_hosts))
    up = (keep and farm.existing(FOLDER, most)) or farm.build(FOLDER, most, lambda text: console.print(f"  {text}"))
    ground.fetch_managed(up)
    results.quiet_or_say(console)
    data: dict[str, Any] = results.conditions() | {"targets": farm.ABOUT, "runs": runs, "slow_runs": slow_runs}
    chosen = [each for each in everyone() if not only or each.name == PLAN or any(o in each.name for o in only)]
    rows: list[dict[str, Any]] = []
    for number, added in [*((n, 0) for n in hosts), *((n, delay) for n in delay_hosts)]:
        with ground.ground(up, number, added) as made:
            who = [each for each in chosen if not each.slow or (number in slow_hosts and not added)]
            found = _case(console, made, who, runs, slow_runs)
        results.show(console, f"{number} hosts, {added} ms added to each round trip", found)
        rows += [{"hosts": number, "delay_ms": added, **row} for row in found]
    data |= {"rows": rows, "claims": results.show_claims(console, claims.of(rows, delay))}
    results.keep("nothing_to_do", data)
    if not keep:
        down(lambda text: None, name=farm.NAME)


def _case(
    console: Console, made: Ground, contestants: list[Contestant], runs: int, slow_runs: int
) -> list[dict[str, Any]]:
    """Warm each contestant up, counting its commands on the hosts, then measure all in turn."""
    execs: dict[str, float] = {}
    for each in list(contestants):
        if each.slow and not slow_runs:
            contestants = [c for c in contestants if c is not each]
            continue
        try:
            execs[each.name] = _warm_up(made, each)
        except Failed as error:
            console.print(f"[yellow]{each.name} does not work here and is left out:[/]\n{error}")
            contestants = [c for c in contestants if c is not each]
    samples: dict[str, list[Sample]] = {each.name: [] for each in contestants}
    for number in range(runs):
        for each in contestants:
            if number < (slow_runs if each.slow else runs):
                samples[each.name].append(_run(made, each))
        console.print(f"  run {number + 1} of {runs} done")
    return _rows(made, {name: Series(taken) for name, taken in samples.items()}, execs)


def _warm_up(made: Ground, each: Contestant) -> float:
    """Run once, labprov twice (it learns in the first); returns the commands that a host was given in the last one."""
    if each.name.startswith("labprov"):
        _run(made, each)
    before = ground.counted(made)
    _run(made, each)
    counts = [after - was for after, was in zip(ground.counted(made), before, strict=True)]
    if each.name == PLAN:
        made.write_facts()
    return max(counts) - 1  # the one that counted


def _run(made: Ground, each: Contestant) -> Sample:
    return measure.run(each.command(made), each.environment(made), each.must_say)


def _rows(made: Ground, series: dict[str, Series], execs: dict[str, float]) -> list[dict[str, Any]]:
    medians = {name: taken.seconds()["median"] for name, taken in series.items()}
    rows = []
    for name, taken in series.items():
        row: dict[str, Any] = {"contestant": name, **taken.seconds(), "runs": len(taken.samples)}
        for title, floor in (("x floor a", FACTS), ("x floor b", HAND), ("x plan", PLAN)):
            row[title] = round(medians[name] / medians[floor], 2) if floor in medians else None
        row["execs/host"] = execs[name]
        row["cpu s"] = round(taken.cpu, 3)
        row["cpu s/host"] = round(taken.cpu / len(made.hosts), 4)
        row["peak MB"] = round(taken.peak_mb, 1)
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
