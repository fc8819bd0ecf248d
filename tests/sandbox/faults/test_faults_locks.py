"""What somebody else holds: apt's and dpkg's locks, and the host itself by another labprov."""

from __future__ import annotations

import os
import signal

import pytest

HOLD = r"""use Fcntl; my $all = pack("s! s! l! l! l!", F_WRLCK, 0, 0, 0, 0);
open(F, "+>>", $ARGV[0]) or die; fcntl(F, F_SETLK, $all) or die; $0 = "somebody-else"; sleep($ARGV[1]);
"""
LISTS, DPKG, DATABASE = "/var/lib/apt/lists/lock", "/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock"


@pytest.fixture
def hold(root):
    """An operation that makes somebody else hold a lock file for some seconds, as apt and dpkg do."""
    for node in ("deb12", "deb13"):
        root(node, f"cat > /root/hold.pl <<'E'\n{HOLD}E")
        root(node, "apt-mark -qq unhold coreutils; apt-get -qq update; apt-get -qq -y purge hello")

    def operation(path: str, seconds: int, where: str = "deb1?") -> str:
        run = f"setsid perl /root/hold.pl {path} {seconds} </dev/null >/dev/null 2>&1 & sleep 0.7"
        return f'server.shell(name="Hold", commands="case $(hostname) in {where}) {run};; esac")\n'

    yield operation
    for node in ("deb12", "deb13"):
        root(node, "pkill -x somebody-else; true")


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        (LISTS, 'server.shell(name="It", commands=apt.update().get_raw_value())'),
        (DPKG, 'packages.install(name="It", packages=["hello"])'),
        (DATABASE, 'packages.hold(name="It", packages=["coreutils"])'),
    ],
)
def test_a_lock_held_for_some_seconds_is_waited_for(lab, hold, path, operation):
    code, run = lab.role(hold(path, 4) + operation).apply()
    assert code == 0, run["hosts"]
    for outcome in (o for o in run["outcomes"] if o["operation"] == "It"):
        assert outcome["result"] == "changed"
        assert outcome["seconds"] > 2


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        (LISTS, 'server.shell(name="It", commands=apt.update().get_raw_value())'),
        (DPKG, 'packages.install(name="It", packages=["hello"])'),
        (DATABASE, 'packages.hold(name="It", packages=["coreutils"])'),
    ],
)
def test_a_lock_held_for_too_long_is_an_error_that_names_its_holder(lab, root, hold, of, path, operation):
    code, run = lab.role(f"apt.LOCK_TIMEOUT = 3\n{hold(path, 60, 'deb12')}{operation}").apply()
    holder = root("deb12", "pgrep -x somebody-else").strip()
    assert code == 1
    assert of(run, "deb13")["status"] == "ok"
    (failed,) = [o for o in run["outcomes"] if o["result"] == "failed"]
    assert holder in failed["reason"]
    assert 2 < failed["seconds"] < 30


def test_a_dpkg_at_work_is_not_taken_for_an_interrupted_one(lab, root, hold, of):
    """Half of its packages are unpacked and not configured yet; repairing it now would fail."""
    unpacked = "sed -i '/^Package: hello$/,/^$/s/ok installed/ok unpacked/' /var/lib/dpkg/status"
    root("deb12", f"apt-get -qq -y install hello; {unpacked}")
    work = 'packages.install(name="It", packages=["hello", "tree"])'
    code, run = lab.role(hold(DPKG, 4) + work).apply("-l", "deb12")
    assert code == 0, run["hosts"]
    assert "hello\n" not in root("deb12", "dpkg --audit; apt-get -qq -y purge hello tree")


SLOW = """server.shell(name="Long work", commands="touch /run/at-work; for i in $(seq 300); do "
    "[ ! -e /run/go-on ] || break; sleep 0.2; done")"""
QUICK = 'server.shell(name="Quick work", commands="true")'


@pytest.fixture
def first(lab, root, until):
    """A run that is at work on deb12."""
    root("deb12", "rm -f /run/at-work /run/go-on")
    process = lab.role(SLOW).start("apply", "work", "-i", "lab.yml", "-l", "deb12")
    until(lambda: "yes" in root("deb12", "[ ! -e /run/at-work ] || echo yes"))
    lab.role(QUICK)
    return process


def test_a_second_controller_stops_at_once_and_says_who_is_at_work(lab, first, of, root):
    code, run = lab.apply()
    assert first.poll() is None, "the first was still at work"
    assert code == 1
    assert of(run, "deb13")["status"] == "ok"
    assert of(run, "deb12")["status"] == "failed"
    assert f"process {first.pid}," in of(run, "deb12")["reason"]
    assert "since 20" in of(run, "deb12")["reason"]
    root("deb12", "touch /run/go-on")
    assert first.wait(60) == 0


def test_a_second_controller_waits_when_told_to(lab, first, root, until):
    second = lab.start("apply", "work", "-i", "lab.yml", "-l", "deb12", "--wait", "60")
    until(lambda: root("deb12", "pgrep -x flock; true"))
    root("deb12", "touch /run/go-on")
    assert second.wait(60) == 0
    assert first.wait(60) == 0


def test_the_lock_goes_with_a_first_controller_that_is_killed(lab, first):
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    code, run = lab.apply("--wait", "5")
    assert code == 0, run["hosts"]


def test_a_run_that_lost_its_lock_stops(lab, root, until, of):
    """As after a night with the laptop's lid closed: the host freed the lock, somebody else may be at work."""
    root("deb12", "rm -f /run/at-work /run/go-on")
    lab.role(f'{SLOW}\nserver.shell(name="Next", commands="touch /run/next")')
    process = lab.start("apply", "work", "-i", "lab.yml", "-l", "deb12")
    until(lambda: "yes" in root("deb12", "[ ! -e /run/at-work ] || echo yes"))
    root("deb12", "rm -f /run/next; pkill -f 'labprov[.]lock'; sleep 1; touch /run/go-on")
    assert process.wait(60) == 1
    run = lab.read(lab.journals()[-1])
    assert [o["result"] for o in run["outcomes"]] == ["changed", "failed"]
    assert "lock" in run["outcomes"][1]["reason"]
    assert "no" in root("deb12", "[ -e /run/next ] || echo no")


def test_what_holds_the_lock_is_gone_when_the_run_has_ended(lab, root):
    assert lab.role(QUICK).apply()[0] == 0
    assert root("deb12", "pgrep -fa 'labprov[.]lock'; true") == ""


BROKEN_DEB = """
d=$(mktemp -d); mkdir $d/DEBIAN; exec 3>$d/DEBIAN/control
printf '%s\\n' 'Package: labprov-broken' 'Version: 1' 'Architecture: all' 'Maintainer: x' 'Description: x' >&3
printf '#!/bin/sh\\nexit 1\\n' >$d/DEBIAN/postinst; chmod 755 $d/DEBIAN/postinst
dpkg-deb --build $d $d.deb; dpkg -i $d.deb; rm -r $d $d.deb; true
"""


def test_a_package_whose_own_script_fails_can_be_removed(lab, root, of):
    root("deb12", BROKEN_DEB)
    state = "dpkg-query -W -f '${db:Status-Abbrev}' labprov-broken"
    assert root("deb12", state).startswith("iF")
    lab.role('packages.remove(name="Remove it", packages=["labprov-broken"], purge=True)')
    code, run = lab.apply("-l", "deb12")
    assert code == 0, of(run, "deb12")
    assert root("deb12", f"{state} 2>/dev/null || echo gone") == "gone\n"
    assert root("deb12", "dpkg --audit") == ""
    assert {outcome["result"] for outcome in lab.apply("-l", "deb12")[1]["outcomes"]} == {"unchanged"}
