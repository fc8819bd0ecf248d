"""What a host has of Jupyter, and what the running hub was started from. Starts neither Python nor conda."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyinfra.api import FactBase

from labprov_roles.jupyter.hub import STARTED

MARK = "Managed by labprov"


@dataclass(frozen=True)
class HubState:
    """The hub's service."""

    enabled: bool = False
    active: bool = False
    started: Mapping[str, str] = field(default_factory=dict)
    """What it was started from: file -> checksum; ``""``: the environment's build."""
    now: Mapping[str, str] = field(default_factory=dict)
    """The same, as it is now."""


class HubNow(FactBase[HubState]):
    """The hub's service; ``record`` is the shell text that tells what a hub is made of."""

    default = HubState

    def command(self, record: str) -> str:
        """One line a thing."""
        ask = "systemctl {} jupyterhub.service 2>/dev/null | sed 's/^/is /'; "
        asked = ask.format("is-enabled") + ask.format("is-active")
        return f"{asked}sed 's/^/started /' {STARTED} 2>/dev/null; {{ {record}; }} | sed 's/^/now /'; true"

    def process(self, output: list[str]) -> HubState:
        """Lines like ``is active``, ``started CHECKSUM  FILE``, ``now BUILD``."""
        rows: dict[str, list[str]] = {"is": [], "started": [], "now": []}
        for line in output:
            word, _, rest = line.partition(" ")
            rows.get(word, []).append(rest)
        return HubState(
            "enabled" in rows["is"], "active" in rows["is"], _made_of(rows["started"]), _made_of(rows["now"])
        )


def _made_of(lines: Sequence[str]) -> dict[str, str]:
    rows = (line.partition("  ") for line in lines)
    return {path: checksum for checksum, _, path in rows}


class InTheWay(FactBase[list[str]]):
    """What is not as it should be before anything is done, one sentence each; ``group NAME`` is one's last words."""

    default = list

    def command(self, ours: Sequence[str], needed: Sequence[str], groups: Sequence[str], pam: Sequence[str]) -> str:
        """Files that must be ours or nothing, files that must be there, groups, and places for PAM's file."""
        lines = [_foreign(path) for path in ours]
        lines += [f"[ -f {path} ] || echo missing {path}" for path in map(shlex.quote, needed)]
        lines += [f"getent group {name} >/dev/null || echo group {name}" for name in map(shlex.quote, groups)]
        if pam:
            tests = " || ".join(f"[ -f {path} ]" for path in map(shlex.quote, pam))
            lines.append(f"{tests} || echo missing {shlex.quote(pam[0])}")
        return "; ".join([*lines, "true"])

    def process(self, output: list[str]) -> list[str]:
        """Lines like ``missing /etc/x.pem``."""
        return output


class OwnFiles(FactBase[list[str]]):
    """Those of the files that labprov wrote."""

    default = list

    def command(self, paths: Sequence[str]) -> str:
        """One grep."""
        return f"grep -lsF {shlex.quote(MARK)} -- {shlex.join(paths)} || true"

    def process(self, output: list[str]) -> list[str]:
        """A path a line."""
        return output


def _foreign(path: str) -> str:
    quoted = shlex.quote(path)
    there = f"{{ [ -e {quoted} ] || [ -L {quoted} ]; }}"
    return f"if {there} && ! grep -qsF {shlex.quote(MARK)} -- {quoted}; then echo foreign {quoted}; fi"
