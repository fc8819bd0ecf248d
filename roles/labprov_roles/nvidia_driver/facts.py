"""Facts about the driver itself: its module on disk and loaded, its library, its CDI. They never fail.

``facts_kernels`` has the kernels, ``facts_packages`` how a driver came onto the host, ``facts_secure_boot`` what a
kernel trusts, ``facts_mig`` how cards are divided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyinfra.api import FactBase

_VERSION = re.compile(r"(?<![\d.])(\d{3}\.\d+(?:\.\d+)?)(?![\d.])")
MODULES = ("nvidia", "nvidia-current", "nvidia-tesla-470", "nvidia-tesla-535")
"""Names of the driver's module: NVIDIA's, then those of Debian's packages."""
OPEN_LICENCE = "Dual MIT/GPL"
"""What the open module's file says; the proprietary one's says ``NVIDIA``."""


@dataclass(frozen=True, slots=True)
class Module:
    """The driver's kernel module on disk, for one kernel."""

    kernel: str
    version: str
    licence: str = ""
    signer: str = ""
    """Common name of the key that signed it; empty: not signed."""

    @property
    def flavour(self) -> str:
        """``open`` or ``proprietary``; empty where the file does not say."""
        return {"": "", OPEN_LICENCE: "open"}.get(self.licence, "proprietary")


class ModulesOnDisk(FactBase[list[Module]]):
    """The driver's module for each kernel that has one."""

    default = list

    def command(self) -> str:
        """One process a kernel: what modinfo says, after a line with the kernel's release."""
        names = " ".join(MODULES)
        return (
            "for d in /lib/modules/*/; do k=${d#/lib/modules/}; k=${k%/}; "
            f'[ ! -e "$d/modules.dep" ] || {{ echo "kernel: $k"; modinfo -k "$k" {names} 2>/dev/null; }}; done '
            "| grep -E '^(kernel|version|license|signer):'; true"
        )

    def process(self, output: list[str]) -> list[Module]:
        """Of several modules for a kernel the first counts, as modprobe's aliases have it."""
        found: dict[str, dict[str, str]] = {}
        kernel = ""
        for line in output:
            key, _, value = line.partition(":")
            if key == "kernel":
                kernel = value.strip()
            else:
                found.setdefault(kernel, {}).setdefault(key, value.strip())
        return [
            Module(kernel, said["version"], said.get("license", ""), said.get("signer", ""))
            for kernel, said in found.items()
            if "version" in said
        ]


class LoadedDriver(FactBase[str]):
    """The version of the loaded driver; empty when none is loaded."""

    @staticmethod
    def default() -> str:
        """None is loaded."""
        return ""

    def command(self) -> str:
        """The kernel's own word."""
        return '[ ! -r /proc/driver/nvidia/version ] || { read -r v </proc/driver/nvidia/version; echo "$v"; }'

    def process(self, output: list[str]) -> str:
        """``NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.178.04  Release Build  ...``."""
        found = _VERSION.search(output[0]) if output else None
        return found.group(1) if found else ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Which drivers of NVIDIA's cards the kernel has loaded."""

    flavour: str = ""
    """``open`` or ``proprietary``; empty: NVIDIA's driver is not loaded."""
    modules: tuple[str, ...] = ()
    """Those of nvidia, nouveau, nova_core and vfio_pci that are."""


class LoadedModules(FactBase[Loaded]):
    """What of NVIDIA's driver and its rivals is loaded. No process is started for it."""

    default = Loaded

    def command(self) -> str:
        """The kernel's own word."""
        return (
            "for m in nvidia nouveau nova_core NovaCore vfio_pci; do [ ! -d /sys/module/$m ] || echo $m; done; "
            '[ ! -r /proc/driver/nvidia/version ] || { read -r v </proc/driver/nvidia/version; echo "$v"; }'
        )

    def process(self, output: list[str]) -> Loaded:
        """Names, then perhaps the driver's line."""
        lines = [line for line in output if line.startswith("NVRM")]
        flavour = ("open" if "Open Kernel Module" in lines[0] else "proprietary") if lines else ""
        return Loaded(flavour, tuple(line for line in output if line and line not in lines))


class DriverLibrary(FactBase[str]):
    """The version of libcuda.so.1 that programs get; empty without a driver."""

    @staticmethod
    def default() -> str:
        """No driver is installed."""
        return ""

    def command(self) -> str:
        """The file behind the linker's cache."""
        path = "$(/sbin/ldconfig -p 2>/dev/null | sed -n 's/^[[:space:]]*libcuda\\.so\\.1 .*=> //p;T;q')"
        return f'p={path}; [ -z "$p" ] || readlink -f "$p"'

    def process(self, output: list[str]) -> str:
        """``/usr/lib/x86_64-linux-gnu/libcuda.so.580.178.04``."""
        found = _VERSION.search(output[0].rpartition(".so.")[2]) if output else None
        return found.group(1) if found else ""


@dataclass(frozen=True, slots=True)
class Cdi:
    """The CDI specification by which containers get the cards."""

    path: str
    version: str = ""
    """Of the format."""
    driver: str = ""
    """Whose files it names."""


class CdiSpecs(FactBase[list[Cdi]]):
    """The CDI specifications of NVIDIA's cards."""

    default = list

    def command(self) -> str:
        """The lines with versions. One process."""
        files = "/etc/cdi/nvidia*.* /var/run/cdi/nvidia*.*"
        return f'grep -HoE \'"?cdiVersion"?: *"?[0-9.]+|libcuda[.]so[.][0-9]+[.][0-9.]+\' {files} 2>/dev/null || true'

    def process(self, output: list[str]) -> list[Cdi]:
        """``PATH:cdiVersion: 0.5.0`` and ``PATH:libcuda.so.580.178.04``."""
        found: dict[str, dict[str, str]] = {}
        for path, _, text in (line.partition(":") for line in output):
            key = "version" if "cdiVersion" in text else "driver"
            number = re.search(r"\d+(?:\.\d+)+", text)
            found.setdefault(path, {}).setdefault(key, number[0] if number else "")
        return [Cdi(path, said.get("version", ""), said.get("driver", "")) for path, said in found.items()]
