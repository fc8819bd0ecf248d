"""A first apply of gpu-node on a bare node against what it cannot do without: ``python -m bench.first_apply``.

The other side is one ``apt-get install`` of the same packages in the same versions on an identical bare node, with
the repositories already known there, plus the download of the conda installer. It configures, checks and starts
nothing that the packages do not start themselves. The vendors' packages are small stand-ins; with ``--real`` driver and
CUDA are Debian 12's own, some 2 GB of downloads whose module is compiled, on a node without a GPU.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console

from bench import measure, results
from bench.__main__ import FOLDER
from bench.farm import GPUS, SYSTEM
from bench.measure import Sample, Series
from bench.results import Claim
from labprov.sandbox import NodeSpec, Sandbox, down, ssh_command, up
from labprov.sandbox.spec import Os

NAME = "bench-1st"
LIMIT = 1.15
_DISTRO = {"source": "distro", "force": True}
# A container has no kernel of its own: it says that it runs Debian's, for which the module is then built.
_KERNEL = """set -e
export DEBIAN_FRONTEND=noninteractive
rm -f /etc/apt/sources.list.d/labprov-sandbox-kernel.list /etc/apt/preferences.d/labprov-sandbox-kernel
dpkg --purge "linux-image-$(uname -r)" >/dev/null 2>&1
rm -rf /boot/*-"$(uname -r)" "/lib/modules/$(uname -r)"
apt-get update -q >/dev/null
apt-get install -q -y --no-install-recommends linux-image-cloud-amd64 >/dev/null 2>&1
release=$(ls /boot/vmlinuz-* | sed 's|.*/vmlinuz-||')
printf '#!/bin/sh\\n[ "$*" = -r ] && exec echo %s\\nexec /usr/bin/uname "$@"\\n' "$release" > /usr/local/bin/uname
chmod 755 /usr/local/bin/uname
"""
_MANAGED = "/etc/apt/sources.list.d /etc/apt/keyrings"
_PACKAGES = "dpkg-query -W -f '${db:Status-Abbrev}${Package}=${Version}\\n' | sed -n 's/^[hi]i *//p'"


@dataclass(frozen=True)
class Case:
    """What is installed."""

    title: str
    system: Os
    gpus: tuple[tuple[str, int], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Role -> options, for all hosts."""
    prepare: str = ""
    """Shell script for root, run on a bare node before anything is measured."""


STAND_INS = Case("stand-ins", SYSTEM, GPUS)
REAL = Case("real packages", "debian-12", (), {"nvidia_driver": _DISTRO, "cuda": _DISTRO}, _KERNEL)


@click.command()
@click.option("--real", is_flag=True, help="Debian's own driver and CUDA instead of stand-ins.")
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1), help="How often each is measured.")
def main(runs: int, real: bool) -> None:
    """Measure a first apply against the bare installation of the same packages."""
    console, case = Console(width=150), REAL if real else STAND_INS
    results.quiet_or_say(console)
    data: dict[str, Any] = results.conditions()
    samples: dict[str, list[Sample]] = {"apt-get": [], "until applied": [], "with verification": []}
    for number in range(runs + 1):
        taken = _once(case)
        if number:  # the first round only warms the caches of packages
            for name, sample in taken.items():
                samples[name].append(sample)
        console.print(f"  run {number} of {runs} done")
    series = {name: Series(each) for name, each in samples.items()}
    floor = series["apt-get"].seconds()["median"]
    ratios = {name: round(each.seconds()["median"] / floor, 2) for name, each in series.items()}
    rows: list[dict[str, Any]] = [{"what": n, **s.seconds(), "x apt-get": ratios[n]} for n, s in series.items()]
    results.show(console, f"First apply of gpu-node, {case.title}", rows)
    claims = [Claim(f"first apply, {case.title}, times apt-get and the downloads", LIMIT, ratios["until applied"])]
    results.keep(
        f"first_apply, {case.title}",
        data | {"rows": rows, "runs": runs, "claims": results.show_claims(console, claims)},
    )


def _once(case: Case) -> dict[str, Sample]:
    """Both on fresh nodes, labprov first: it says which packages there are to install."""
    folder = (FOLDER / "first").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    down(lambda text: None, name=NAME)
    (folder / "labprov.lock").unlink(missing_ok=True)
    nodes = [NodeSpec(name, case.system, case.gpus) for name in ("one", "two")]
    made = up(nodes, folder / "sandbox.yml", lambda text: None, name=NAME)
    try:
        inventory = _prepare(case, made)
        before = _on("two", _PACKAGES).split()
        applied, whole, installer = _apply(inventory, folder)
        packages = sorted(set(_on("one", _PACKAGES).split()) - set(before))
        _hand_over()
        bare = measure.run([*ssh_command("two", name=NAME), "sudo -n sh -c", f"'{_install(packages, installer)}'"], {})
        return {"apt-get": bare, "until applied": applied, "with verification": whole}
    finally:
        down(lambda text: None, name=NAME)


def _prepare(case: Case, made: Sandbox) -> Path:
    """Make both nodes ready; gives the inventory with the case's settings."""
    for name in ("one", "two") if case.prepare else ():
        command = [*ssh_command(name, name=NAME), "sudo -n sh"]
        subprocess.run(command, input=case.prepare, check=True, capture_output=True, text=True)
    inventory = yaml.safe_load(made.inventory.read_text())
    inventory["settings"] = {**inventory.get("settings", {}), **case.settings}
    file = made.inventory.with_name("lab.yml")
    file.write_text(yaml.safe_dump(inventory, sort_keys=False))
    return file


def _apply(inventory: Path, folder: Path) -> tuple[Sample, Sample, str]:
    """Apply on the node ``one``: until the last operation ended, with verification, and the installer's URL."""
    runs = folder / "state/labprov/runs"
    for journal in runs.glob("*.jsonl"):
        journal.unlink()
    started = time.time()
    whole = measure.labprov("apply", "gpu-node", "-y", "-l", "one", "-i", str(inventory), state=folder / "state")
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
    # The packages are named with all that they need; recommended ones would be more than labprov installs.
    options = "-q -y --allow-downgrades --no-install-recommends"
    install = f"DEBIAN_FRONTEND=noninteractive apt-get install {options} {' '.join(packages)}"
    return f"set -e; apt-get update -q; {install}; curl -fsSo /root/installer.sh {installer}"


def _on(node: str, command: str) -> str:
    words = [*ssh_command(node, name=NAME), command]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
