"""The NVIDIA GPUs of a host, from sysfs: works without lspci, a driver and root. Not what they can do."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api import FactBase


@dataclass(frozen=True)
class Gpu:
    """One GPU on the PCI bus."""

    slot: str
    """PCI address: ``0000:3b:00.0``."""
    device: str
    """PCI device id in four lower-case hexadecimal digits: ``20b5``."""
    driver: str
    """The kernel driver that holds it now (``nvidia``, ``nouveau``, ``nova_core``, ``vfio-pci``), or empty."""


class NvidiaGpus(FactBase[list[Gpu]]):
    """Display controllers (class 0x03xxxx) of vendor 0x10de, in the order of their PCI address."""

    default = list

    def command(self) -> str:
        """One line a GPU: address, device id, driver."""
        return (
            # the shell reads by itself: a server has hundreds of devices, and a process each would take long
            'for d in /sys/bus/pci/devices/*; do [ -r "$d/vendor" ] && read -r v <"$d/vendor" && '
            '[ "$v" = 0x10de ] && read -r c <"$d/class" || continue; '
            'case "$c" in 0x03*) ;; *) continue;; esac; read -r i <"$d/device"; '
            'r=$(cd -P "$d/driver" 2>/dev/null && pwd); echo "${d##*/} $i ${r##*/}"; done; true'
        )

    def process(self, output: list[str]) -> list[Gpu]:
        """Lines like ``0000:3b:00.0 0x20b5 nouveau``."""
        rows = [line.split() for line in output if line.strip()]
        return [Gpu(row[0], row[1].removeprefix("0x").lower(), row[2] if len(row) > 2 else "") for row in rows]
