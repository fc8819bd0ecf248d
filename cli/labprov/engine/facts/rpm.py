"""What rpm and dnf know: versions of named packages, version locks, age of the metadata. For RHEL's family.

The same questions as in ``facts.packages``, which is about dpkg and apt.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra.api import FactBase, QuoteString, StringCommand

REPOSITORIES = "/etc/yum.repos.d"
"""Where dnf looks for repositories."""
LOCKS = "/etc/dnf/plugins/versionlock.list"
"""Where dnf's plugin versionlock keeps its list."""


class InstalledRpms(FactBase[dict[str, str]]):
    """Installed version (``[epoch:]version-release``) of each of the named packages; those not installed are absent.

    Several versions of one package, as kernels have, are parted by spaces, oldest installed first.
    """

    default = dict

    def command(self, packages: Sequence[str]) -> StringCommand:
        """``packages``: names, patterns with ``*`` allowed."""
        exact = [QuoteString(name) for name in packages if "*" not in name]
        patterns = [QuoteString(name) for name in packages if "*" in name]
        # The first word tells our lines from "package x is not installed". Names are looked up in rpm's index.
        form = "--qf '= %{NAME} %{EVR}\\n' --"
        asked = [("rpm -q", exact), ("rpm -qa", patterns)]
        parts = [word for verb, names in asked if names for word in (verb, form, *names, "2>/dev/null;")]
        return StringCommand(*parts, "true")

    def process(self, output: list[str]) -> dict[str, str]:
        """Lines like ``= docker-ce 3:29.1.0-1.el9``."""
        found: dict[str, list[str]] = {}
        for row in (line.split() for line in output):
            if len(row) == 3 and row[0] == "=" and row[2] not in found.setdefault(row[1], []):
                found[row[1]].append(row[2])  # a package for two architectures has one version
        return {name: " ".join(versions) for name, versions in found.items()}


class VersionLocks(FactBase[list[str]]):
    """Entries of versionlock's list, like ``docker-ce-3:29.1.0-1.el9.*``; exclusions (``!``) are not locks."""

    default = list

    def command(self) -> str:
        """Read from the file: the plugin's own command would load all metadata."""
        return f"cat {LOCKS} 2>/dev/null || true"

    def process(self, output: list[str]) -> list[str]:
        """One entry a line; ``#`` begins a comment."""
        lines = [line.partition("#")[0].strip() for line in output]
        return [line for line in lines if line and not line.startswith("!")]


class MetadataAge(FactBase[int]):
    """Seconds since dnf last fetched metadata; a very large number when it never did."""

    NEVER = 10**9

    @staticmethod
    def default() -> int:
        """Never fetched."""
        return MetadataAge.NEVER

    def command(self) -> str:
        """The newest list of packages against the host's own clock: dnf touches it when it finds it unchanged."""
        newest = "ls -t /var/cache/dnf/*/repodata/*primary.* 2>/dev/null | head -n 1"
        return f'f=$({newest}); [ -z "$f" ] || echo $(( $(date +%s) - $(stat -c %Y "$f") ))'

    def process(self, output: list[str]) -> int:
        """One number, or nothing."""
        return int(output[0]) if output else self.NEVER


class ModuleStreams(FactBase[dict[str, str]]):
    """Enabled stream of each module that has one: ``{"nvidia-driver": "580-open"}``."""

    default = dict

    def command(self) -> str:
        """Read from dnf's own state: ``dnf module list`` would load all metadata."""
        return "cat /etc/dnf/modules.d/*.module 2>/dev/null || true"

    def process(self, output: list[str]) -> dict[str, str]:
        """Sections with ``name=``, ``stream=`` and ``state=``."""
        sections: list[dict[str, str]] = [{}]
        for line in output:
            if line.startswith("["):
                sections.append({"name": line.strip().strip("[]")})
            elif "=" in line:
                key, _, value = line.partition("=")
                sections[-1][key.strip()] = value.strip()
        return {s["name"]: s["stream"] for s in sections if s.get("state") == "enabled" and s.get("stream")}


class RivalRepositories(FactBase[list[str]]):
    """Ids of enabled repositories outside of the file ``ours`` that are at the address ``url``, or below it."""

    default = list

    def command(self, url: str, ours: str) -> StringCommand:
        """Every .repo file but ours, with dnf's variables filled in."""
        return StringCommand(
            f"for f in {REPOSITORIES}/*.repo; do",
            '[ ! -f "$f" ] || [ "$f" =',
            QuoteString(ours),
            '] || { cat "$f"; echo; }; done 2>/dev/null',
            '| sed "s|\\$basearch|$(uname -m)|g; s|\\$releasever|$(. /etc/os-release; echo "${VERSION_ID%%.*}")|g"',
            "| awk -v",
            QuoteString(f"url={url.rstrip('/')}"),
            QuoteString(_RIVALS),
        )

    def process(self, output: list[str]) -> list[str]:
        """One id a line."""
        return [line.strip() for line in output if line.strip()]


_RIVALS = " ".join(
    (
        'function tell() { if (id != "" && on && at) print id }',
        r'/^\[/ { tell(); id = substr($0, 2, index($0, "]") - 2); on = 1; at = 0 }',
        r"/^enabled[ \t]*=[ \t]*(0|[Nn]o|[Ff]alse)/ { on = 0 }",
        r'/^baseurl[ \t]*=/ { sub(/^[^=]*=[ \t]*/, "");',
        r"if (index($0, url) == 1 && substr($0, length(url) + 1) ~ /^(\/.*)?$/) at = 1 }",
        "END { tell() }",
    )
)
