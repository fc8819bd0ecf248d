"""A controller that is interrupted or killed: it says what is half done, hangs nowhere, and the next run converges."""

from __future__ import annotations

import os
import random
import shlex
import signal
import time

import pytest

from labprov.report import journal

BUSY = """
server.shell(name="Before", commands="true")
server.shell(name="Long work", commands="touch /run/at-work; sleep 20")
"""


@pytest.fixture
def busy(lab, root, until):
    """A run with both hosts in the middle of an operation."""
    for node in ("deb12", "deb13"):
        root(node, "rm -f /run/at-work")
    process = lab.role(BUSY).start("apply", "work", "-i", "lab.yml", "-l", "deb12", "-l", "deb13", "--wait", "30")
    for node in ("deb12", "deb13"):
        until(lambda node=node: "yes" in root(node, "[ ! -e /run/at-work ] || echo yes"), 60)
    return process


def test_ctrl_c_ends_in_3_seconds_and_says_what_is_half_done(lab, busy, root):
    busy.send_signal(signal.SIGINT)
    begun = time.monotonic()
    out, err = busy.communicate(timeout=30)
    assert time.monotonic() - begun < 3
    assert busy.returncode == 130
    assert "Traceback" not in out + err
    (line,) = err.splitlines()
    for node in ("deb12", "deb13"):
        assert f"{node}: half done: work: Long work" in line
    run = lab.read(lab.journals()[-1])
    assert run["exit_code"] == 130
    assert {(h["name"], h["status"]) for h in run["hosts"]} == {("deb12", "failed"), ("deb13", "failed")}
    assert all(h["reason"].startswith("interrupted; half done: work: Long work") for h in run["hosts"])
    results = {(o["host"], o["operation"]): o for o in run["outcomes"]}
    for node in ("deb12", "deb13"):
        assert results[node, "Before"]["result"] == "changed"
        assert results[node, "Long work"]["result"] == "failed"
        assert "half done" in results[node, "Long work"]["reason"]
        assert root(node, "pgrep -fa 'labprov[.]lock'; true") == "", "the lock went with the run"


def test_ctrl_c_and_no_at_the_question_change_nothing(lab, root):
    lab.role('server.shell(name="Work", commands="touch /run/asked")')
    shown = lab.in_terminal(signal.SIGINT, code=130)
    assert "labprov: interrupted (nothing was changed)" in shown
    assert "Traceback" not in shown
    run = lab.read(lab.journals()[-1])
    assert {(h["status"], h["reason"]) for h in run["hosts"]} == {("not started", "interrupted before its turn")}
    assert "Nothing was changed." in lab.in_terminal("n")
    for node in ("deb12", "deb13"):
        assert root(node, "ls /run/asked 2>/dev/null || echo untouched") == "untouched\n"


def test_a_second_ctrl_c_leaves_at_once(busy):
    busy.send_signal(signal.SIGINT)
    time.sleep(0.1)
    busy.send_signal(signal.SIGINT)
    begun = time.monotonic()
    busy.communicate(timeout=30)
    assert time.monotonic() - begun < 1.5
    assert busy.returncode in (130, -signal.SIGINT), "the latter when Python itself was about to end: 130 to a shell"


def test_ctrl_c_with_a_host_that_hangs(busy, root, until):
    servers = root("deb12", "pgrep -f '^sshd(-session)?: admin'").split()
    freeze = f"sleep 1; kill -STOP {' '.join(servers)}; sleep 8; kill -CONT {' '.join(servers)}"
    root("deb12", f"systemd-run -q sh -c '{freeze}'")
    time.sleep(1.5)
    busy.send_signal(signal.SIGINT)
    begun = time.monotonic()
    busy.communicate(timeout=30)
    assert time.monotonic() - begun < 3
    assert busy.returncode == 130
    # the host frees its lock as soon as it is awake again
    until(lambda: root("deb12", "pgrep -fa 'labprov[.]lock'; true") == "")


def test_ctrl_c_while_verifying_is_no_success(lab, root, until):
    root("deb12", "rm -f /run/at-work")
    verify = "def test_long(host):\n    host.run('touch /run/at-work; sleep 15')\n"
    process = lab.role('server.shell(name="Work", commands="true")', verify).start(
        "verify", "work", "-i", "lab.yml", "-l", "deb12"
    )
    until(lambda: "yes" in root("deb12", "[ ! -e /run/at-work ] || echo yes"))
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    err = process.communicate(timeout=30)[1]
    assert time.monotonic() - begun < 3
    assert process.returncode == 130
    assert "interrupted" in err


TEN = """
files.directory(name="Folder", path="/etc/ten", mode="750")
files.put(name="Small file", src=StringIO("small\\n"), dest="/etc/ten/small", mode="600")
files.put(name="Large file", src=StringIO("large\\n" * 200000), dest="/etc/ten/large", mode="644")
unit = "[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n"
files.put(name="Unit", src=StringIO(unit), dest="/etc/systemd/system/ten.service")
files.link(name="Link", path="/etc/ten/link", target="/etc/ten/small")
files.line(name="Line", path="/etc/ten/lines", line="one line", ensure_newline=True)
server.group(name="Group", group="ten")
server.user(name="User", user="ten", group="ten", home="/home/ten", shell="/bin/sh", create_home=True)
from pyinfra.operations import systemd
systemd.service(name="Service", service="ten.service", running=True, enabled=True)
"""
WIPE = """systemctl disable -q --now ten.service; pkill -u ten; userdel -rf ten; groupdel ten
rm -rf /etc/ten /etc/systemd/system/ten.service; systemctl daemon-reload; true"""
LOOK = """stat -c '%n %a %U %F' /etc/ten /etc/ten/* /etc/systemd/system/ten.service
sha256sum /etc/ten/small /etc/ten/large; cat /etc/ten/lines; getent passwd ten | cut -d: -f1,6,7
systemctl is-active ten.service; systemctl is-enabled ten.service
find /etc /tmp /run -xdev -name '.labprov.*' | wc -l"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("moments", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_random_moments(lab, root, moments):
    """Each time the journal is readable, and another run begins on what was left; each fifth one is let through."""
    chance = random.Random(20)
    limit = ["-l", "deb12"]
    lab.role(TEN)
    root("deb12", WIPE)
    begun = time.monotonic()
    code, run = lab.apply(*limit)
    whole = time.monotonic() - begun
    assert code == 0, run["hosts"]
    expected = root("deb12", LOOK)
    assert expected.splitlines()[-1] == "0"
    reached = set()
    for moment in range(moments):
        if moment % 5 == 0:
            root("deb12", WIPE)
        process = lab.start("apply", "work", "-i", "lab.yml", "--wait", "20", *limit)
        time.sleep(chance.uniform(0.3, max(whole * 0.7, 1.0)))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for path in lab.journals()[-1:]:
            reached.add(sum(outcome.result == "changed" for outcome in journal.read(path).applied))
        if moment % 5 == 4:
            code, run = lab.apply(*limit, "--wait", "20")
            assert code == 0, run["hosts"]
            assert root("deb12", LOOK) == expected
    assert lab.run("plan", "work", "-i", "lab.yml", "--exit-code", *limit).returncode == 0
    for path in lab.journals()[-20:]:
        assert lab.run("report", str(path)).returncode in (0, 1)
    assert len(reached) > 2, f"the kills hit all the same moment: {reached}"
    root("deb12", WIPE)


def test_killed_while_a_package_is_being_installed(lab, root, until):
    lab.role('packages.install(name="Package", packages=["zsh"])')
    root("deb12", "apt-get -qq update; apt-get -qq -y purge zsh zsh-common")
    # dpkg is stopped on the host as it unpacks, so that it is in the middle of its work however slow we are
    stop = "until pkill -STOP -f '[d]pkg .*--unpack'; do sleep 0.02; done; touch /run/stopped"
    root("deb12", f"rm -f /run/stopped; systemd-run -q sh -c {shlex.quote(stop)}")
    process = lab.start("apply", "work", "-i", "lab.yml", "-l", "deb12")
    until(lambda: root("deb12", "ls /run/stopped; true"), 120)
    os.killpg(process.pid, signal.SIGKILL)
    root("deb12", "pkill -KILL -x apt-get; pkill -KILL -x dpkg; pkill -KILL -x dpkg-deb; true")
    code, run = lab.apply("-l", "deb12", "--wait", "20")
    assert code == 0, run["hosts"]
    assert root("deb12", "dpkg --audit; zsh -c 'echo fine'") == "fine\n"
    root("deb12", "apt-get -qq -y purge zsh zsh-common")
