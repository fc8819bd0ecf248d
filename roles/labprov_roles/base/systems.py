"""What differs between distributions: paths and the programs that keep the time. Pure: knows no host."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from labprov.engine.facts.system import System
from labprov.errors import HostError


@dataclass(frozen=True)
class TimeDaemon:
    """A program that keeps the clock right over the network."""

    package: str
    service: str
    servers_file: str | None = None
    """A drop-in of labprov's own in which servers are named; None when the program has no place for one."""
    servers_head: str = ""
    """What stands above the servers in the drop-in."""
    servers_line: str = "{}"
    """The line that names one server, ``{}``."""

    def servers_text(self, servers: Sequence[str]) -> str:
        """Text of the drop-in that names ``servers``."""
        lines = ["# Managed by labprov.", self.servers_head, *map(self.servers_line.format, servers)]
        return "".join(f"{line}\n" for line in lines if line)


@dataclass(frozen=True)
class Platform:
    """A family of distributions, as this role sees it."""

    lock_file: str
    """Configuration in which the package manager is told to wait for its lock."""
    time_daemons: tuple[TimeDaemon, ...]
    """In the order in which they are looked for; the last one is installed where none is there."""
    guest_agents: Mapping[str, str] = field(default_factory=dict)
    """The package by which a virtual machine answers what carries it, by systemd-detect-virt's word for that."""


# VirtualBox and Parallels have agents too, but not in Debian's archive.
_DEBIAN_AGENTS = {
    "kvm": "qemu-guest-agent",
    "qemu": "qemu-guest-agent",
    "vmware": "open-vm-tools",
    "microsoft": "hyperv-daemons",
}
# Debian 12 and 13: chrony's configuration there says "sourcedir /etc/chrony/sources.d".
_DEBIAN = Platform(
    lock_file="/etc/apt/apt.conf.d/80labprov",
    time_daemons=(
        TimeDaemon("chrony", "chrony", "/etc/chrony/sources.d/labprov.sources", "", "server {} iburst"),
        TimeDaemon("ntpsec", "ntpsec"),
        TimeDaemon("ntp", "ntp"),
        TimeDaemon("openntpd", "openntpd"),
        TimeDaemon(
            "systemd-timesyncd",
            "systemd-timesyncd",
            "/etc/systemd/timesyncd.conf.d/labprov.conf",
            "[Time]",
            "NTP={}",
        ),
    ),
    guest_agents=_DEBIAN_AGENTS,
)
_FAMILIES = {"debian": _DEBIAN}


def platform(system: System) -> Platform:
    """Look up a system's family. Raises HostError for one that this role does not know."""
    if system.family not in _FAMILIES:
        raise HostError(f"the role base does not know {system.id} {system.version} yet: Debian 12 and 13 are supported")
    return _FAMILIES[system.family]


def lock_text(seconds: int) -> str:
    """Text of the configuration that makes every apt wait ``seconds`` for the lock (apt.conf(5), DPkg::Lock)."""
    return f'# Managed by labprov.\nDPkg::Lock::Timeout "{seconds}";\n'


def time_daemon(known: Platform, packages: Collection[str]) -> TimeDaemon:
    """Choose the one that keeps the time, given the packages installed or asked for: what is there stays."""
    there = [daemon for daemon in known.time_daemons if daemon.package in packages]
    return there[0] if there else known.time_daemons[-1]
