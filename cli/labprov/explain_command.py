"""The options of ``labprov explain`` as a question, or as hosts to ask. Decides nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from labprov import explain
from labprov import inventory as inventories
from labprov.commands import inventory_path
from labprov.compat import tables
from labprov.compat.request import Wishes
from labprov.compat.tables import Tables
from labprov.errors import UserError
from labprov.running import Output

_VERSIONS = {
    "cuda": (r"\d{1,2}\.\d", "12.8"),
    "version": (r"\d{3}\.\d{1,3}(\.\d{1,2})?", "580.95.05"),
    "torch": (r"\d+\.\d+(\.\d+)?", "2.14"),
    "tensorflow": (r"\d+\.\d+(\.\d+)?", "2.21"),
}


def run(asked: Mapping[str, Any], output: Output) -> int:
    """Answer. Returns the exit code. Raises UserError for options that do not go together."""
    _check_versions(asked)
    if asked["hosts"]:
        from labprov import explain_hosts

        if asked["gpus"] or asked["system"]:
            raise UserError("HOST and --gpu exclude each other", hint="a host's cards and system are asked of itself")
        return explain_hosts.explain_hosts(
            asked["hosts"], asked["inventory"] or "sandbox", wishes(asked), asked["ask"], output
        )
    if not asked["gpus"] or not asked["system"]:
        hint = "as in: labprov explain --gpu 'RTX 5090' --os ubuntu-24.04; or labprov explain HOST"
        raise UserError("name a card and a system, or a host", hint=hint)
    question = explain.Question(
        gpus=asked["gpus"],
        system=asked["system"],
        machine=asked["machine"],
        kernel=asked["kernel"],
        nvswitches=asked["nvswitches"],
        secure_boot=asked["secure_boot"],
        wishes=wishes(asked),
        prefer_newest=asked["newest"],
        end_of_life=asked["end_of_life"],
    )
    return explain.explain(question, _tables(asked["inventory"]), output.console, output.json, output.verbose)


def _tables(name: str | None) -> Tables:
    """Those of the release, with the rows of an inventory that was named."""
    known = tables.load()
    if name is None:
        return known
    compat = inventories.load(inventory_path(name)).compat
    return known.with_overrides(compat.plain(), compat.where)


def wishes(asked: Mapping[str, Any]) -> Wishes:
    """What the options wish for."""
    return Wishes(
        source=asked["source"],
        branch=asked["branch"],
        version=asked["version"],
        flavour=asked["flavour"],
        scope="full" if asked["full"] else "compute",
        cuda=asked["cuda"],
        torch=asked["torch"],
        tensorflow=asked["tensorflow"],
    )


def _check_versions(asked: Mapping[str, Any]) -> None:
    for name, (pattern, example) in _VERSIONS.items():
        values = asked[name] if isinstance(asked[name], tuple) else (asked[name],)
        for value in values:
            if value is not None and not re.fullmatch(pattern, value):
                option = "driver" if name == "version" else name
                raise UserError(f"--{option}: {value!r} is no version", hint=f"as {example}")
    version, branch = asked["version"], asked["branch"]
    if version and branch and not version.startswith(f"{branch}."):
        raise UserError(f"--driver {version} is not of --branch {branch}")
