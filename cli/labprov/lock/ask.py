"""Which versions of packages a host has, and which its repositories offer. One question each; they never fail.

Debian's family only: elsewhere nothing is known of what is offered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pyinfra.api import FactBase, QuoteString, StringCommand

_FOLDER = "/etc/apt/sources.list.d"
_OPTIONS = (
    "-o Dir::State::lists=$d/lists -o Dir::Cache=$d/cache -o Dir::Etc::sourcelist=/dev/null "
    "-o Dir::Etc::sourceparts=$d/parts -o APT::Sandbox::User=root"
)


@dataclass(frozen=True, slots=True)
class Versions:
    """One package on one host."""

    installed: str = ""
    """Empty: not installed."""
    offered: tuple[str, ...] = ()
    """By the host's repositories, newest first."""


class PackageVersions(FactBase[dict[str, Versions]]):
    """Name -> versions, of the named packages; as fresh as the host's package lists."""

    default = dict

    def command(self, packages: Sequence[str]) -> StringCommand:
        """dpkg, or rpm, for what is installed; apt's lists for what is offered."""
        names = [QuoteString(name) for name in packages]
        return StringCommand(_installed(names), "LC_ALL=C apt-cache madison --", *names, "2>/dev/null || true")

    def process(self, output: list[str]) -> dict[str, Versions]:
        """``= NAME VERSION`` is installed; ``NAME | VERSION | SOURCE`` is offered, newest first."""
        installed: dict[str, str] = {}
        offered: dict[str, dict[str, None]] = {}
        for line in output:
            fields = [part.strip() for part in line.split("|")]
            if len(fields) == 3 and fields[2].endswith("Packages"):
                offered.setdefault(fields[0], {})[fields[1]] = None
            elif line.startswith("= ") and len(line.split()) == 3:
                installed[line.split()[1]] = line.split()[2]
        names = sorted({*installed, *offered})
        return {name: Versions(installed.get(name, ""), tuple(offered.get(name, ()))) for name in names}


class FreshVersions(PackageVersions):
    """The same, but asked of the repositories themselves, into a folder that is removed again."""

    def command(self, packages: Sequence[str], sources: Sequence[str] = ()) -> StringCommand:
        """``sources``: names of source files, such as ``docker``; only these repositories are asked."""
        names = [QuoteString(name) for name in packages]
        links = [
            StringCommand("ln -s", QuoteString(f"{_FOLDER}/{source}.sources"), "$d/parts/ 2>/dev/null;")
            for source in sources
        ]
        return StringCommand(
            _installed(names),
            "d=$(mktemp -d) && mkdir -p $d/lists/partial $d/cache/archives/partial $d/parts;",
            *links,
            f"apt-get {_OPTIONS} -qq update >/dev/null 2>&1;",
            f"LC_ALL=C apt-cache {_OPTIONS} madison --",
            *names,
            "2>/dev/null;",
            'rm -rf "$d"; true',
        )


def pick(wanted: Sequence[str], known: Mapping[str, Versions], newest: bool) -> dict[str, str]:
    """Name -> the version to lock, for ``name`` or ``name=PATTERN``: what is installed, else the newest offered.

    ``newest``: the newest that is offered, else what is installed.
    """
    chosen = {}
    for spec in wanted:
        name, _, pattern = spec.partition("=")
        has = known.get(name, Versions())
        offered = [version for version in has.offered if fnmatchcase(version, pattern or "*")]
        installed = [has.installed] if has.installed and fnmatchcase(has.installed, pattern or "*") else []
        if found := (*offered, *installed) if newest else (*installed, *offered):
            chosen[name] = found[0]
    return chosen


def _installed(names: Sequence[QuoteString]) -> StringCommand:
    dpkg = "dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n' --"
    rpm = "rpm -q --qf '= %{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n'"
    return StringCommand(
        "if command -v dpkg-query >/dev/null; then", dpkg, *names, "2>/dev/null | sed -n 's/^.[iWt]. */= /p';",
        "else", rpm, *names, "2>/dev/null | grep '^= '; fi;",
    )  # fmt: skip
