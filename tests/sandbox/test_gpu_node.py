"""The main job: two bare servers become verified GPU nodes. The promises are looked at over a plain ssh of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labprov.sandbox import Sandbox

NODES = ("deb12", "deb13")


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def first(cli: Any, sandbox: Sandbox, state: Path) -> tuple[int, dict[str, Any]]:
    """The first apply on the bare nodes."""
    return cli.report("apply", "gpu-node", "-i", str(sandbox.inventory), state=state)


@pytest.fixture(scope="session")
def node(first, sandbox: Sandbox, ssh: Callable[..., Any]) -> Callable[..., str]:
    """Run a command on a node after the first apply; its output."""
    return lambda name, command, **how: ssh(sandbox, name, command, **how).stdout


def test_both_nodes_are_verified(cli, first):
    code, run = first
    problems = [c for c in run["checks"] if c["verdict"] == "failed"] + [o for o in run["outcomes"] if o["reason"]]
    assert code == 0, json.dumps(problems + run["hosts"], indent=1)[:4000]
    checks = cli.results(run, "checks")
    for name in NODES:
        assert checks[name]["passed"] > 30
        assert "failed" not in checks[name]
    assert {host["status"] for host in run["hosts"]} == {"ok"}


def test_the_report_names_the_simulation(first):
    assert "simulated" in first[1]["simulation"]


def test_a_second_apply_changes_nothing(cli, first, sandbox, state):
    code, run = cli.report("apply", "gpu-node", "-i", str(sandbox.inventory), state=state)
    assert code == 0
    assert [o["operation"] for o in run["outcomes"] if o["result"] != "unchanged"] == []
    assert all(counts["unchanged"] > 40 for counts in cli.results(run).values())


def test_a_run_that_learned_asks_each_host_once(cli, first, sandbox, state):
    cli.report("plan", "gpu-node", "-i", str(sandbox.inventory), state=state)
    code, run = cli.report("plan", "gpu-node", "-i", str(sandbox.inventory), "--exit-code", state=state)
    assert code == 0
    assert sum(outcome["round_trips"] for outcome in run["plan"]) == 0, "facts came with the connection's first trip"


def test_a_verification_that_learned_asks_each_host_twice_at_most(cli, first, node, sandbox, state):
    """Counted by the hosts' own sshd."""
    cli.report("verify", "gpu-node", "-i", str(sandbox.inventory), state=state)
    count = "sudo journalctl -q -o cat -t sshd -t sshd-session | grep -c '^Starting session' || true"
    for name in NODES:
        node(name, "echo LogLevel VERBOSE | sudo tee /etc/ssh/sshd_config.d/00-count.conf; sudo systemctl reload ssh")
    try:
        before = {name: int(node(name, count)) for name in NODES}
        code, run = cli.report("verify", "gpu-node", "-i", str(sandbox.inventory), state=state)
        asked = {name: int(node(name, count)) - before[name] - 1 for name in NODES}  # the last one counted itself
    finally:
        for name in NODES:
            node(name, "sudo rm /etc/ssh/sshd_config.d/00-count.conf; sudo systemctl reload ssh")
    assert code == 0 and len(run["checks"]) > 60
    assert all(1 <= number <= 2 for number in asked.values()), asked


def test_a_container_sees_the_simulated_gpus_also_after_a_daemon_reload(node):
    node("deb13", "d=$(mktemp -d) && mkdir -p $d/bin $d/etc && cp /bin/busybox $d/bin/ 2>/dev/null; rm -rf $d")
    image = (
        "set -e; d=$(mktemp -d); mkdir -p $d/bin $d/lib $d/lib64 $d/usr/bin $d/etc; cp /bin/sh /bin/sleep $d/bin/; "
        "for f in $(ldd /bin/sh /bin/sleep | grep -o '/lib[^ ]*' | sort -u); do "
        "mkdir -p $d$(dirname $f); cp -L $f $d$f; done; "
        "tar -C $d -c . | sudo docker import - labprov-test:latest >/dev/null; rm -rf $d"
    )
    node("deb13", image)
    run = "sudo docker run --rm --device nvidia.com/gpu=all labprov-test nvidia-smi -L"
    listed = node("deb13", run)
    assert listed.count("GPU ") == 2
    assert "A100" in listed
    node("deb13", "sudo docker run -d --name keeps --device nvidia.com/gpu=all labprov-test sleep 600")
    try:
        assert node("deb13", "sudo docker exec keeps nvidia-smi -L").count("GPU ") == 2
        node("deb13", "sudo systemctl daemon-reload")
        assert node("deb13", "sudo docker exec keeps nvidia-smi -L").count("GPU ") == 2
    finally:
        node("deb13", "sudo docker rm -f keeps; sudo docker rmi labprov-test", check=False)


def test_an_ordinary_user_makes_environments_and_cannot_touch_base(node, sandbox, ssh):
    """As somebody who was given an account and nothing else."""
    node("deb13", "sudo useradd -m -s /bin/bash student 2>/dev/null || true")
    as_student = "sudo -iu student bash -lic"
    made = node(
        "deb13", f"{as_student} 'conda create -y -n x python hello-lab && conda run -n x python -V' 2>/dev/null"
    )
    assert "Python 3." in made
    assert "student" in node("deb13", f"{as_student} 'conda env list' 2>/dev/null")
    broken = ssh(sandbox, "deb13", f"{as_student} 'conda install -y -n base hello-lab'", check=False)
    assert broken.returncode != 0
    assert "NotWritable" in broken.stdout + broken.stderr
    node("deb13", "sudo userdel -r student", check=False)


@pytest.mark.parametrize("name", NODES)
def test_nvcc_in_a_login_shell_is_the_default_toolkit(node, name):
    said = node(name, "bash -lc 'nvcc --version; readlink -f /usr/local/cuda; echo \"[$LD_LIBRARY_PATH]\"'")
    default = node(name, "readlink -f /usr/local/cuda").strip().rpartition("-")[2]
    assert f"release {default}" in said
    assert "[]" in said


@pytest.mark.parametrize("name", NODES)
def test_nothing_is_left_half_done(node, name):
    assert node(name, "sudo dpkg --audit") == ""
    assert node(name, "sudo apt-get check -q >/dev/null && echo fine") == "fine\n"
    assert node(name, "systemctl is-system-running").strip() == "running"
    assert node(name, "sudo find / -xdev -name '.labprov.*' 2>/dev/null") == ""


def test_a_key_written_by_hand_into_daemon_json_survives(cli, node, sandbox, state):
    edit = (
        'sudo sed -i \'0,/{/s//{ "debug": true, "labels": ["rack=7"],/\' /etc/docker/daemon.json '
        "&& sudo systemctl reload docker"
    )
    node("deb13", edit)
    before = json.loads(node("deb13", "cat /etc/docker/daemon.json"))
    code, run = cli.report("apply", "gpu-node", "-i", str(sandbox.inventory), "-l", "deb13", state=state)
    assert code == 0, run["hosts"]
    after = json.loads(node("deb13", "cat /etc/docker/daemon.json"))
    assert after["debug"] is True
    assert after["labels"] == ["rack=7"]
    assert after == before
    assert "nvidia" in after["runtimes"]


def test_a_broken_daemon_json_stops_that_host_and_stays_as_it_was(cli, node, sandbox, state):
    node("deb13", "sudo cp -p /etc/docker/daemon.json /root/good.json")
    try:
        node("deb13", "echo '{ \"debug\": true,, }' | sudo tee /etc/docker/daemon.json")
        broken = node("deb13", "sudo sha256sum /etc/docker/daemon.json; stat -c %Y /etc/docker/daemon.json")
        pid = node("deb13", "systemctl show -p MainPID docker")
        code, run = cli.report("apply", "gpu-node", "-i", str(sandbox.inventory), state=state)
        assert code == 1
        hosts = {host["name"]: host for host in run["hosts"]}
        assert hosts["deb12"]["status"] == "ok"
        assert hosts["deb13"]["status"] == "failed"
        assert "daemon.json" in hosts["deb13"]["reason"]
        assert "line 1" in hosts["deb13"]["reason"]
        assert node("deb13", "sudo sha256sum /etc/docker/daemon.json; stat -c %Y /etc/docker/daemon.json") == broken
        assert node("deb13", "systemctl show -p MainPID docker") == pid
    finally:
        node("deb13", "sudo cp -p /root/good.json /etc/docker/daemon.json && sudo rm /root/good.json")


def test_verify_finds_what_was_broken_by_hand(cli, node, sandbox, state):
    """A verification that cannot fail proves nothing."""
    node("deb12", "sudo systemctl stop docker.socket docker")
    try:
        code, run = cli.report("verify", "gpu-node", "-i", str(sandbox.inventory), "--role", "docker", state=state)
        assert code == 1
        counts = cli.results(run, "checks")
        assert counts["deb12"]["failed"] > 0
        assert "failed" not in counts["deb13"]
    finally:
        node("deb12", "sudo systemctl start docker")
