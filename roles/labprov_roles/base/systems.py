"""What differs between distributions: names of packages, paths, programs that keep the time. Pure: knows no host."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.base.settings import Settings


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
    include: tuple[str, str] | None = None
    """Its own configuration and a line by which that reads the drop-in; None where it does."""

    def servers_text(self, servers: Sequence[str]) -> str:
        """Text of the drop-in that names ``servers``."""
        lines = ["# Managed by labprov.", self.servers_head, *map(self.servers_line.format, servers)]
        return "".join(f"{line}\n" for line in lines if line)


@dataclass(frozen=True)
class Platform:
    """A family of distributions, as this role sees it."""

    lock_file: str | None
    """Configuration in which the package manager is told to wait for its lock; None where it waits by itself."""
    time_daemons: tuple[TimeDaemon, ...]
    """In the order in which they are looked for; the last one is installed where none is there."""
    guest_agents: Mapping[str, str] = field(default_factory=dict)
    """The package by which a virtual machine answers what carries it, by systemd-detect-virt's word for that."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Debian's name of a package -> the name here, where it is another one."""
    in_epel: frozenset[str] = frozenset()
    """Packages that only EPEL has."""
    generates_locales: bool = True
    """Whether locales are generated on the host; else each language has a package."""


# VirtualBox and Parallels have agents too, but not in these archives. The names are the same in all of them.
_AGENTS = {
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
    guest_agents=_AGENTS,
)
# RHEL's chrony.conf reads no folder; chrony 4 (RHEL 8.5 and later) can be told to.
_SOURCES = "/etc/chrony/sources.d"
_CHRONYD = TimeDaemon(
    "chrony",
    "chronyd",
    f"{_SOURCES}/labprov.sources",
    "",
    "server {} iburst",
    ("/etc/chrony.conf", f"sourcedir {_SOURCES}"),
)
# dnf waits for its lock for as long as it takes, unless exit_on_lock is set in dnf.conf.
_RHEL = Platform(
    lock_file=None,
    time_daemons=(_CHRONYD, TimeDaemon("ntpsec", "ntpd"), _CHRONYD),
    guest_agents=_AGENTS,
    names={"gnupg": "gnupg2", "vim": "vim-enhanced"},
    in_epel=frozenset({"htop"}),
    generates_locales=False,
)
_FAMILIES = {"debian": _DEBIAN, "rhel": _RHEL}


def platform(system: System) -> Platform:
    """Look up a system's family. Raises HostError for one that this role does not know."""
    if system.family not in _FAMILIES:
        raise HostError(
            f"the role base does not know {system.id} {system.version} yet: Debian, Ubuntu, RHEL and its rebuilds are "
            "supported"
        )
    return _FAMILIES[system.family]


def tools(known: Platform, settings: Settings) -> tuple[str, ...]:
    """Packages to install, by their names here. Raises HostError for one asked for by name that only EPEL has.

    Of the default list, those are left out where EPEL is not wanted.
    """
    asked = {*settings.extra_packages, *(settings.packages if "packages" in settings.model_fields_set else ())}
    lacking = [name for name in settings.wanted if name in known.in_epel and not settings.epel]
    if named := [name for name in lacking if name in asked]:
        raise HostError(f"{', '.join(named)}: only EPEL has it for this system: set base.epel: true, or leave it out")
    return tuple(known.names.get(name, name) for name in settings.wanted if name not in lacking)


def locale_packages(known: Platform, locale: str) -> list[str]:
    """Packages that a locale needs; ``C.UTF-8`` is part of RHEL's C library."""
    if known.generates_locales:
        return ["locales"]
    language = locale.partition("_")[0]
    return [] if language == locale else [f"glibc-langpack-{language}"]


def lock_text(seconds: int) -> str:
    """Text of the configuration that makes every apt wait ``seconds`` for the lock (apt.conf(5), DPkg::Lock)."""
    return f'# Managed by labprov.\nDPkg::Lock::Timeout "{seconds}";\n'


def time_daemon(known: Platform, packages: Collection[str]) -> TimeDaemon:
    """Choose the one that keeps the time, given the packages installed or asked for: what is there stays."""
    there = [daemon for daemon in known.time_daemons if daemon.package in packages]
    return there[0] if there else known.time_daemons[-1]
