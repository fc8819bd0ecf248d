"""A first apply of gpu-node on a bare node against what it cannot do without: ``python -m bench.first_apply``.

The other side is one ``apt-get install`` of the same packages in the same versions on an identical bare node, with
the repositories already known there, plus the download of the conda installer. It configures, checks and starts
nothing that the packages do not start themselves.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench import measure, results
from bench.__main__ import FOLDER
from bench.farm import GPUS, SYSTEM
from bench.measure import Sample, Series
from bench.results import Claim
from labprov.sandbox import NodeSpec, Sandbox, down, ssh_command, up

NAME = "bench-1st"
LIMIT = 1.15
_MANAGED = "/etc/apt/sources.list.d /etc/apt/keyrings"
_PACKAGES = "dpkg-query -W -f '${db:Status-Abbrev}${Package}=${Version}\\n' | sed -n 's/^[hi]i *//p'"


@click.command()
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1), help="How often each is measured.")
def main(runs: int) -> None:
    """Measure a first apply against the bare installation of the same packages."""
    console = Console(width=150)
    results.quiet_or_say(console)
    data: dict[str, Any] = results.conditions()
    samples: dict[str, list[Sample]] = {"apt-get": [], "until applied": [], "with verification": []}
    for number in range(runs + 1):
        taken = _once()
        if number:  # the first round only warms the caches of packages
            for name, sample in taken.items():
                samples[name].append(sample)
        console.print(f"  run {number} of {runs} done")
    series = {name: Series(each) for name, each in samples.items()}
    floor = series["apt-get"].seconds()["median"]
    ratios = {name: round(each.seconds()["median"] / floor, 2) for name, each in series.items()}
    rows: list[dict[str, Any]] = [{"what": n, **s.seconds(), "x apt-get": ratios[n]} for n, s in series.items()]
    results.show(console, "First apply of gpu-node", rows)
    claims = [Claim("first apply, times apt-get and the downloads", LIMIT, ratios["until applied"])]
    results.keep("first_apply", data | {"rows": rows, "runs": runs, "claims": results.show_claims(console, claims)})


def _once() -> dict[str, Sample]:
    """Both on fresh nodes, labprov first: it says which packages there are to install."""
    folder = (FOLDER / "first").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    down(lambda text: None, name=NAME)
    made = up([NodeSpec(n, SYSTEM, GPUS) for n in ("one", "two")], folder / "sandbox.yml", lambda text: None, name=NAME)
    try:
        before = _on("two", _PACKAGES).split()
        applied, whole, installer = _apply(made, folder)
        packages = sorted(set(_on("one", _PACKAGES).split()) - set(before))
        _hand_over()
        bare = measure.run([*ssh_command("two", name=NAME), "sudo -n sh -c", f"'{_install(packages, installer)}'"], {})
        return {"apt-get": bare, "until applied": applied, "with verification": whole}
    finally:
        down(lambda text: None, name=NAME)


def _apply(made: Sandbox, folder: Path) -> tuple[Sample, Sample, str]:
    """Apply on the node ``one``: until the last operation ended, with verification, and the installer's URL."""
    runs = folder / "state/labprov/runs"
    for journal in runs.glob("*.jsonl"):
        journal.unlink()
    started = time.time()
    whole = measure.labprov("apply", "gpu-node", "-y", "-l", "one", "-i", str(made.inventory), state=folder / "state")
    records = [json.loads(line) for path in runs.glob("*.jsonl") for line in path.read_text().splitlines()]
    outcomes = [record for record in records if record["kind"] == "applied"]
    ended = max(outcome["started"] + outcome["seconds"] for outcome in outcomes)
    urls = re.findall(r"http://[^\s'\"]+\.sh\b", " ".join(c for each in outcomes for c in each["commands"]))
    return Sample(ended - started, whole.cpu, whole.peak_mb), whole, urls[0]


def _hand_over() -> None:
    """Make the repositories of ``one`` known to ``two``."""
    send, take = (ssh_command(name, name=NAME) for name in ("one", "two"))
    files = subprocess.run([*send, f"sudo -n tar -c {_MANAGED}"], check=True, capture_output=True).stdout
    subprocess.run([*take, "sudo -n tar -x -C /"], input=files, check=True, capture_output=True)


def _install(packages: Sequence[str], installer: str) -> str:
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --allow-downgrades " + " ".join(packages)
    return f"set -e; apt-get update -q; {install}; curl -fsSo /root/installer.sh {installer}"


def _on(node: str, command: str) -> str:
    words = [*ssh_command(node, name=NAME), command]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
