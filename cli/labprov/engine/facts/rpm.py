"""What rpm and dnf know: versions of named packages, version locks, age of the metadata. For RHEL's family.

The same questions as in ``facts.packages``, which is about dpkg and apt.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra.api import FactBase, QuoteString, StringCommand

REPOSITORIES = "/etc/yum.repos.d"
"""Where dnf looks for repositories."""
HISTORY = "/var/lib/dnf/history.sqlite"
"""Where dnf keeps what its runs did, or were to do."""
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


class CutOffUpgrades(FactBase[dict[str, str]]):
    """Packages that a cut-off run of dnf had replaced but not yet removed: old -> new, both are installed.

    As ``name-epoch:version-release.arch``. dnf writes down before a transaction what it is to do, and at its end that
    it ended. Rpm installs the new version of a package first and removes the old one later. What an admin installed
    side by side (kernels, ``rpm -i --oldpackage``) was never to be replaced, and so is not told.
    """

    default = dict

    def command(self) -> StringCommand:
        """Asked of dnf's own history, by the Python that dnf runs with; ``rpm`` only where a run was cut off."""
        python = "p=$(command -v /usr/libexec/platform-python || command -v python3)"
        run = StringCommand('"$p" -c', QuoteString(_CUT_OFF), HISTORY, "2>/dev/null || true")
        return StringCommand(f"if [ -r {HISTORY} ] && {python}; then", run, "; fi")

    def process(self, output: list[str]) -> dict[str, str]:
        """``OLD NEW`` a line."""
        rows = (line.split() for line in output)
        return {row[0]: row[1] for row in rows if len(row) == 2}


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

# Actions of dnf's items (libdnf's TransactionItemAction): 3 and 7 are downgraded and upgraded, 2 and 6 what comes
# instead. A transaction that ended has the time of that.
_CUT_OFF = """
import sqlite3, subprocess, sys
pairs = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute('''
    with items as (
        select i.trans_id, i.action, r.name, r.arch,
               r.name || '-' || r.epoch || ':' || r.version || '-' || r.release || '.' || r.arch as nevra
        from trans t join trans_item i on i.trans_id = t.id join rpm r on r.item_id = i.item_id
        where coalesce(t.dt_end, 0) = 0)
    select old.nevra, new.nevra from items old join items new using (trans_id, name, arch)
    where old.action in (3, 7) and new.action in (2, 6)''').fetchall()
form = "%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\\n"
there = set(subprocess.check_output(["rpm", "-qa", "--qf", form], text=True).split()) if pairs else ()
for old, new in pairs:
    if old in there and new in there:
        print(old, new)
"""
