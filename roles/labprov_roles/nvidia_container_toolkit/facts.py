"""The CDI specification of a host's NVIDIA GPUs, and what it must agree with. Empty values on a host without them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyinfra.api import FactBase

BOOT_SPEC = "/var/run/cdi/nvidia.yaml"
"""Written at each boot by the toolkit's own unit (1.18 and later)."""
LASTING_SPEC = "/etc/cdi/nvidia.yaml"
"""For older toolkits: nobody would write it again at boot."""
PATH_UNIT, REFRESH_UNIT = "nvidia-cdi-refresh.path", "nvidia-cdi-refresh.service"


@dataclass(frozen=True)
class Cdi:
    """Where a host's CDI specification stands."""

    installed: bool = False
    """Whether the toolkit is there."""
    driver: str = ""
    """Version of the driver that answers now; empty when none does."""
    described: frozenset[str] = frozenset()
    """Versions of the driver whose files the specification names."""
    units: frozenset[str] = frozenset()
    """The toolkit's refresh units that exist."""
    ready: frozenset[str] = frozenset()
    """Those that are enabled; the path unit must also be active to count."""


class CdiState(FactBase[Cdi]):
    """The host's ``Cdi``."""

    def command(self) -> str:
        """Lines ``word value``; nvidia-smi's own exit code says whether the driver answers."""
        query = "nvidia-smi --query-gpu=driver_version --format=csv,noheader"
        return (
            "command -v nvidia-ctk >/dev/null && echo installed yes; "
            f'v=$({query} 2>/dev/null) && echo "$v" | head -n 1 | sed "s/^/driver /"; '
            f"cat {BOOT_SPEC} {LASTING_SPEC} 2>/dev/null | grep -oE 'libcuda\\.so\\.[0-9]+\\.[0-9.]+' | sort -u "
            "| sed 's/^libcuda.so./spec /'; "
            "systemctl list-unit-files --no-legend 'nvidia-cdi-refresh.*' 2>/dev/null | sed 's/^/unit /'; "
            f"systemctl is-active --quiet {PATH_UNIT} 2>/dev/null && echo watching yes; true"
        )

    @staticmethod
    def default() -> Cdi:
        """Nothing is there."""
        return Cdi()

    def process(self, output: list[str]) -> Cdi:
        """Sort the lines by their first word."""
        rows = [line.split() for line in output]
        rows = [row for row in rows if len(row) >= 2]
        words = {row[0]: row[1] for row in rows}
        enabled = {row[1] for row in rows if row[0] == "unit" and row[2:3] == ["enabled"]}
        return Cdi(
            installed="installed" in words,
            driver=words.get("driver", "") if re.fullmatch(r"[0-9.]+", words.get("driver", "")) else "",
            described=frozenset(row[1] for row in rows if row[0] == "spec"),
            units=frozenset(row[1] for row in rows if row[0] == "unit"),
            ready=frozenset(enabled if "watching" in words else enabled - {PATH_UNIT}),
        )
