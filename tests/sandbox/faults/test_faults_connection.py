"""Connections that end in the middle of the work: noticed in time, with the cause, and the other host finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from labprov.sandbox import processes, up
from labprov.sandbox.places import Places

SLOW = """
server.shell(name="Before", commands="true")
server.shell(name="Long work", commands="touch /run/at-work; case $(hostname) in deb13) sleep 3;; *) sleep 60;; esac")
server.shell(name="After", commands="true")
"""


def lost(run, of, name, *words):
    """deb13 is fine; the host failed in its long work, for a reason with these words; everything is on record."""
    assert of(run, "deb13")["status"] == "ok"
    assert of(run, name)["status"] == "failed"
    done = {o["operation"]: o for o in run["outcomes"] if o["host"] == name}
    assert done["Before"]["result"] == "changed"
    assert done["Long work"]["result"] == "failed"
    assert "After" not in done
    for word in words:
        assert word in done["Long work"]["reason"]
    assert "\n" not in of(run, name)["reason"]


@pytest.fixture
def at_work(lab, root, until):
    """Start an apply on deb13 and others, and wait until those are in the middle of an operation."""

    def start(*names: str):
        limit = [word for name in ("deb13", *names) for word in ("-l", name)]
        for name in names:
            root(name, "rm -f /run/at-work")
        lab.role(SLOW)
        process = lab.start("apply", "work", "-i", "lab.yml", "--wait", "60", *limit)
        for name in names:
            until(lambda name=name: "yes" in root(name, "[ ! -e /run/at-work ] || echo yes"), 90)
        return process

    return start


def test_the_ssh_server_is_killed_in_the_middle_of_an_operation(lab, root, at_work, of):
    process = at_work("deb12")
    root("deb12", "pkill -KILL -f '^sshd(-session)?: admin'", check=False)
    begun = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert time.monotonic() - begun < 10
    lost(lab.read(lab.journals()[-1]), of, "deb12", "the connection was lost")


def test_the_host_is_killed_in_the_middle_of_an_operation(lab, root, at_work, of, sandbox):
    process = at_work("deb12")
    places = Places(sandbox.name)
    try:
        for pid in processes.supervisors(places, "deb12") + processes.inside(places, "deb12"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        begun = time.monotonic()
        process.communicate(timeout=60)
        assert time.monotonic() - begun < 30
    finally:
        up([node.spec for node in sandbox.nodes], sandbox.inventory, print, name=sandbox.name)
    assert process.returncode == 1
    lost(lab.read(lab.journals()[-1]), of, "deb12", "the connection was lost")


@pytest.fixture
def silent(sandbox):
    """Drop every packet from and to a node, as a pulled cable would."""
    table = f"labprov_test_{os.getpid()}"

    def heal() -> None:
        subprocess.run(["nft", "delete", "table", "inet", table], check=False, stderr=subprocess.DEVNULL)

    def cut(node: str):
        address = sandbox.node(node).address
        rules = "".join(
            f"chain {hook} {{ type filter hook {hook} priority -300; ip {side} {address} drop; }}\n"
            for hook, side in (("input", "saddr"), ("output", "daddr"))
        )
        subprocess.run(["nft", "-f", "-"], input=f"table inet {table} {{\n{rules}}}\n", text=True, check=True)
        return heal

    yield cut
    heal()


def test_a_silent_host_and_one_that_hangs_are_noticed_in_30_seconds_and_their_locks_freed(
    lab, root, at_work, of, silent
):
    """deb12: a pulled cable. hung: its kernel acknowledges packets, its ssh server stands still."""
    process = at_work("deb12", "hung")
    servers = root("hung", "pgrep -f '^sshd(-session)?: admin'").split()
    freeze = f"sleep 1; kill -STOP {' '.join(servers)}; sleep 40; kill -CONT {' '.join(servers)}"
    root("hung", f"systemd-run -q sh -c '{freeze}'")
    heal = silent("deb12")
    begun = time.monotonic()
    process.communicate(timeout=60)
    assert 5 < time.monotonic() - begun < 32  # 30, and the second until the server is stopped
    assert process.returncode == 1
    run = lab.read(lab.journals()[-1])
    for name in ("deb12", "hung"):
        lost(run, of, name, "the connection was lost", "no answer")
    # The hosts' own ssh servers would believe in those connections, and so in their locks, for hours.
    heal()
    lab.role('server.shell(name="Work", commands="true")')
    code, run = lab.apply("--wait", "60")
    assert code == 0, run["hosts"]


def test_sudo_refused_in_the_middle(lab, root, of, until, ssh, sandbox):
    """An admin takes the right away between two commands; the other admin gives it back."""
    lab.role("""
        server.shell(name="Before", commands="true")
        server.shell(name="Long work", commands=[
            "test $(hostname) != deb12 || echo 'admin ALL=(ALL) !ALL' > /etc/sudoers.d/zz-test",
            "true",
        ])
        server.shell(name="After", commands="true")
    """)
    root("deb12", "systemd-run -q sh -c 'sleep 6; rm -f /etc/sudoers.d/zz-test'")
    code, run = lab.apply()
    until(lambda: ssh(sandbox, "deb12", "sudo -n true", check=False).returncode == 0)
    assert code == 1
    lost(run, of, "deb12", "sudo")


REBOOT = """
if host.name == "deb12":
    server.shell(name="New key", commands=[
        "systemctl stop ssh.socket 2>/dev/null; cp -p /etc/ssh/ssh_host_ed25519_key /root/key",
        "rm /etc/ssh/ssh_host_ed25519_key; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key",
    ])
    reboot.require(name="Ask", reason="to try it")
"""


def test_a_host_key_that_changed_over_a_reboot_is_refused_at_once(lab, sandbox, of):
    lab.role(REBOOT)
    try:
        begun = time.monotonic()
        code, run = lab.apply("--reboot")
        assert time.monotonic() - begun < 60
        assert code == 1
        assert of(run, "deb13")["status"] == "ok"
        reason = of(run, "deb12")["reason"]
        assert "CHANGED" in reason
        assert reason.count("SHA256:") == 2
        failed = [o for o in run["outcomes"] if o["result"] == "failed"]
        assert [o["operation"] for o in failed] == ["Reboot"]
        assert "CHANGED" in failed[0]["reason"]
    finally:
        back = "mv /root/key /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh"
        address = sandbox.node("deb12").address
        words = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", str(sandbox.key)]
        subprocess.run(["ssh", "-F", "none", *words, f"admin@{address}", f"sudo sh -c '{back}'"], check=True)
