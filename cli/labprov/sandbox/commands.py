"""What ``labprov sandbox`` does, in words and exit codes. The sandbox itself is ``control``."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import get_args

import click

from labprov.errors import UserError
from labprov.sandbox import NodeSpec, control
from labprov.sandbox.spec import SUITES, Os

INVENTORY = Path("inventories/sandbox.yml")
_DEFAULT_GPU = "A100:1"


def up(nodes: int, systems: Sequence[str], gpus: Sequence[str]) -> int:
    """Bring up ``nodes`` hosts, systems and GPUs in turn, and tell what can be done with them."""
    specs = node_specs(nodes, systems, gpus)
    made = control.up(specs, INVENTORY, _say)
    click.echo(f"\n{len(made.nodes)} hosts are up; their inventory is {made.inventory}. Next:\n")
    click.echo("  labprov apply gpu-node\n")
    return 0


def down() -> int:
    """Remove the sandbox."""
    removed = control.down(_say)
    click.echo("Removed the sandbox." if removed else "There was no sandbox.")
    return 0


def listing() -> int:
    """Print one line a host."""
    found = control.listing()
    for node in found:
        gpus = ", ".join(f"{count} x {model}" for model, count in node.gpus) or "no GPU"
        state = "running" if node.running else "stopped"
        click.echo(f"{node.name:12} {node.address:15} {node.os:10} {state:8} {gpus} (simulated)")
    if not found:
        click.echo("No sandbox. Bring one up by: labprov sandbox up")
    return 0


def ssh(node: str, command: Sequence[str]) -> int:
    """Log in, or run a command; returns its exit code."""
    return subprocess.run([*control.ssh_command(node), *command], check=False).returncode


def node_specs(nodes: int, systems: Sequence[str], gpus: Sequence[str]) -> list[NodeSpec]:
    """``node1`` to ``nodeN``; systems and GPUs are taken in turn. Raises UserError for what cannot be."""
    chosen = [_system(name) for name in systems] or [_system(name) for name in SUITES]
    cards = [_gpu(text) for text in gpus] or [_gpu(_DEFAULT_GPU)]
    names = [f"node{number}" for number in range(1, nodes + 1)]
    pairs = zip(names, islice(cycle(chosen), nodes), islice(cycle(cards), nodes), strict=True)
    return [NodeSpec(name, system, card) for name, system, card in pairs]


def _system(name: str) -> Os:
    for known in get_args(Os):
        if name == known:
            return known  # type: ignore[no-any-return]  # get_args gives the members of Os
    raise UserError(f"unknown system {name!r}", hint=f"one of {', '.join(SUITES)}")


def _gpu(text: str) -> tuple[tuple[str, int], ...]:
    if text == "none":
        return ()
    model, _, count = text.rpartition(":") if ":" in text else (text, "", "1")
    if not count.isdigit():
        raise UserError(f"not MODEL:COUNT: {text!r}", hint="for example 'A100:2'")
    return ((model, int(count)),)


def _say(text: str) -> None:
    click.echo(f"  {text}")
