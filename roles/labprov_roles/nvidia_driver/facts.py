"""Facts about NVIDIA drivers on a host: kernels, modules on disk and loaded, other installations. They never fail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand

from labprov_roles.nvidia_driver.names import MARKERS

_VERSION = re.compile(r"(?<![\d.])(\d{3}\.\d+(?:\.\d+)?)(?![\d.])")


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel that the host runs or could boot."""

    release: str
    """As ``uname -r`` says it."""
    running: bool
    headers: bool
    """Whether a module can be built for it: ``/lib/modules/RELEASE/build`` leads somewhere."""


class Kernels(FactBase[list[Kernel]]):
    """The running kernel first, then the others in /boot."""

    default = list

    def command(self) -> str:
        """One line a kernel: its release, and whether there are headers."""
        return (
            'for k in "$(uname -r)" $(ls /boot 2>/dev/null | sed -n "s/^vmlinuz-//p"); do '
            '[ -e "/lib/modules/$k/build/Makefile" ] && echo "$k yes" || echo "$k no"; done'
        )

    def process(self, output: list[str]) -> list[Kernel]:
        """The first line is the running one; it is listed once."""
        rows = dict.fromkeys(tuple(line.split()) for line in output if len(line.split()) == 2)
        return [Kernel(row[0], number == 0, row[1] == "yes") for number, row in enumerate(rows)]


class AvailablePackages(FactBase[list[str]]):
    """Those of the named packages that apt could install."""

    default = list

    def command(self, packages: Sequence[str]) -> StringCommand:
        """Asked of apt's own cache: needs no network."""
        names = [QuoteString(name) for name in packages]
        return StringCommand("LC_ALL=C", "apt-cache", "policy", "--", *names, "2>/dev/null || true")

    def process(self, output: list[str]) -> list[str]:
        """A package's heading is not indented; its candidate is ``(none)`` when there is nothing to install."""
        found, name = [], ""
        for line in output:
            if not line.startswith(" "):
                name = line.rstrip(":")
            elif line.strip().startswith("Candidate:") and "(none)" not in line:
                found.append(name)
        return found


@dataclass(frozen=True, slots=True)
class Module:
    """The driver's kernel module on disk, for one kernel."""

    kernel: str
    version: str


class ModulesOnDisk(FactBase[list[Module]]):
    """The driver's module for each kernel that has one (Debian calls it nvidia-current)."""

    default = list

    def command(self) -> str:
        """One line a kernel: its release and the module's version."""
        return (
            "for k in $(ls /lib/modules 2>/dev/null); do for m in nvidia nvidia-current; do "
            'v=$(modinfo -k "$k" -F version "$m" 2>/dev/null | head -n 1) && [ -n "$v" ] && echo "$k $v" && break; '
            "done; done; true"
        )

    def process(self, output: list[str]) -> list[Module]:
        """Lines like ``6.1.0-40-amd64 580.178.04``."""
        rows = [line.split() for line in output]
        return [Module(row[0], row[1]) for row in rows if len(row) == 2]


class LoadedDriver(FactBase[str]):
    """The version of the loaded driver; empty when none is loaded."""

    @staticmethod
    def default() -> str:
        """None is loaded."""
        return ""

    def command(self) -> str:
        """The kernel's own word."""
        return "cat /proc/driver/nvidia/version 2>/dev/null || true"

    def process(self, output: list[str]) -> str:
        """``NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.178.04  Release Build  ...``."""
        found = _VERSION.search(output[0]) if output else None
        return found.group(1) if found else ""


class DriverLibrary(FactBase[str]):
    """The version of libcuda.so.1 that programs get; empty without a driver."""

    @staticmethod
    def default() -> str:
        """No driver is installed."""
        return ""

    def command(self) -> str:
        """The file behind the linker's cache."""
        path = "$(/sbin/ldconfig -p 2>/dev/null | sed -n 's/^[[:space:]]*libcuda\\.so\\.1 .*=> //p' | head -n 1)"
        return f'p={path}; [ -z "$p" ] || readlink -f "$p"'

    def process(self, output: list[str]) -> str:
        """``/usr/lib/x86_64-linux-gnu/libcuda.so.580.178.04``."""
        found = _VERSION.search(output[0].rpartition(".so.")[2]) if output else None
        return found.group(1) if found else ""


@dataclass(frozen=True, slots=True)
class Installation:
    """How a driver came onto the host: the files and packages that say so."""

    runfile: tuple[str, ...] = ()
    """Files that NVIDIA's .run installer left."""
    vendor: tuple[str, ...] = ()
    """NVIDIA's packages."""
    distro: tuple[str, ...] = ()
    """The distribution's packages."""


class Installations(FactBase[Installation]):
    """Every driver installation on the host, by its traces."""

    @staticmethod
    def default() -> Installation:
        """None."""
        return Installation()

    def command(self) -> StringCommand:
        """``package NAME MAINTAINER`` for driver packages, ``file PATH`` for files that no package owns."""
        names = [QuoteString(name) for name in MARKERS]
        query = QuoteString("package ${db:Status-Abbrev} ${Package} ${Maintainer}\n")
        library = "libnvidia-ml.so.[0-9]*.*"
        files = (
            "for f in /usr/bin/nvidia-uninstall /var/lib/nvidia/log "
            f"/usr/lib64/{library} /usr/lib/{library} /usr/lib/*/{library}; do "
            '[ ! -e "$f" ] || dpkg -S "$f" >/dev/null 2>&1 || echo "file $f"; done; true'
        )
        return StringCommand("dpkg-query", "-W", "-f", query, *names, "2>/dev/null;", files)

    def process(self, output: list[str]) -> Installation:
        """Whose a package is, its maintainer's address tells: Debian's and Ubuntu's are their own."""
        files = [line.removeprefix("file ") for line in output if line.startswith("file ")]
        rows = [line.split(maxsplit=3) for line in output if line.startswith("package ")]
        there = [row for row in rows if len(row) == 4 and row[1][1:2] in ("i", "W", "t", "F", "U", "H")]
        distro = [row[2] for row in there if _of_distribution(row[3])]
        vendor = [row[2] for row in there if not _of_distribution(row[3])]
        return Installation(tuple(files), tuple(vendor), tuple(distro))


def _of_distribution(maintainer: str) -> bool:
    address = maintainer.rpartition("<")[2].rstrip("> ")
    return address.rpartition("@")[2].endswith(("debian.org", "debian.net", "ubuntu.com"))


class StaleInitramfs(FactBase[list[str]]):
    """Kernels whose initramfs is older than a file that belongs into it; all of them when the file is not there yet."""

    default = list

    def command(self, path: str) -> str:
        """By time: cheap, and right also when an earlier run was interrupted.

        The file's time is that of its inode (``-newermc``), which a file that was moved back cannot keep.
        """
        file = str(StringCommand(QuoteString(path)))
        images = "find /boot -maxdepth 1 -name 'initrd.img-*' -type f"
        return f"if [ -e {file} ]; then {images} ! -newermc {file}; else {images}; fi 2>/dev/null || true"

    def process(self, output: list[str]) -> list[str]:
        """One release a line; leftovers of old updates do not count."""
        names = [line.strip().removeprefix("/boot/initrd.img-") for line in output if line.strip()]
        return sorted(name for name in names if not name.endswith((".old", ".bak", ".new", ".dpkg-bak")))


@dataclass(frozen=True, slots=True)
class Unit:
    """A systemd unit: what ``is-enabled`` and ``is-active`` say; empty when systemd does not know it."""

    enabled: str = ""
    active: str = ""


class UnitState(FactBase[Unit]):
    """The state of one unit. Unlike pyinfra's, it tells a unit that cannot be enabled from one that is disabled."""

    @staticmethod
    def default() -> Unit:
        """Not known."""
        return Unit()

    def command(self, unit: str) -> str:
        """Two lines."""
        name = str(StringCommand(QuoteString(unit)))
        return f"systemctl is-enabled -- {name} 2>/dev/null || echo; systemctl is-active -- {name} 2>/dev/null || true"

    def process(self, output: list[str]) -> Unit:
        """``disabled`` comes with exit code 1, so an empty line may follow it."""
        words = [line.strip() for line in output if line.strip()]
        return Unit(words[0], words[-1]) if len(words) > 1 else Unit()
