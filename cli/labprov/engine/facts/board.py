"""What a driver's choice needs to know of a machine beside its GPUs and its system. One round trip; never fails."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api import FactBase

_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as the running kernel sees it."""

    kernel: str = ""
    """``uname -r``."""
    nvswitches: tuple[str, ...] = ()
    """PCI device ids of NVIDIA's bridges (class 0x0680)."""
    secure_boot: bool = False


class Board(FactBase[Machine]):
    """The running kernel, the NVSwitches on the PCI bus, and whether Secure Boot is on."""

    default = Machine

    def command(self) -> str:
        """Lines of a keyword and a value."""
        return (
            'echo "kernel $(uname -r)"; for d in /sys/bus/pci/devices/*; do [ -r "$d/vendor" ] || continue; '
            'read -r v <"$d/vendor" && [ "$v" = 0x10de ] && read -r c <"$d/class" || continue; '
            'case "$c" in 0x0680*) read -r i <"$d/device"; echo "switch $i";; esac; done; '
            # the first four bytes are the variable's attributes
            f"[ ! -r {_SECURE_BOOT} ] || echo secure $(od -An -t u1 -j 4 -N 1 {_SECURE_BOOT})"
        )

    def process(self, output: list[str]) -> Machine:
        """Parse the lines; what is missing is not there."""
        rows = [line.split() for line in output]
        values = [(row[0], row[1]) for row in rows if len(row) == 2]
        found = dict(values)
        switches = tuple(value.removeprefix("0x").lower() for key, value in values if key == "switch")
        return Machine(found.get("kernel", ""), switches, found.get("secure") == "1")
