"""A lab of the tests' own: one small role, written where the test stands, on the session's two hosts."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec, Sandbox

_HEAD = """from io import StringIO

from pyinfra import host
from pyinfra.api import HiddenValue, StringCommand, deploy
from pyinfra.operations import files, server

from labprov.engine.operations import apt, packages, reboot


@deploy("Work")
def tasks(settings):
"""


class Lab:
    """A folder with the deploy ``work`` of one role, and the labprov command in it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder, self.inventory = folder, yaml.safe_load(sandbox.inventory.read_text())
        self.state = folder / "state"
        self.environment = dict(os.environ) | {"XDG_STATE_HOME": str(self.state)}
        self.started: list[subprocess.Popen[str]] = []
        self.roles: list[str] = []
        (folder / "deploys").mkdir()

    def role(self, tasks: str, verify: str = "", name: str = "work") -> Lab:
        """Give the role these tasks (the body of the function); one of another name comes after those there are."""
        role = self.folder / "roles" / name
        if name not in self.roles:
            self.roles.append(name)
            role.mkdir(parents=True)
            (role / "__init__.py").write_text('"""What the test wants done."""\n')
            (role / "settings.py").write_text(
                'from labprov.role import RoleSettings\n\nclass Settings(RoleSettings):\n    """None."""\n'
            )
            (role / "verify.py").write_text("def test_host_answers(host):\n    assert host.run('true').rc == 0\n")
            imports = f"from labprov.deploy import include\nfrom labprov_roles import {', '.join(self.roles)}"
            text = "\n".join(['"""Work."""', imports, "", *(f"include({other})" for other in self.roles), ""])
            (self.folder / "deploys" / "work.py").write_text(text)
        (role / "tasks.py").write_text(_HEAD + textwrap.indent(textwrap.dedent(tasks), "    "))
        if verify:
            (role / "verify.py").write_text(textwrap.dedent(verify))
        return self

    def command(self, *args: str) -> list[str]:
        """The command line; the inventory is written anew."""
        (self.folder / "lab.yml").write_text(yaml.safe_dump(self.inventory))
        return [sys.executable, "-m", "labprov", *args]

    def start(self, *args: str, input: str = "") -> subprocess.Popen[str]:
        """Start ``labprov ARGS`` in a process group of its own."""
        process = subprocess.Popen(
            self.command(*args), cwd=self.folder, env=self.environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.started.append(process)
        assert process.stdin is not None
        process.stdin.write(input)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, *args: str, input: str = "", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run ``labprov ARGS`` to its end."""
        process = self.start(*args, input=input)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def in_terminal(self, *answers: str | signal.Signals, code: int = 0, options: Sequence[str] = ()) -> str:
        """Apply in a terminal, answering what is asked in turn, or sending a signal then; gives what it showed."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self.command("apply", "work", "-i", "lab.yml", "-l", "deb12", "-l", "deb13", *options), cwd=self.folder,
            env=self.environment, text=True, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        os.close(theirs)
        shown, left, end = "", list(answers), time.monotonic() + 120
        while time.monotonic() < end:
            ready, _, _ = select.select([ours], [], [], 1)
            try:
                shown += os.read(ours, 65536).decode(errors="replace") if ready else ""
            except OSError:  # it has ended
                break
            if left and shown.endswith("[y/N]: "):
                answer = left.pop(0)
                if isinstance(answer, str):
                    os.write(ours, f"{answer}\n".encode())
                else:
                    process.send_signal(answer)
                shown += "\n"
        os.close(ours)
        assert process.wait(timeout=10) == code, shown
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)

    def apply(self, *args: str, timeout: float = 120) -> tuple[int, dict[str, Any]]:
        """Apply; returns the exit code and the report."""
        args = args if "-l" in args else ("-l", "deb12", "-l", "deb13", *args)
        done = self.run("apply", "work", "-i", "lab.yml", "--json", *args, timeout=timeout)
        assert done.stdout.startswith("{"), done.stdout[-2000:] + done.stderr[-4000:]
        return done.returncode, json.loads(done.stdout)

    def journals(self) -> list[Path]:
        """The journals of this lab's runs, oldest first."""
        return sorted((self.state / "labprov" / "runs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)

    def read(self, journal: Path) -> dict[str, Any]:
        """A journal as ``labprov report`` gives it."""
        done = self.run("report", str(journal), "--format", "json")
        assert done.stdout.startswith("{"), done.stderr
        return json.loads(done.stdout)

    def stop(self) -> None:
        """End what still runs."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


NODES = (NodeSpec("deb12", "debian-12", (("A100", 1),)), NodeSpec("deb13", "debian-13"), NodeSpec("hung", "debian-12"))


@pytest.fixture(scope="session")
def sandbox(make_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """Hosts for these tests alone: they are killed, cut off and filled up."""
    return make_sandbox("faults", *NODES)


@pytest.fixture
def lab(sandbox: Sandbox, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path, sandbox)
    yield made
    made.stop()


@pytest.fixture
def root(sandbox: Sandbox, ssh: Callable[..., Any]) -> Callable[..., str]:
    """Run a shell script on a node as root; its output."""

    def run(node: str, script: str, check: bool = True) -> str:
        return ssh(sandbox, node, "sudo sh -s", stdin=script, check=check).stdout

    return run


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait until a condition holds."""

    def wait(condition: Callable[[], object], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come to be so in time"
            time.sleep(0.05)

    return wait


@pytest.fixture
def of() -> Callable[[dict[str, Any], str], dict[str, Any]]:
    """How one host came out, from a report."""
    return lambda run, name: next(host for host in run["hosts"] if host["name"] == name)
