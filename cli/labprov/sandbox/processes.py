"""Which processes belong to a sandbox, found by what they are (not by remembered numbers), and ending them.

A process is a sandbox's when it was started with that sandbox's folder as an argument by us, or when its root file
system is one of that sandbox's nodes. No other process is ever touched.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from labprov.errors import HostError
from labprov.sandbox.places import Places

SERVE = "labprov.sandbox.serve"


def supervisors(places: Places, node: str = "") -> list[int]:
    """The processes that keep nodes of this sandbox running (all nodes, or the one called ``node``)."""
    prefix = f"--directory={places.nodes}/{node}" + ("/root" if node else "/")
    return [pid for pid, words in _commands() if any(w == prefix or (not node and w.startswith(prefix)) for w in words)]


def servers(places: Places) -> list[int]:
    """The processes that serve the vendor mirror of this sandbox."""
    return [pid for pid, words in _commands() if SERVE in words and f"--sandbox={places.name}" in words]


def command(pid: int) -> list[str]:
    """The command line of ``pid``; empty when it has gone."""
    return next((words[:-1] for number, words in _commands() if number == pid), [])


def inside(places: Places, node: str = "") -> list[int]:
    """The processes whose root file system is a node of this sandbox (any node, or the one called ``node``)."""
    folder = f"{places.nodes}/{node}/" if node else f"{places.nodes}/"
    return [pid for pid in _pids() if folder in _root_mount(pid)]


def end(pids: list[int]) -> None:
    """Kill ``pids`` and wait until they are gone; HostError when one stays for 10 seconds."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + 10
    while left := [pid for pid in pids if _alive(pid)]:
        if time.monotonic() > deadline:
            raise HostError(f"processes of the sandbox do not end: {left}")
        _reap(left)
        time.sleep(0.02)


def _reap(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue


def _alive(pid: int) -> bool:
    """Whether ``pid`` still holds anything: not when it has gone, nor as a zombie that its parent has to note."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return False
    return state != "Z" or int(parent) == os.getpid()


def _pids() -> Iterator[int]:
    yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _commands() -> Iterator[tuple[int, list[str]]]:
    for pid in _pids():
        try:
            yield pid, Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue


def _root_mount(pid: int) -> str:
    """The line of ``mountinfo`` for the process's root directory (empty when it has gone)."""
    try:
        lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.split(" ", 5)[4] == "/"), "")
