"""Hosts that cannot be worked on: each fails with its cause in one line, the others finish, exit code 4."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

DEPLOY = '"""Base only."""\nfrom labprov.deploy import include\nfrom labprov_roles import base\n\ninclude(base)\n'


@pytest.fixture
def lab(sandbox, tmp_path, monkeypatch):
    """A folder with a small deploy; call it with changes to ``deb12``'s entry, it writes the inventory."""
    (tmp_path / "deploys").mkdir()
    (tmp_path / "deploys" / "base_only.py").write_text(DEPLOY)
    monkeypatch.chdir(tmp_path)

    def write(**change) -> str:
        inventory = yaml.safe_load(sandbox.inventory.read_text())
        inventory["hosts"]["deb12"] |= change
        Path("lab.yml").write_text(yaml.safe_dump(inventory))
        return "lab.yml"

    return write


@pytest.fixture
def plan(cli, tmp_path):
    def run(path: str):
        code, found = cli.report("plan", "base-only", "-i", path, state=tmp_path / "state")
        return code, {host["name"]: (host["status"], host["reason"]) for host in found["hosts"]}

    return run


def expect(code: int, hosts: dict, *words: str) -> None:
    assert code == 4
    assert hosts["deb13"][0] == "ok"
    status, reason = hosts["deb12"]
    assert status == "unreachable"
    assert "\n" not in reason
    for word in words:
        assert word in reason


def test_nothing_listens(lab, plan):
    expect(*plan(lab(port=9)), "connection refused", ":9")


def test_no_answer(lab, plan, sandbox):
    """An address of the sandbox's own network that no node has."""
    free = sandbox.node("deb12").address.rpartition(".")[0] + ".250"
    expect(*plan(lab(address=free, connect_timeout=2)), free)


def test_unknown_name(lab, plan):
    expect(*plan(lab(address="no-such-host.invalid")), "no-such-host.invalid", "resolved")


def test_refused_key(lab, plan, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    expect(*plan(lab(key=str(tmp_path / "other"))), "was not let in", "other")


def test_missing_key_file(lab, plan, tmp_path):
    expect(*plan(lab(key=str(tmp_path / "nothing"))), "nothing")


def test_unknown_host_key(lab, plan, tmp_path):
    (tmp_path / "empty").write_text("")
    expect(*plan(lab(known_hosts=str(tmp_path / "empty"))), "not known", "SHA256:")


def test_changed_host_key(lab, plan, tmp_path, sandbox):
    """The other node's key stands under this node's address."""
    lines = sandbox.known_hosts.read_text().splitlines()
    address, other = sandbox.node("deb12").address, sandbox.node("deb13").address
    wrong = [line.replace(other, address, 1) for line in lines if line.startswith(other)]
    right = [line for line in lines if line.startswith(other)]
    (tmp_path / "changed").write_text("\n".join(wrong + right) + "\n")
    expect(*plan(lab(known_hosts=str(tmp_path / "changed"))), "CHANGED", "SHA256:", "ssh-keygen -R")


def test_no_sudo_rights(lab, plan, sandbox, ssh):
    """A user who may log in and nothing else."""
    key = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(sandbox.key)], capture_output=True, text=True, check=True
    ).stdout
    script = (
        "sudo useradd -m -s /bin/bash guest; sudo install -d -o guest -m 700 ~guest/.ssh; "
        f"echo '{key.strip()}' | sudo tee ~guest/.ssh/authorized_keys >/dev/null; "
        "sudo chown guest ~guest/.ssh/authorized_keys"
    )
    ssh(sandbox, "deb12", script)
    try:
        expect(*plan(lab(user="guest")), "guest", "sudo")
        expect(*plan(lab(user="guest", sudo=False)), "guest", "not root")
    finally:
        ssh(sandbox, "deb12", "sudo userdel -r guest", check=False)


def test_accept_new_remembers_the_key(lab, plan, tmp_path):
    (tmp_path / "empty").write_text("")
    path = lab(known_hosts=str(tmp_path / "empty"), host_keys="accept-new")
    code, hosts = plan(path)
    assert (code, hosts["deb12"][0]) == (0, "ok")
    assert (tmp_path / "empty").read_text().count("\n") == 1
    expected = plan(lab(known_hosts=str(tmp_path / "empty")))
    assert expected[0] == 0


def test_a_failure_in_the_work_wins_over_unreachable(lab, cli, tmp_path, ssh, sandbox):
    """Exit code 1: something failed; 4 is for runs in which nothing but a connection went wrong."""
    inventory = yaml.safe_load(Path(lab(port=9)).read_text())
    inventory["hosts"]["deb13"]["settings"] = {"base": {"extra_packages": ["no-such-package-anywhere"]}}
    Path("lab.yml").write_text(yaml.safe_dump(inventory))
    code, run = cli.report("apply", "base-only", "-i", "lab.yml", state=tmp_path / "state")
    assert code == 1
    hosts = {host["name"]: host for host in run["hosts"]}
    assert hosts["deb12"]["status"] == "unreachable"
    assert hosts["deb13"]["status"] == "failed"
    failed = [outcome for outcome in run["outcomes"] if outcome["result"] == "failed"]
    assert "no-such-package-anywhere" in failed[0]["reason"]
