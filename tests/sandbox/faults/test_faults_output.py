"""Hosts that answer strangely: too much, not as text, with a banner; full disks; commands without an end."""

from __future__ import annotations

import resource

import pytest


def outcomes(run, host="deb12"):
    return {o["operation"]: o for o in run["outcomes"] if o["host"] == host}


@pytest.mark.parametrize("line", ["y", "x" * 5_000_000], ids=["short lines", "one endless line"])
def test_a_command_that_prints_100_mb(lab, line):
    """The record keeps the end; the controller's memory stays bounded (kilobytes, of all its children so far)."""
    many = f"head -c {100_000_000}" if line == "y" else f"tr -d '\\\\n' | head -c {100_000_000}"
    lab.role(f'server.shell(name="Loud", commands="yes {line[:1]} | {many}; echo; echo the end")')
    code, run = lab.apply("-l", "deb12")
    assert code == 0, run["hosts"]
    output = outcomes(run)["Loud"]["output"]
    assert output.endswith("the end")
    assert len(output) < 100_000
    assert lab.journals()[-1].stat().st_size < 500_000
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 400_000


def test_output_that_is_no_utf8_and_lines_that_only_python_sees(lab):
    odd = r"printf 'caf\351 \377\376\n one\302\205two\342\200\250three \033[31mred\n'"
    lab.role(f'server.shell(name="Odd", commands=r"""{odd}; {odd} >&2; false""")')
    code, run = lab.apply("-l", "deb12")
    assert code == 1
    assert "caf\ufffd" in outcomes(run)["Odd"]["output"]
    assert lab.read(lab.journals()[-1])["outcomes"] == run["outcomes"], "the journal is read back"


def test_warnings_of_a_role_are_shown_and_kept(lab):
    lab.role("""
        from pyinfra import logger
        logger.warning("%sits fan is loud", host.print_prefix)
        server.shell(name="Work", commands="true")
        logger.warning("its \\x1b[31mdisk is old")
    """)
    done = lab.run("apply", "work", "-i", "lab.yml", "-l", "deb12", "-l", "deb13")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("warning: its fan is loud  deb12, deb13") == 1
    assert "warning: its ␛[31mdisk is old" in done.stdout
    assert "\x1b" not in done.stdout
    run = lab.read(lab.journals()[-1])
    said = [warning for outcome in run["outcomes"] if outcome["host"] == "deb13" for warning in outcome["warnings"]]
    assert said == ["its fan is loud", "its \x1b[31mdisk is old"]


def test_a_full_tmp(lab, root):
    for node in ("deb12", "deb13"):
        root(node, "apt-get -qq update; apt-get -qq -y purge hello")
    root("deb12", "mount -t tmpfs -o size=64k tmpfs /tmp; head -c 1M /dev/zero > /tmp/full; true")
    try:
        lab.role("""
            files.put(name="Put", src=StringIO("new" * 1000), dest="/etc/labprov-test", mode="644")
            server.shell(name="Shell", commands="cat /etc/labprov-test | wc -c")
            packages.install(name="Package", packages=["hello"])
        """)
        code, run = lab.apply()
        assert code == 0, run["hosts"]
        assert outcomes(run)["Shell"]["output"] == "3000"
    finally:
        root("deb12", "umount /tmp; rm -f /etc/labprov-test")


@pytest.mark.parametrize("size", [200_000, 5_000_000], ids=["small", "large"])
def test_a_disk_that_fills_up_during_an_upload_keeps_the_old_file(lab, root, of, size):
    for node in ("deb12", "deb13"):
        room = "100k" if node == "deb12" else "50M"
        root(node, f"mkdir -p /run/small; mount -t tmpfs -o size={room} tmpfs /run/small; echo old > /run/small/file")
    try:
        lab.role(f"""
            import random
            data = random.Random(1).randbytes({size}).hex()
            files.put(name="Put", src=StringIO(data), dest="/run/small/file")
        """)
        code, run = lab.apply()
        assert code == 1
        assert of(run, "deb13")["status"] == "ok"
        put = outcomes(run)["Put"]
        assert put["result"] == "failed"
        assert "/run/small/file" in put["reason"]
        assert "No space left" in put["reason"] or "disk full" in put["reason"]
        assert root("deb12", "cat /run/small/file; ls -A /run/small") == "old\nfile\n"
    finally:
        for node in ("deb12", "deb13"):
            root(node, "umount /run/small")


def test_a_login_shell_that_prints_a_banner(lab, root):
    """Words that the engine itself listens for, on both outputs, before everything."""
    banner = "echo '*** SYSTEM BUSY *** account LOCKED'; echo 'BUSY' >&2"
    for node in ("deb12", "deb13"):
        root(node, f'cp /home/admin/.bashrc /root/bashrc; (echo "{banner}"; cat /root/bashrc) > /home/admin/.bashrc')
    try:
        lab.role("""
            from pyinfra.facts.server import Command
            assert host.get_fact(Command, command="echo fact") == "fact"
            assert host.get_fact(Command, command="echo fact", _sudo_user="nobody") == "fact"
            server.shell(name="Shell", commands="echo out")
            files.put(name="Put", src=StringIO("x"), dest="/run/labprov-test")
        """)
        code, run = lab.apply()
        assert code == 0, run["hosts"]
        assert outcomes(run)["Shell"]["output"] == "out"
        assert {check["verdict"] for check in run["checks"]} == {"passed"}
    finally:
        for node in ("deb12", "deb13"):
            root(node, "mv /root/bashrc /home/admin/.bashrc; chown admin /home/admin/.bashrc")


def test_a_home_without_ssh_folder_and_nowhere_to_keep_state(lab):
    empty = lab.folder / "home"
    empty.mkdir()
    lab.environment |= {"HOME": str(empty), "XDG_STATE_HOME": "/proc/nowhere"}
    done = lab.role('server.shell(name="Work", commands="true")').run("apply", "work", "-i", "lab.yml", "-l", "deb12")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("labprov: warning: this run keeps no journal: /proc/nowhere/labprov/runs: ")
    assert list(empty.iterdir()) == []


def test_a_home_without_ssh_folder_learns_its_first_host_key(lab):
    empty = lab.folder / "home"
    empty.mkdir()
    lab.environment |= {"HOME": str(empty)}
    del lab.inventory["known_hosts"]
    lab.role('server.shell(name="Work", commands="true")')
    code, run = lab.apply()
    assert code == 4
    assert all("is not known" in host["reason"] for host in run["hosts"])
    lab.inventory["host_keys"] = "accept-new"
    code, run = lab.apply()
    assert code == 0, run["hosts"]
    assert (empty / ".ssh/known_hosts").read_text().count("ssh-ed25519") == 2
    assert (empty / ".ssh").stat().st_mode & 0o777 == 0o700
    lab.inventory["host_keys"] = "strict"
    assert lab.apply()[0] == 0


def test_a_command_that_outlives_its_timeout_is_ended_on_the_host_too(lab, root, of):
    """With what it started; also one that ignores being asked to end."""
    lab.role("""
        calm = "sleep 61 & sleep 62" if host.name == "deb12" else "true"
        server.shell(name="Too long", commands=calm, _timeout=2, _ignore_errors=True)
        deaf = "trap '' TERM; while :; do sleep 0.631; done" if host.name == "deb12" else "true"
        server.shell(name="Deaf", commands=deaf, _timeout=1, _ignore_errors=True)
        gone = "setsid sh -c 'trap \\"\\" TERM; while :; do sleep 0.632; done' & setsid sleep 63 & sleep 64"
        server.shell(name="Gone", commands=gone if host.name == "deb12" else "true", _timeout=1)
    """)
    code, run = lab.apply()
    assert code == 1
    assert of(run, "deb13")["status"] == "ok"
    assert outcomes(run)["Too long"]["seconds"] < 8
    assert outcomes(run)["Deaf"]["seconds"] < 12
    assert "ended after 2 s" in outcomes(run)["Too long"]["reason"]
    assert "ended after 1 s" in outcomes(run)["Deaf"]["reason"]
    assert "ended after 1 s" in of(run, "deb12")["reason"], "the host's reason names what its command said last"
    assert outcomes(run)["Gone"]["seconds"] < 8
    assert root("deb12", "pgrep -fa 'sleep (61|62|0.631|0.632|63|64)'; true") == ""


def test_what_a_command_leaves_running_on_purpose_goes_on(lab, root):
    lab.role('server.shell(name="Leave it", commands="setsid sleep 67 >/dev/null 2>&1 </dev/null &", _timeout=30)')
    code, run = lab.apply("-l", "deb12")
    assert code == 0, run["hosts"]
    assert "sleep 67" in root("deb12", "pgrep -fa 'sleep 67'; pkill -f 'sleep 67'")
