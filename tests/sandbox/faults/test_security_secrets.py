"""Secrets: the sudo password, and hidden values of a role. Looked for everywhere, on both sides."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

PASSWORD = "Pa55-of-the-Admin"
IN_ENVIRONMENT, IN_ARGUMENT, IN_FILE, OF_USER = "tok3n-Env", "tok3n Arg'x", "tok3n-File", "tok3n-User"
SECRETS = (PASSWORD, IN_ENVIRONMENT, IN_ARGUMENT, IN_FILE, OF_USER)
PS = r"""#!/usr/bin/perl
# As an ordinary user: every command line and every environment that can be read, until the file is there.
$| = 1; my %seen; my $end = time + $ARGV[0];
while (time < $end) { for my $p (glob "/proc/[0-9]*") { for my $k ("cmdline", "environ") {
  open(my $f, "<", "$p/$k") or next; local $/; my $t = <$f> // "";
  next if $seen{$t}++; $t =~ tr/\0/ /; print "$t\n"; } } }
"""
TASKS = f"""
env = {{"TOKEN": HiddenValue({IN_ENVIRONMENT!r})}}
server.shell(name="Environment", commands="test ${{#TOKEN}} = 9; sleep 1; echo got $TOKEN; echo $TOKEN >&2", _env=env)
from pyinfra.api import QuoteString, operation
@operation()
def argument():
    yield StringCommand("x=", QuoteString(HiddenValue({IN_ARGUMENT!r})), "; sleep 1; echo \\"$x\\"; cat", _separator="")
argument(name="Argument", _stdin="from stdin")
files.put(name="File", src=StringIO({IN_FILE!r}), dest="/etc/labprov-secret", mode="600")
users = {{"TOKEN": HiddenValue({OF_USER!r})}}
server.shell(name="As a user", commands="sleep 1; id -un; echo $TOKEN", _env=users, _sudo_user="nobody")
server.shell(name="Fails", commands="echo cannot use $TOKEN >&2; exit 3", _env=env, _ignore_errors=True)
"""


@pytest.fixture
def with_password(root):
    """From here on the admin's sudo on deb12 wants a password."""
    script = f"""echo 'admin:{PASSWORD}' | chpasswd
mkdir -p /root/sudoers; mv /etc/sudoers.d/* /root/sudoers/; echo 'admin ALL=(ALL) ALL' > /etc/sudoers.d/zz-test
systemd-run -q --unit giveback sh -c 'sleep 90; rm -f /etc/sudoers.d/zz-test; mv /root/sudoers/* /etc/sudoers.d/'"""
    root("deb12", script)
    yield


@pytest.fixture
def watched_here():
    """Command lines on this machine while the test runs, and what appears in its folder for temporary files."""
    seen, stop = set(), threading.Event()

    def look():
        while not stop.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    seen.add((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue
            time.sleep(0.02)

    thread = threading.Thread(target=look)
    thread.start()

    def found() -> str:
        stop.set()
        thread.join()
        return "\n".join(seen)

    yield found
    stop.set()


def files_with(secret: str, *folders: Path) -> list[str]:
    words = ["grep", "-rlF", "--", secret, *map(str, folders)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()


def give_back(lab, sandbox) -> None:
    command = (
        "sudo -S sh -c 'rm -f /etc/sudoers.d/zz-test; mv /root/sudoers/* /etc/sudoers.d/; systemctl stop giveback'"
    )
    words = ["ssh", "-F", "none", "-i", str(sandbox.key), "-o", f"UserKnownHostsFile={sandbox.known_hosts}"]
    address = f"admin@{sandbox.node('deb12').address}"
    subprocess.run([*words, address, command], input=f"{PASSWORD}\n", text=True, check=False, capture_output=True)


def test_no_secret_is_left_or_seen_anywhere(lab, root, watched_here, with_password, sandbox):
    """One run with all of them; the watchers do see the commands around the secrets."""
    found = watched_here
    lab.role(TASKS.replace("\\\\", "\\"))

    def say(script: str) -> str:
        """As root on deb12; sudo logs command lines, so the script goes in by standard input."""
        words = ["ssh", "-F", "none", "-i", str(sandbox.key), "-o", f"UserKnownHostsFile={sandbox.known_hosts}"]
        address = f"admin@{sandbox.node('deb12').address}"
        fed = f"{PASSWORD}\n{script}\n"
        return subprocess.run(
            [*words, address, "sudo -k -S sh -s"], input=fed, text=True, check=True, capture_output=True
        ).stdout

    try:
        say(f"cat > /run/ps.pl <<'E'\n{PS}\nE\nchmod 644 /run/ps.pl; : > /run/ps.out; chmod 600 /run/ps.out")
        say("systemd-run -q --unit psw --uid daemon -p StandardOutput=append:/run/ps.out perl /run/ps.pl 30")
        done = lab.run("apply", "work", "-i", "lab.yml", "-l", "deb12", "-K", "-v", input=f"{PASSWORD}\n")
        assert done.returncode == 0, done.stdout + done.stderr
        said = lab.run("apply", "work", "-i", "lab.yml", "-l", "deb12", "-K", "--json", input=f"{PASSWORD}\n")
        planned = lab.run("plan", "work", "-i", "lab.yml", "-l", "deb12", "-K", "-v", input=f"{PASSWORD}\n")
        reports = [lab.run("report", *how).stdout for how in (["-v"], ["--format", "json"], ["--format", "junit"])]
        here = found()
        on_host = say("systemctl stop psw; cat /run/ps.out")
        left = {
            secret: say(f'grep -rlsF -- "{secret}" /tmp /var/tmp /run /var/log /root /home /etc /dev/shm; true')
            for secret in (PASSWORD, IN_ENVIRONMENT, IN_FILE, OF_USER)
        }
        say("rm -f /run/ps.pl /run/ps.out /etc/labprov-secret")
    finally:
        give_back(lab, sandbox)
    assert root("deb12", "sudo -n true && ls /etc/sudoers.d | grep -c zz-test; true").strip() == "0"
    output = "\n".join((done.stdout, done.stderr, said.stdout, said.stderr, planned.stdout, planned.stderr, *reports))
    assert "got *MASKED*" in said.stdout
    assert "from stdin" in said.stdout
    assert "nobody" in said.stdout
    assert "sleep 1" in on_host, "the watcher on the host saw the work"
    assert "labprov apply" in here, "the watcher here saw the controller"
    for secret in SECRETS:
        assert secret not in output
        assert secret not in on_host
        assert secret not in here
        assert files_with(secret, lab.state) == []
    for secret, places in left.items():
        expected = ["/etc/labprov-secret"] if secret == IN_FILE else []
        assert places.split() == expected, secret


def test_no_temporary_file_of_the_controller_holds_a_secret(lab):
    """Every file that the run writes on this machine lies in its state folder, and holds none."""
    folder = lab.folder / "tmp"
    folder.mkdir()
    lab.environment |= {"TMPDIR": str(folder)}
    lab.role(TASKS.replace("\\\\", "\\"))
    done = lab.run("apply", "work", "-i", "lab.yml", "-l", "deb12")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(folder.iterdir()) == []
    for secret in SECRETS:
        assert files_with(secret, lab.state) == []
    assert {oct(path.stat().st_mode & 0o077) for path in lab.state.rglob("*.json*")} == {"0o0"}
    assert os.listdir(lab.folder / "state") == ["labprov"]


def test_the_environment_of_the_run_is_its_owners_alone(lab, root, until):
    """A secret in a command's environment can be read by root and by the user that it runs as, by nobody else."""
    lab.role(f'server.shell(name="W", commands="touch /run/at-work; sleep 4", _env={{"T": HiddenValue("{OF_USER}")}})')
    root("deb12", "rm -f /run/at-work")
    process = lab.start("apply", "work", "-i", "lab.yml", "-l", "deb12")
    until(lambda: "yes" in root("deb12", "[ ! -e /run/at-work ] || echo yes"))
    assert int(root("deb12", f"grep -lsF {OF_USER} /proc/[0-9]*/environ | wc -l")) > 0
    others = f"runuser -u nobody -- grep -lsF {OF_USER} /proc/[0-9]*/environ; pgrep -f '[t]ok3n-User'; true"
    assert root("deb12", others) == ""
    assert process.wait(60) == 0
