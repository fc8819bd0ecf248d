"""What a sandbox is made of: the nodes asked for, the nodes there are, their names. Data only; nothing is run here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from labprov.errors import UserError

Os = Literal["debian-12", "debian-13"]
"""The systems that a node can have."""

SUITES: dict[str, str] = {"debian-12": "bookworm", "debian-13": "trixie"}
"""The release name in Debian's archive of each system."""

SIMULATION = "labprov sandbox: simulated GPUs and stand-in vendor packages"
"""How the sandbox names itself in an inventory, and so in every report."""

_NODE = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_SANDBOX = re.compile(r"[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node to make; with ``nouveau`` its kernel brings nouveau, which holds the GPUs until kept away by a reboot.

    Raises UserError for a name that is no host name, an unknown system, or a count of GPUs below 1.
    """

    name: str
    os: Os
    gpus: tuple[tuple[str, int], ...] = ()
    nouveau: bool = False

    def __post_init__(self) -> None:
        if not _NODE.fullmatch(self.name):
            raise UserError(f"not a node name: {self.name!r}", hint="small letters, digits and hyphens, at most 32")
        if self.os not in get_args(Os):
            raise UserError(
                f"unknown system {self.os!r} for node {self.name}", hint="one of " + ", ".join(get_args(Os))
            )
        for model, count in self.gpus:
            if not 1 <= count <= 16:
                raise UserError(f"node {self.name}: {count} GPUs of model {model}", hint="from 1 to 16")


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """One node that there is: its spec, its address on the sandbox's bridge, and whether it runs."""

    spec: NodeSpec
    address: str
    running: bool

    @property
    def name(self) -> str:
        """The node's host name."""
        return self.spec.name

    @property
    def os(self) -> Os:
        """The node's system."""
        return self.spec.os

    @property
    def gpus(self) -> tuple[tuple[str, int], ...]:
        """Models and counts of its simulated GPUs."""
        return self.spec.gpus


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that is up: its nodes, how to reach them, and the inventory that says so."""

    name: str
    nodes: tuple[NodeInfo, ...]
    inventory: Path
    key: Path
    known_hosts: Path
    mirror_url: str = ""

    def node(self, name: str) -> NodeInfo:
        """The node called ``name``; KeyError when there is none."""
        return {node.name: node for node in self.nodes}[name]


def check_sandbox_name(name: str) -> None:
    """Raise UserError unless ``name`` can be part of the name of a network interface (at most 11 characters)."""
    if not _SANDBOX.fullmatch(name):
        raise UserError(f"not a sandbox name: {name!r}", hint="small letters, digits and hyphens, at most 11")
