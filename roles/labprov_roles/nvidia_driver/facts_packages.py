"""Facts about the packages that a driver came in: whose they are, at which versions, what could replace them.

Only names that somebody asks for: no list of all packages is transferred. They never fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyinfra import host
from pyinfra.api import FactBase, QuoteString, StringCommand

from labprov.compat.rows import Source
from labprov_roles.nvidia_driver.names import MARKERS, RPM_MARKERS, RPMFUSION

OURS = "/etc/modprobe.d/labprov-nvidia-driver.conf"
"""A file that this role writes before it installs anything: it says whose the installation is."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package."""

    name: str
    version: str
    source: Source
    """Whose it is: NVIDIA's (``vendor``) or the distribution's."""
    held: bool = False


class DriverPackages(FactBase[list[Package]]):
    """Those of the named packages (``*`` allowed) that are installed, or were left half installed."""

    default = list

    def command(self, names: Sequence[str]) -> StringCommand:
        """By dpkg: one process."""
        query = QuoteString("${db:Status-Abbrev} ${Package} ${Version} ${Maintainer}\n")
        return StringCommand("dpkg-query -W -f", query, "--", *map(QuoteString, names), "2>/dev/null || true")

    def process(self, output: list[str]) -> list[Package]:
        """Whose a package is, its maintainer's address tells. The first letter of the status ``hi`` says: held."""
        rows = [row for line in output if len(row := line.split(maxsplit=3)) == 4]
        there = [row for row in rows if row[0][1:2] in ("i", "W", "t", "F", "U", "H")]
        return [Package(name, version, _source(by), status[0] == "h") for status, name, version, by in there]


class Candidates(FactBase[dict[str, str]]):
    """The version of each named package that apt would install; those that it has none of are absent."""

    default = dict

    def command(self, packages: Sequence[str]) -> StringCommand:
        """Asked of apt's own cache: needs no network."""
        names = [QuoteString(name) for name in packages]
        return StringCommand("LC_ALL=C", "apt-cache", "policy", "--", *names, "2>/dev/null || true")

    def process(self, output: list[str]) -> dict[str, str]:
        """A package's heading is not indented; its candidate is ``(none)`` when there is nothing to install."""
        found, name = {}, ""
        for line in output:
            if not line.startswith(" "):
                name = line.rstrip(":")
            elif line.strip().startswith("Candidate:") and "(none)" not in line:
                found[name] = line.split()[1]
        return found


@dataclass(frozen=True, slots=True)
class Installation:
    """How a driver came onto the host: the files and packages that say so."""

    runfile: tuple[str, ...] = ()
    """Files that NVIDIA's .run installer left."""
    vendor: tuple[str, ...] = ()
    """NVIDIA's packages."""
    distro: tuple[str, ...] = ()
    """The distribution's packages."""
    ours: bool = False
    """Whether this role put the packages there: then a change of source is the inventory's own wish."""
    orphans: tuple[str, ...] = ()
    """Libraries that an interrupted change of ours left: no package's any more, or not yet."""

    @property
    def sources(self) -> tuple[str, ...]:
        """In words for people."""
        named = {"the .run file": self.runfile, "NVIDIA's packages": self.vendor, "the distribution's": self.distro}
        return tuple(title for title, traces in named.items() if traces)


class Installations(FactBase[Installation]):
    """Every driver installation on the host, by its traces; of packages, rpm's alone: see ``installed_drivers``."""

    @staticmethod
    def default() -> Installation:
        """None."""
        return Installation()

    def command(self) -> str:
        """``file PATH`` for files that a .run file leaves too, then the paths that packages own; rpm's packages.

        They are looked up in the lists of NVIDIA's packages alone: ``dpkg -S`` reads those of all packages.
        """
        rpms = str(StringCommand(*map(QuoteString, (*RPM_MARKERS, *RPMFUSION))))
        folders = ("/usr/lib64", "/usr/lib", "/usr/lib/*")
        libraries = " ".join(f"{d}/{name}.so.[0-9]*.*[0-9]" for d in folders for name in ("libnvidia-ml", "libcuda"))
        return (
            f"[ ! -e {OURS} ] || echo ours; "
            f"set --; for f in /usr/bin/nvidia-uninstall /var/lib/nvidia/log {libraries}; do "
            '[ ! -e "$f" ] || { echo "file $f"; set -- "$@" -e "$f"; }; done; '
            "if command -v dpkg-query >/dev/null; then "
            '[ $# = 0 ] || grep -hsxF "$@" /var/lib/dpkg/info/*nvidia*.list /var/lib/dpkg/info/libcuda*.list; '
            "else rpm -qa --qf 'package ii %{NAME} %{VENDOR}\\n' " + rpms + " 2>/dev/null; "
            'for f; do [ "$f" = -e ] || ! rpm -qf "$f" >/dev/null 2>&1 || echo "$f"; done; fi; true'
        )

    def process(self, output: list[str]) -> Installation:
        """Files that no package owns; whose a package is, its vendor or its name tells."""
        files = [line.removeprefix("file ") for line in output if line.startswith("file ")]
        files = [path for path in files if path not in output]
        rows = [row for line in output if line.startswith("package ") and len(row := line.split(maxsplit=3)) == 4]
        named = {source: tuple(row[2] for row in rows if _source(row[3], row[2]) == source) for source in _SOURCES}
        ours = "ours" in output
        # An uninstaller is nobody's but a .run file's; a library alone may be of a package that was being unpacked.
        left = ours and not any(path.endswith("nvidia-uninstall") for path in files)
        orphans = tuple(path for path in files if left and ".so." in path)
        runfile = tuple(path for path in files if path not in orphans)
        return Installation(runfile, named["vendor"], named["distro"], ours, orphans)


def installed_drivers() -> Installation:
    """The ``Installation`` of the host in context, with dpkg's packages: those are asked along with others."""
    found: Installation = host.get_fact(Installations)
    packages: list[Package] = host.get_fact(DriverPackages, names=MARKERS)
    vendor, distro = (tuple(each.name for each in packages if each.source == source) for source in _SOURCES)
    return replace(found, vendor=(*vendor, *found.vendor), distro=(*distro, *found.distro))


class Pins(FactBase[list[str]]):
    """What keeps the driver at a version or a source: apt's preferences, dnf's version locks."""

    default = list

    def command(self) -> str:
        """Two processes."""
        preferences = "/etc/apt/preferences.d/*nvidia* /etc/apt/preferences.d/*cuda*"
        return (
            f"grep -Hs '^Pin:' {preferences}; "
            "[ ! -e /etc/dnf/plugins/versionlock.list ] || grep -h nvidia /etc/dnf/plugins/versionlock.list; true"
        )

    def process(self, output: list[str]) -> list[str]:
        """``/etc/apt/preferences.d/nvidia-driver.pref:Pin: version 580.*``, or an entry of versionlock's list."""
        lines = [line.rpartition("/")[2].replace(":Pin: ", ": ") if ":Pin: " in line else line for line in output]
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


_SOURCES: tuple[Source, ...] = ("vendor", "distro")


def _source(maintainer: str, name: str = "") -> Source:
    address = maintainer.rpartition("<")[2].rstrip("> ")
    own = address.rpartition("@")[2].endswith(("debian.org", "debian.net", "ubuntu.com"))
    return "distro" if own or name.startswith(tuple(pattern.rstrip("*") for pattern in RPMFUSION)) else "vendor"
