"""Every mistake a user can make: one line that names file, line and key, exit code 2, and no host is touched."""

from __future__ import annotations

import socket
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from labprov.main import main

GOOD = """
    user: admin
    settings:
      docker: {log_max_size: 20m}
    groups:
      gpu: {hosts: [node1]}
    hosts:
      node1: {address: 127.0.0.1, port: 9}
"""

CASES = {
    "unknown key in a role": ("settings: {docker: {data_rot: /x}}\nhosts: {a: }", ":1: ", "data_rot", "data_root"),
    "wrong type in a role": ("settings:\n  docker:\n    users: 5\nhosts: {a: }", ":3: ", "users", "list"),
    "hostile path": ("settings:\n  docker: {data_root: '/x;reboot'}\nhosts: {a: }", ":2: ", "data_root", "absolute"),
    "unknown role": ("settings:\n  dokcer: {}\nhosts: {a: }", ":2: ", "dokcer", "did you mean 'docker'"),
    "unknown top-level key": ("hsots: {a: }", ":1: ", "hsots", "hosts"),
    "wrong type of a port": ("hosts:\n  a: {port: high}", ":2: ", "port", "high"),
    "bad range": ("hosts:\n  gpu-[5:1]: {}", ":2: ", "gpu-[5:1]", ""),
    "undefined name in a template": ("hosts:\n  a: {address: '{{ adress }}'}", ":2: ", "address", "adress"),
    "duplicate host": ("hosts:\n  gpu-[1:3]: {}\n  gpu-2: {}", ":3: ", "gpu-2", "2"),
    "duplicate key": ("hosts:\n  a: {}\n  a: {}", ":3: ", "a", ""),
    "invalid YAML": ("hosts:\n  a: [\n", ":", "", ""),
    "rule for reboots": ("reboot: window 2-5\nhosts: {a: }", ":1: ", "reboot", "window 02:00-05:00"),
    "reboots at once": ("hosts:\n  a: {reboot_at_once: none}", ":2: ", "reboot_at_once", "25%"),
    "unknown mirror": ("mirrors:\n  dokcer: https://x.example\nhosts: {a: }", ":2: ", "dokcer", "mean 'docker'"),
    "mirror that is no URL": ("mirrors:\n  docker: ftp://x\nhosts: {a: }", ":2: ", "docker", ""),
    "custom installer without sha256": (
        "settings:\n  miniconda:\n    version: py399_99.1.0-1\nhosts: {a: }", ":", "miniconda", "sha256"
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def run(tmp_path: Path, *args: str):
    return CliRunner().invoke(main, list(args), catch_exceptions=False)


def inventory(tmp_path: Path, text: str) -> str:
    path = tmp_path / "lab.yml"
    path.write_text(textwrap.dedent(text))
    return str(path)


@pytest.mark.parametrize("command", ["plan", "apply", "verify"])
@pytest.mark.parametrize("case", CASES)
def test_mistakes_in_the_inventory(tmp_path, case, command):
    text, line, key, hint = CASES[case]
    path = inventory(tmp_path, text)
    result = run(tmp_path, command, "gpu-node", "-i", path)
    assert result.exit_code == 2
    assert result.output.count("\n") == 1, result.output
    assert f"{path}{line}" in result.output
    assert key in result.output
    assert hint in result.output


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["apply", "gpu-nod"], "did you mean 'gpu-node'"),
        (["apply", "gpu-node", "-l", "nodeX"], "nodeX"),
        (["apply", "gpu-node", "-l", "!node1"], "no host"),
        (["apply", "gpu-node", "--role", "spyder"], "its roles: base"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path, args, expected):
    result = run(tmp_path, *args, "-i", inventory(tmp_path, GOOD))
    assert result.exit_code == 2
    assert expected in result.output
    assert result.output.count("\n") == 1, result.output


def test_missing_inventory_names_the_file(tmp_path):
    result = run(tmp_path, "plan", "gpu-node", "-i", str(tmp_path / "none.yml"))
    assert result.exit_code == 2
    assert str(tmp_path / "none.yml") in result.output


def test_missing_sandbox_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(tmp_path, "plan", "gpu-node")
    assert result.exit_code == 2
    assert "labprov sandbox up" in result.output


def test_the_good_inventory_gets_past_all_checks(tmp_path):
    """Guards the table above: without its mistake an inventory reaches the point where it connects."""
    result = CliRunner().invoke(main, ["plan", "gpu-node", "-i", inventory(tmp_path, GOOD)])
    assert result.exit_code not in (0, 2)
