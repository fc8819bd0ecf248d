"""What the package manager knows: versions of named packages, holds, age of its lists, interrupted runs.

pyinfra's ``DebPackages`` transfers the whole ``dpkg -l`` (100 kB) for each question; these ask for the packages named.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra.api import FactBase, QuoteString, StringCommand


class InstalledPackages(FactBase[dict[str, str]]):
    """Installed version of each of the named packages; those not installed are absent."""

    default = dict
    _there = "iWt"
    """What the second letter of dpkg's status is of a package that counts."""

    def command(self, packages: Sequence[str]) -> StringCommand:
        """``packages``: names, patterns with ``*`` allowed."""
        if not packages:
            return StringCommand("true")  # dpkg-query without names tells of every package
        names = [QuoteString(name) for name in packages]
        return StringCommand(
            "dpkg-query",
            "-W",
            "-f",
            QuoteString("${db:Status-Abbrev} ${Package} ${Version}\n"),
            "--",
            *names,
            "2>/dev/null || true",
        )

    def process(self, output: list[str]) -> dict[str, str]:
        """Lines like ``ii  vim 2:9.0``; the second letter of the status says what is there now."""
        rows = [line.split() for line in output]
        return {row[-2]: row[-1] for row in rows if len(row) >= 3 and row[0][1:2] in tuple(self._there)}


class HalfInstalledPackages(InstalledPackages):
    """The same of packages that dpkg unpacked, or began to, and never configured: an interrupted or failed run's."""

    _there = "FUH"


class HeldPackages(FactBase[list[str]]):
    """Packages that are held back from upgrades."""

    default = list

    def command(self) -> str:
        """Asked of dpkg, which keeps them: apt-mark first reads all package lists, a tenth of all facts' time."""
        return "dpkg-query -W -f '${db:Status-Want} ${Package}\n' 2>/dev/null | sed -n 's/^hold //p'"

    def process(self, output: list[str]) -> list[str]:
        """One name a line."""
        return sorted(line.strip() for line in output if line.strip())


class PackageListsAge(FactBase[int]):
    """Seconds since the package lists were fetched; a very large number when they never were."""

    NEVER = 10**9

    @staticmethod
    def default() -> int:
        """Never fetched."""
        return PackageListsAge.NEVER

    def command(self) -> str:
        """The newest release file of apt's lists against the host's own clock."""
        newest = "ls -t /var/lib/apt/lists/*Release 2>/dev/null | head -n 1"
        return f'f=$({newest}); [ -z "$f" ] || echo $(( $(date +%s) - $(stat -c %Y /var/lib/apt/lists) ))'

    def process(self, output: list[str]) -> int:
        """One number, or nothing."""
        return int(output[0]) if output else self.NEVER


class InterruptedPackages(FactBase[bool]):
    """Whether an earlier dpkg run was interrupted, so that ``dpkg --configure -a`` is due."""

    @staticmethod
    def default() -> bool:
        """Nothing was interrupted."""
        return False

    def command(self) -> str:
        """List dpkg's unfinished journal, and what ``--audit`` calls half configured."""
        return "ls /var/lib/dpkg/updates 2>/dev/null; dpkg --audit 2>/dev/null || true"

    def process(self, output: list[str]) -> bool:
        """Any line means work left over."""
        return any(line.strip() for line in output)


STAMPS = "/var/lib/labprov/package-lists"
"""One empty file a source, touched after its lists were fetched."""


class StaleSource(FactBase[bool]):
    """Whether a source's package lists were fetched since the source, or its key, was last written."""

    @staticmethod
    def default() -> bool:
        """Not fetched."""
        return True

    def command(self, source: str, keyring: str) -> StringCommand:
        """Our own stamp is compared: apt gives its lists the server's dates."""
        stamp = QuoteString(stamp_of(source))
        files = [QuoteString(path) for path in (source, keyring)]
        older = [StringCommand("[ -e", path, "] && [ !", path, "-nt", stamp, "] &&") for path in files]
        return StringCommand("[ -e", stamp, "] &&", *older, "echo fresh || echo stale")

    def process(self, output: list[str]) -> bool:
        """One word."""
        return output[0].strip() != "fresh"


def stamp_of(source: str) -> str:
    """The stamp of a source file, such as /etc/apt/sources.list.d/docker.sources."""
    return f"{STAMPS}/{source.rpartition('/')[2]}"
