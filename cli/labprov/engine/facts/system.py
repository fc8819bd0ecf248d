"""What kind of system a host is: distribution, version, architecture. Not its hardware."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from pyinfra.api import FactBase

_DEBIAN = {"debian", "ubuntu"}
_RHEL = {"rhel", "centos", "fedora", "rocky", "almalinux"}
_INNERMOST = "systemd-detect-virt 2>/dev/null || true"
_CONTAINERS = {
    "openvz", "lxc", "lxc-libvirt", "systemd-nspawn", "docker", "podman", "rkt", "wsl", "proot", "pouch",
    "container-other",
}  # fmt: skip
"""systemd-detect-virt(1)'s words for containers; one that it does not know is the last."""


@dataclass(frozen=True)
class System:
    """A host's operating system."""

    id: str = "unknown"
    """``ID`` of os-release: ``debian``, ``ubuntu``, ``rocky``."""
    version: str = ""
    """``VERSION_ID`` of os-release: ``12``, ``24.04``."""
    codename: str = ""
    """``VERSION_CODENAME`` of os-release: ``bookworm``; empty on RHEL-like systems."""
    like: tuple[str, ...] = ()
    """``ID_LIKE`` of os-release."""
    machine: str = "x86_64"
    """``uname -m``."""

    @property
    def family(self) -> str:
        """``debian``, ``rhel`` or ``unknown``: which package manager to speak to."""
        kinds = {self.id, *self.like}
        return "debian" if kinds & _DEBIAN else "rhel" if kinds & _RHEL else "unknown"

    @property
    def name(self) -> str:
        """The name that tables use: ``debian12``, ``ubuntu2404``, ``rhel9`` (Rocky and Alma count as RHEL)."""
        ident = "rhel" if self.family == "rhel" and self.id != "fedora" else self.id
        version = self.version.partition(".")[0] if ident == "rhel" else self.version.replace(".", "")
        return f"{ident}{version}"

    @property
    def arch(self) -> str:
        """The distribution's word for the architecture: ``amd64``/``arm64`` on Debian's family, else ``machine``."""
        debian = {"x86_64": "amd64", "aarch64": "arm64"}
        return debian.get(self.machine, self.machine) if self.family == "debian" else self.machine


class OperatingSystem(FactBase[System]):
    """The host's ``System``, from os-release and uname."""

    def command(self) -> str:
        """One line of uname, then os-release."""
        f = "/etc/os-release"
        read = f'while IFS= read -r l || [ -n "$l" ]; do printf \'%s\\n\' "$l"; done <{f}'  # no process
        return f"uname -m; [ ! -r {f} ] || {read}"

    @staticmethod
    def default() -> System:
        """An unknown system."""
        return System()

    def process(self, output: list[str]) -> System:
        """Parse ``KEY=value`` lines with shell quoting."""
        pairs = dict(line.partition("=")[::2] for line in output[1:] if "=" in line and not line.startswith("#"))
        values = {key: " ".join(shlex.split(value)) for key, value in pairs.items()}
        return System(
            id=values.get("ID", "unknown"),
            version=values.get("VERSION_ID", ""),
            codename=values.get("VERSION_CODENAME", ""),
            like=tuple(values.get("ID_LIKE", "").split()),
            machine=output[0].strip() if output else "x86_64",
        )


class Virtualization(FactBase[str]):
    """What the host runs on, in systemd's words: ``kvm``, ``vmware``, a container's kind; empty on metal."""

    @staticmethod
    def default() -> str:
        """A machine of metal."""
        return ""

    def command(self) -> str:
        """Ask systemd for the innermost; it says ``none`` and fails where there is none."""
        return _INNERMOST

    def process(self, output: list[str]) -> str:
        """One word."""
        word = output[0].strip() if output else ""
        return "" if word == "none" else word


class Container(FactBase[str]):
    """The kind of container that the host is (``systemd-nspawn``, ``lxc``, ...); empty on a machine of its own."""

    @staticmethod
    def default() -> str:
        """No container."""
        return ""

    def command(self) -> str:
        """The same question as ``Virtualization``'s, so that it is asked once: a container is within any machine."""
        return _INNERMOST

    def process(self, output: list[str]) -> str:
        """One word."""
        word = output[0].strip() if output else ""
        return word if word in _CONTAINERS else ""
