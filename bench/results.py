"""The figures: kept in results.json (one section a measurement), shown as tables, held against what was promised."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results.json"
BUSY = 0.5
"""Load (processes that want a core) from which on a machine is not quiet."""
_PACKAGES = ("labprov", "pyinfra", "paramiko", "gevent", "pydantic", "pytest", "asyncssh", "ansible-core", "mitogen")


@dataclass(frozen=True)
class Claim:
    """One promise, and what came out."""

    text: str
    limit: float
    measured: float
    at_least: bool = False
    """The limit is a lower one."""

    @property
    def holds(self) -> bool:
        """Whether it is kept."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def conditions() -> dict[str, Any]:
    """When and where: date, machine, load before, versions."""
    cores = os.cpu_count() or 1
    about = Path("/proc/cpuinfo").read_text().splitlines()
    model = [line.split(":")[1].strip() for line in about if "model name" in line]
    load = os.getloadavg()
    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
        "machine": {"cores": cores, "cpu": model[0] if model else "", "kernel": platform.release()},
        "load_before": [round(value, 2) for value in load],
        "quiet": load[0] < BUSY * cores,
        "versions": {name: _version(name) for name in _PACKAGES} | _others(),
    }


def quiet_or_say(console: Console, wait: float = 120) -> None:
    """Wait up to ``wait`` seconds for a quiet machine, and warn when it does not become so."""
    deadline = time.monotonic() + wait
    while (load := os.getloadavg()[0]) > BUSY * (os.cpu_count() or 1):
        if time.monotonic() > deadline:
            console.print(f"[yellow]This machine is busy (load {load:.1f}): ratios hold roughly, seconds do not.[/]")
            return
        time.sleep(5)


def keep(section: str, data: dict[str, Any]) -> None:
    """Put a section into results.json; the others stay."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(kept | {section: data}, indent=1, sort_keys=True) + "\n")


def show(console: Console, title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print records as a table; the first one names the columns."""
    table = Table(title=title, title_justify="left")
    for index, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if index else "left")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    console.print(table)


def show_claims(console: Console, claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Print each promise with its verdict; returns them as plain data."""
    for claim in claims:
        word = "[green]holds[/]" if claim.holds else "[red]misses[/]"
        bound = "at least" if claim.at_least else "at most"
        console.print(f"{word}  {claim.text}: {claim.measured:.3g} ({bound} {claim.limit:g})")
    return [asdict(claim) | {"holds": claim.holds} for claim in claims]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}" if value >= 100 else f"{value:.2f}"
    return "" if value is None else str(value)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _others() -> dict[str, str]:
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr.strip()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {"python": sys.version.split()[0], "ssh": ssh, "commit": commit.stdout.strip()}
