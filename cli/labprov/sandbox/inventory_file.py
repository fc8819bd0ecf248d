"""The inventory that describes a sandbox, as YAML text that says what it is and how to be rid of it. Writes no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from labprov.sandbox.spec import SIMULATION, NodeInfo

HEADER = """\
# Made by `labprov sandbox up`; every `up` writes it anew, so changes made here are lost.
# These hosts are a SIMULATION on this machine: real systems, with simulated GPUs and stand-in vendor packages.
# `labprov sandbox down` removes the hosts and this file.
"""


def text(
    nodes: Sequence[NodeInfo],
    key: Path,
    known_hosts: Path,
    mirrors: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> str:
    """The inventory's text; ``mirrors`` and ``settings`` are left out where there are none."""
    inventory: dict[str, Any] = {
        "simulation": SIMULATION,
        "user": "admin",
        "key": str(key),
        "sudo": True,
        "known_hosts": str(known_hosts),
    }
    if mirrors:
        inventory["mirrors"] = dict(mirrors)
    if settings:
        inventory["settings"] = dict(settings)
    inventory["groups"] = groups(nodes)
    inventory["hosts"] = {node.name: {"address": node.address, "port": 22} for node in nodes}
    return HEADER + "\n" + yaml.safe_dump(inventory, sort_keys=False, width=120)


def is_ours(file: Path) -> bool:
    """Whether ``file`` is an inventory that the sandbox wrote (False too when there is no such file)."""
    return file.is_file() and file.read_text(errors="replace").startswith(HEADER.splitlines()[0])


def groups(nodes: Sequence[NodeInfo]) -> dict[str, dict[str, list[str]]]:
    """``gpu`` (where some node has one) and one group a system (``debian_12``), with their hosts."""
    members: dict[str, list[str]] = {}
    for node in nodes:
        for group in (*(["gpu"] if node.gpus else []), node.os.replace("-", "_")):
            members.setdefault(group, []).append(node.name)
    return {group: {"hosts": hosts} for group, hosts in sorted(members.items(), key=lambda item: item[0] != "gpu")}
