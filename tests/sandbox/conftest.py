"""Real hosts for the tests in this folder: one sandbox a session, bare at first, removed at the end. Needs root."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labprov.sandbox import NodeSpec, Sandbox, down, ssh_command, up
from labprov.sandbox.mirror import Mirror, ensure
from labprov.sandbox.places import CACHE, STATE

HERE = Path(__file__).parent
Ssh = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is of the slow tier; the first one may have to wait for the images to be built."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.sandbox)
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(900))


def _need_root() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("the sandbox's hosts need root on Linux")


def labprov(*args: str, state: Path | None = None, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """Run ``labprov ARGS``; ``state`` is a folder for its journals and memory, apart from the user's own."""
    environment = dict(os.environ) | ({"XDG_STATE_HOME": str(state)} if state else {})
    command = [sys.executable, "-m", "labprov", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=environment)


def report(*args: str, state: Path | None = None) -> tuple[int, dict[str, Any]]:
    """Run with ``--json``; returns the exit code and the report."""
    done = labprov(*args, "--json", state=state)
    assert done.stdout.startswith("{"), done.stdout[-2000:] + done.stderr[-4000:]
    return done.returncode, json.loads(done.stdout)


def results(run: dict[str, Any], key: str = "outcomes") -> dict[str, dict[str, int]]:
    """Host -> result -> how many operations (or checks) came out so."""
    counts: dict[str, dict[str, int]] = {}
    for record in run[key]:
        host = counts.setdefault(record["host"], {})
        word = record.get("result") or record["verdict"]
        host[word] = host.get(word, 0) + 1
    return counts


@pytest.fixture(scope="session")
def cli() -> SimpleNamespace:
    """The labprov command: ``cli.labprov(...)``, ``cli.report(...)`` for its JSON, ``cli.results(...)`` to count."""
    return SimpleNamespace(labprov=labprov, report=report, results=results)


@pytest.fixture(scope="session")
def sandbox_name() -> Iterator[Callable[[str], str]]:
    """Names for this session's sandboxes (of a kind of up to 7 letters), apart from a user's and from other sessions'.

    A session holds a slot, the first free one, for as long as it runs; what a killed one left in it is removed.
    """
    _need_root()
    Path("/run/lock").mkdir(exist_ok=True)
    with _slot() as number:
        for home in STATE.glob(f"t0{number:x}-*"):
            down(print, name=home.name)
        yield lambda kind: f"t0{number:x}-{kind}"


@contextmanager
def _slot() -> Iterator[int]:
    """The first number that no other session holds, held until the end."""
    for number in range(16):
        with Path(f"/run/lock/labprov-test-{number:x}").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
    raise RuntimeError("16 test sessions are running on this machine")


@pytest.fixture(scope="session")
def make_sandbox(
    sandbox_name: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Sandbox]]:
    """Bring up a bare sandbox of that kind (see ``sandbox_name``); all of them go at the end of the session."""
    made: list[str] = []

    def make(kind: str, *nodes: NodeSpec) -> Sandbox:
        made.append(name := sandbox_name(kind))
        down(print, name=name)
        return up(nodes, tmp_path_factory.mktemp(kind) / "sandbox.yml", print, name=name)

    yield make
    for name in made:
        down(print, name=name)


@pytest.fixture(scope="session")
def sandbox(make_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """Debian 12 ``deb12`` with one A100 and Debian 13 ``deb13`` with two, apart from a user's own sandbox."""
    return make_sandbox(
        "session", NodeSpec("deb12", "debian-12", (("A100", 1),)), NodeSpec("deb13", "debian-13", (("A100", 2),))
    )


@pytest.fixture(scope="session")
def ssh() -> Ssh:
    """Run a shell command on a node as its admin: ``ssh(sandbox, "deb12", "id", check=True).stdout``."""

    def run(
        sandbox: Sandbox, node: str, command: str, *, check: bool = True, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        words = [*ssh_command(node, name=sandbox.name), command]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=300, check=False)
        assert not check or done.returncode == 0, f"{node}: {command}\n{done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture(scope="module")
def mirror() -> Mirror:
    """The vendor mirror of this machine's cache: built when it is not there."""
    if os.geteuid() != 0:
        pytest.skip("building the mirror may install compilers: needs root")
    return ensure(CACHE / "mirror", print)
