"""Programs run on this machine, with their failure as one line. Never through a shell."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from labprov.errors import HostError


def environment() -> dict[str, str]:
    """The environment for system programs: this process's, in English, with the sbin folders on the PATH."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {
        **os.environ,
        "PATH": f"{path}:/usr/local/sbin:/usr/sbin:/sbin",
        "LC_ALL": "C",
        "DEBIAN_FRONTEND": "noninteractive",
    }


def run(command: Sequence[str | Path], stdin: str = "") -> str:
    """Run ``command`` and give its standard output; HostError with the last line of its standard error if it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, env=environment())
    except FileNotFoundError as error:
        raise HostError(f"{words[0]} is not installed on this machine") from error
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise HostError(
            f"{Path(command[0]).name} failed: {lines[-1].strip() if lines else f'exit code {done.returncode}'}"
        )
    return done.stdout


def succeeds(command: Sequence[str | Path]) -> bool:
    """Whether ``command`` ends with exit code 0; its output goes nowhere. False too when it is not installed."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(words, capture_output=True, check=False, env=environment()).returncode == 0
    except FileNotFoundError:
        return False


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write ``path`` in one step (a reader sees the old text or the new), making its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")  # somebody else may be writing it too
    beside.write_text(text)
    beside.chmod(mode)
    beside.replace(path)


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file ``path``; a second holder calls ``waiting`` and waits. The lock goes with the process.

    Who holds it may delete it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_locked(path):
        waiting()
    while True:
        with path.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not _is_same_file(handle.fileno(), path):
                continue  # deleted by the one we waited for
            yield
            return


def _is_same_file(descriptor: int, path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock file ``path``."""
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
