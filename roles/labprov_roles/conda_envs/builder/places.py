"""Where the environments of one folder lie: names, builds behind them, what processes use, what is left over.

``ENVS/NAME`` is a link to ``ENVS/.labprov/NAME-DIGEST-N``: conda writes an environment's path into its files, so what
is built beside the old one must be where it stays. A link is swapped at once, and nobody sees half an environment.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUILDS = ".labprov"
STATE = ".labprov-environment"
"""In a build that is complete, written last: the lock's digest in its first line, then the listing of then."""
LOCK = ".labprov-lock.json"
LISTING = "printf '%s\\n' conda-meta/*.json lib/python3*/site-packages/*-info"
"""Shell text: what is installed in the current folder, by file names (versions are in them); starts no process."""


class Trouble(Exception):
    """What is wrong, in one line, with what to do."""


class Place:
    """One folder of environments."""

    def __init__(self, envs: Path) -> None:
        self.envs, self.builds = envs, envs / BUILDS

    def current(self, name: str) -> Path | None:
        """The build that a name leads to, or None. Raises Trouble when something else has the name."""
        link = self.envs / name
        if not link.is_symlink():
            if link.exists():
                raise Trouble(f"{link} was not made by labprov: remove it, or give the environment another name")
            return None
        target = Path(os.path.normpath(self.envs / os.readlink(link)))  # noqa: PTH115  (a link's text, unfollowed)
        if target.parent != self.builds:
            raise Trouble(
                f"{link} is a link that labprov did not make: remove it, or give the environment another name"
            )
        return target

    def fresh(self, name: str, digest: str) -> Path:
        """A folder for a new build that nobody uses."""
        for number in range(1000):
            path = self.builds / f"{name}-{digest[:8]}-{number}"
            if not path.exists():
                return path
        raise Trouble(f"a thousand builds of {name} are in use")

    def point(self, name: str, build: Path) -> None:
        """Have the name lead to a build, at once."""
        beside = self.builds / f".{name}.link"
        beside.unlink(missing_ok=True)
        beside.symlink_to(Path(BUILDS) / build.name)
        beside.rename(self.envs / name)

    def sweep(self, keep: Path) -> None:
        """Remove every build that no name leads to and no process uses, and what killed builders left; not ``keep``."""
        if not self.builds.is_dir():
            return
        linked = {os.readlink(path) for path in self.envs.iterdir() if path.is_symlink()}  # noqa: PTH115
        old = [path for path in self.builds.iterdir() if path.is_dir() and path != keep]
        old = [path for path in old if f"{BUILDS}/{path.name}" not in linked]
        used = in_use(old)
        for path in old:
            if path not in used:
                (path / STATE).unlink(missing_ok=True)  # so that half of it is never taken for a whole one
                shutil.rmtree(path)

    @contextmanager
    def alone(self, seconds: int) -> Iterator[None]:
        """Hold this folder's lock, together with everything that is started meanwhile.

        A builder that was killed may have left children that still write. Raises Trouble when they do not end.
        """
        self.builds.mkdir(parents=True, exist_ok=True, mode=0o755)
        # 0600: who can open a file can hold its lock.
        with os.fdopen(os.open(self.builds / ".lock", os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:
            os.set_inheritable(lock.fileno(), True)
            _take(lock.fileno(), time.monotonic() + seconds)
            yield


def complete(build: Path, digest: str) -> bool:
    """Whether a build holds what the lock with that digest says, nothing more and nothing less."""
    try:
        return (build / STATE).read_text() == state(build, digest)
    except OSError:
        return False


def state(build: Path, digest: str) -> str:
    """The state of a build that was made from the lock with that digest and holds what it holds now."""
    environment = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    command = ["sh", "-c", LISTING]
    listing = subprocess.run(command, cwd=build, check=True, capture_output=True, text=True, env=environment).stdout
    return f"{digest}\n{listing}"


def in_use(builds: list[Path]) -> set[Path]:
    """Those of the builds from which a running process has a program or a library open."""
    found: set[Path] = set()
    for maps in Path("/proc").glob("[0-9]*/maps") if builds else ():
        try:
            text = maps.read_text(errors="replace")
        except OSError:  # ended, or another user's
            continue
        found |= {build for build in builds if f"{build}/" in text}
    return found


def _take(lock: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Trouble("another build of environments is still running on this host") from None
            time.sleep(0.2)
