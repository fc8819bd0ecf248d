"""A stand-in for conda, for the labprov sandbox: SIMULATION of the command line over a real solver (py-rattler).

It really reads condarc files, solves against a channel, links packages and manages environments, with conda's rules
for who may write where. It is not Anaconda's conda: what it cannot do it refuses by name.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(sys.prefix)
"""The installation's prefix: the base environment."""


class CondaError(Exception):
    """What conda reports by the name of its own error class, with exit code 1."""

    def __init__(self, kind: str, message: str, packages: tuple[str, ...] = ()) -> None:
        self.kind, self.packages = kind, packages
        super().__init__(message)


def identity() -> dict[str, str]:
    """Return ``distribution`` (miniconda, miniforge), ``version`` of the installer, ``conda`` version."""
    found: dict[str, str] = json.loads((ROOT / "etc/labprov-sandbox.json").read_text())
    return found
