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
"""The toolkit's own, of 1.18 and later."""
_LIBRARY = "libcuda.so."


@dataclass(frozen=True)
class Cdi:
    """What there is of a host's CDI specification."""

    installed: bool = False
    """Whether the toolkit is there."""
    described: frozenset[str] = frozenset()
    """Versions of the driver whose files the specification names."""


class CdiState(FactBase[Cdi]):
    """The host's ``Cdi``."""

    default = Cdi

    def command(self) -> str:
        """``installed yes`` where that is so, then the names of the driver's library. One process."""
        return (
            "! command -v nvidia-ctk >/dev/null || echo installed yes; "
            f"grep -ohsE 'libcuda\\.so\\.[0-9]+\\.[0-9.]+' {BOOT_SPEC} {LASTING_SPEC}; true"
        )

    def process(self, output: list[str]) -> Cdi:
        """A line each time that a name is there."""
        names = {line.removeprefix(_LIBRARY) for line in output if line.startswith(_LIBRARY)}
        return Cdi("installed yes" in output, frozenset(names))


class AnsweringDriver(FactBase[str]):
    """Version of the driver that answers now; empty when none does. Takes seconds where nothing keeps it awake."""

    @staticmethod
    def default() -> str:
        """None answers."""
        return ""

    def command(self) -> str:
        """nvidia-smi's own exit code says whether it does."""
        query = "nvidia-smi --query-gpu=driver_version --format=csv,noheader"
        return f'v=$({query} 2>/dev/null) && printf "%s\\n" "$v"; true'

    def process(self, output: list[str]) -> str:
        """A line a card."""
        said = output[0].strip() if output else ""
        return said if re.fullmatch(r"[0-9.]+", said) else ""
