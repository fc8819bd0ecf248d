"""What is on a host that has, or will have, Docker. Empty values on a host without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyinfra.api import FactBase, QuoteString, StringCommand

MARKS = "/run/labprov"
"""``docker-reload`` and ``docker-restart`` in it name the run of the daemon (systemd's invocation id) that has not yet
taken up the configuration. /run is a tmpfs, and any restart is another run: a mark never outlives its meaning."""


@dataclass(frozen=True)
class Program:
    """The daemon's program, and the marks that say what its run has not taken up."""

    path: str = ""
    """Empty when dockerd is not installed."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """``reload`` and ``restart`` -> the run that needs it."""

    @property
    def packaged(self) -> bool:
        """Whether it lies where packages put it."""
        return self.path.rpartition("/")[0] in ("/usr/bin", "/usr/sbin", "/bin", "/sbin")


class DockerProgram(FactBase[Program]):
    """The host's ``Program``. No process is started for it."""

    default = Program

    def command(self) -> str:
        """A path, then lines ``mark=run``."""
        return (
            f"command -v dockerd; for m in reload restart; do f={MARKS}/docker-$m; "
            '[ ! -f "$f" ] || { r=; read -r r <"$f"; echo "$m=$r"; }; done; true'
        )

    def process(self, output: list[str]) -> Program:
        """``/usr/bin/dockerd``, ``restart=5c6b6ac3a5ae4f6c8d2b1f4e3a2b1c0d``."""
        marks = dict(line.partition("=")[::2] for line in output if line.startswith(("reload=", "restart=")))
        return Program(next((line for line in output if line.endswith("/dockerd")), ""), marks)


class DockerdSays(FactBase[str]):
    """The version that dockerd says it has; empty where it says none. To start it takes long."""

    @staticmethod
    def default() -> str:
        """Not known."""
        return ""

    def command(self) -> str:
        """Its own word."""
        return "dockerd --version 2>/dev/null || true"

    def process(self, output: list[str]) -> str:
        """``Docker version 26.1.5+dfsg1, build 411e817``."""
        return next((line.split()[2].rstrip(",") for line in output if line.startswith("Docker version ")), "")


class SnapDocker(FactBase[bool]):
    """Whether Docker was installed as a snap."""

    @staticmethod
    def default() -> bool:
        """It was not."""
        return False

    def command(self) -> str:
        """A snap's folder is there without snapd answering."""
        return "[ ! -e /snap/docker/current ] && [ ! -e /var/lib/snapd/snap/docker/current ] || echo snap"

    def process(self, output: list[str]) -> bool:
        """Any line means yes."""
        return bool(output)


@dataclass(frozen=True)
class Data:
    """What lies under a data root."""

    containers: int = 0
    volumes: int = 0
    images: int = 0
    swarm: bool = False
    """Whether the host is a member of a Docker swarm."""

    def __str__(self) -> str:
        counts = {"container": self.containers, "volume": self.volumes, "image": self.images}
        return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for word, n in counts.items() if n) or "nothing"


class DockerData(FactBase[Data]):
    """The ``Data`` under ``root``, read from the folders: the daemon need not run."""

    def command(self, root: str) -> StringCommand:
        """Four lines: counts, and whether there is a swarm's state. No process."""
        folder = QuoteString(root)
        return StringCommand(
            "cd", folder, "2>/dev/null && {",
            'set -- containers/*; [ -e "$1" ] || shift; echo $#;',
            'set -- volumes/*/; [ -e "$1" ] || shift; echo $#;',
            'set -- image/*/imagedb/content/sha256/*; [ -e "$1" ] || shift; echo $#;',
            "[ -s swarm/docker-state.json ] && echo 1 || echo 0; } || true",
        )  # fmt: skip

    @staticmethod
    def default() -> Data:
        """Nothing."""
        return Data()

    def process(self, output: list[str]) -> Data:
        """Numbers, one a line; none when the folder is not there."""
        numbers = [int(line) for line in output if line.strip().isdigit()]
        if len(numbers) != 4:
            return Data()
        return Data(containers=numbers[0], volumes=numbers[1], images=numbers[2], swarm=numbers[3] > 0)


class LabelByPolicy(FactBase[str]):
    """SELinux's type that its policy gives to what is at ``path``; empty where SELinux is off or not there."""

    @staticmethod
    def default() -> str:
        """No SELinux."""
        return ""

    def command(self, path: str) -> StringCommand:
        """The policy's word, not the file's: that is what ``restorecon`` would set."""
        return StringCommand(
            "[ ! -e /sys/fs/selinux/enforce ] || matchpathcon -n", QuoteString(path), "2>/dev/null || true"
        )

    def process(self, output: list[str]) -> str:
        """A context like ``system_u:object_r:container_var_lib_t:s0``."""
        fields = output[0].strip().split(":") if output else []
        return fields[2] if len(fields) > 2 else ""


class KnownUsers(FactBase[list[str]]):
    """Those of the named users that the host knows (local, LDAP, ...)."""

    default = list

    def command(self, users: Sequence[str]) -> StringCommand:
        """Ask the name service for each by name: listing everybody is slow, or off, with LDAP."""
        return StringCommand("getent passwd", *(QuoteString(user) for user in users), "|| true")

    def process(self, output: list[str]) -> list[str]:
        """Lines of passwd(5)."""
        return [line.partition(":")[0] for line in output if ":" in line]


class GroupMembers(FactBase[list[str]]):
    """Members of a group as group(5) lists them; empty when there is no such group."""

    default = list

    def command(self, group: str) -> StringCommand:
        """Ask the name service."""
        return StringCommand("getent group", QuoteString(group), "|| true")

    def process(self, output: list[str]) -> list[str]:
        """One line of group(5)."""
        listed = [line.strip().split(":")[3] for line in output if line.count(":") == 3]
        return [name for names in listed for name in names.split(",") if name]
