"""Reboots on real hosts: who may be rebooted when, in whose turn, and what is said of those that wait."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from labprov.sandbox import ssh_command

BOOT = "cat /proc/sys/kernel/random/boot_id"
WORK = """
from pyinfra.facts.files import File

if host.get_fact(File, path="/var/tmp/wanted"):
    server.shell(name="Take the wish", commands="rm /var/tmp/wanted")
    reboot.require(name="Ask for a reboot", reason="work: the test wants it")
"""
AFTER = """
server.shell(name="Note the boot", commands="cp /proc/sys/kernel/random/boot_id /var/tmp/after")
"""
NO_REBOOT = '#!/bin/sh\\n[ "$1" = reboot ] || exec /usr/bin/systemctl "$@"\\n'


@pytest.fixture
def reboots(lab, root):
    """Two roles, the first of which wants a reboot once; gives the boot ids."""
    lab.role(WORK).role(AFTER, name="after")
    for node in ("deb12", "deb13"):
        root(node, "touch /var/tmp/wanted; rm -f /run/labprov/reboot-required /usr/local/sbin/systemctl")
    return lambda: {node: root(node, BOOT) for node in ("deb12", "deb13")}


@pytest.fixture
def anna(sandbox, root, until):
    """The admin is logged in on deb12, in a terminal."""
    words = [*ssh_command("deb12", name=sandbox.name)]
    process = subprocess.Popen([words[0], "-tt", *words[1:]], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until(lambda: "pts/" in root("deb12", "loginctl list-sessions; who"))
    yield
    process.kill()
    process.wait()
    until(lambda: "pts/" not in root("deb12", "loginctl list-sessions; who"))


def window(root, node: str, begin: int, end: int) -> str:
    """A window from so many hours from now to so many, by the host's clock."""
    now = int(root(node, "date +%H"))
    return f"window {(now + begin) % 24:02}:00-{(now + end) % 24:02}:00"


def test_a_host_in_use_and_one_outside_its_window_wait(lab, reboots, anna, root, of):
    before = reboots()
    later = window(root, "deb13", 2, 3)
    lab.inventory["hosts"]["deb12"]["reboot"] = "when-needed"
    lab.inventory["hosts"]["deb13"]["reboot"] = later
    root("deb12", "touch /dev/nvidia0; setsid sleep 300 </dev/nvidia0 >/dev/null 2>&1 &")
    code, run = lab.apply()
    root("deb12", "pkill -x sleep; rm /dev/nvidia0")
    assert code == 0, run["hosts"]
    assert reboots() == before
    held = of(run, "deb12")["held"]
    assert held.startswith("in use: logged in: admin (pts/")
    assert "; on the GPU: sleep (" in held
    assert of(run, "deb13")["held"] == later
    assert run["checks"] == []
    shown = lab.run("report").stdout
    assert f"reboot pending ({later}) deb13: work: the test wants it" in shown
    assert shown.count("not yet verified: reboot pending") == 2


def test_the_command_line_forbids_it(lab, reboots):
    before = reboots()
    lab.inventory["reboot"] = "when-needed"
    done = lab.run("apply", "work", "-i", "lab.yml", "-l", "deb12", "-l", "deb13", "--no-reboot")
    assert done.returncode == 0, done.stdout + done.stderr
    assert reboots() == before
    for node in ("deb12", "deb13"):
        assert f"reboot pending (--no-reboot) {node}: work: the test wants it" in done.stdout
    assert done.stdout.count("not yet verified: reboot pending") == 2


def test_one_after_the_other_and_then_the_next_role(lab, reboots, root):
    before = reboots()
    lab.inventory["reboot"] = window(root, "deb12", -2, 3)
    code, run = lab.apply()
    assert code == 0, run["hosts"]
    now = reboots()
    assert not set(before.values()) & set(now.values())
    for node in ("deb12", "deb13"):
        assert root(node, "cat /var/tmp/after") == now[node], "the next role came before the reboot"
    first, second = sorted((o for o in run["outcomes"] if o["operation"] == "Reboot"), key=lambda o: o["started"])
    assert second["started"] >= first["started"] + first["seconds"]
    assert {check["verdict"] for check in run["checks"]} == {"passed"}


def test_nobody_to_be_asked_then_asked_in_a_terminal(lab, reboots, anna, root, of):
    before = reboots()
    lab.inventory["reboot"] = "ask"
    code, run = lab.apply()
    assert code == 0
    assert reboots() == before
    assert of(run, "deb13")["held"] == "reboot: ask, and nobody to be asked"

    no = lab.in_terminal("y", "n")
    assert reboots() == before
    assert "logged in: admin (pts/" in no
    assert "Reboot deb12, deb13?" in no
    assert "reboot pending (you said no) deb13" in no

    regardless = lab.in_terminal("n", options=["--reboot"])
    assert "--reboot waits for nobody on deb12: logged in: admin (pts/" in regardless
    assert reboots() == before

    yes = lab.in_terminal("y", "y")
    assert "verified" in yes
    assert not set(before.values()) & set(reboots().values())


def test_a_host_that_does_not_come_back_stops_the_others(lab, reboots, root):
    for node in ("deb12", "deb13"):
        root(node, f"printf '{NO_REBOOT}' >/usr/local/sbin/systemctl; chmod +x /usr/local/sbin/systemctl")
    lab.inventory |= {"reboot": "when-needed", "reboot_timeout": 4}
    code, run = lab.apply()
    for node in ("deb12", "deb13"):
        root(node, "rm /usr/local/sbin/systemctl")
    assert code == 1
    lost, held = sorted(run["hosts"][:2], key=lambda host: host["status"])
    assert "it did not come back in time" in lost["reason"]
    assert (held["status"], held["held"]) == ("ok", f"{lost['name']} did not come back")


def test_killed_while_the_host_reboots_the_next_run_goes_on(lab, reboots, root, until):
    before = root("deb12", BOOT)
    process = lab.start("apply", "work", "-i", "lab.yml", "-l", "deb12", "--reboot")
    until(lambda: root("deb12", BOOT, check=False) != before, 180)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: root("deb12", BOOT, check=False) not in ("", before), 180)
    code, run = lab.apply("-l", "deb12", "--reboot")
    assert code == 0, run["hosts"]
    assert "Reboot" not in {o["operation"] for o in run["outcomes"]}
    assert root("deb12", "cat /var/tmp/after") == root("deb12", BOOT)
    assert {check["verdict"] for check in run["checks"]} == {"passed"}
