"""The engine's own operations on real hosts, by a lab's own role: applied twice, drifted, changed, refused.

What they did is looked at by other means than theirs: ``id``, ``su``, ``ulimit`` and what processes see.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
import yaml

from labprov.engine.operations import apt

MARK = "--- next ---"
NODES = ("deb12", "deb13")
PARAMETER = "net.ipv4.tcp_fin_timeout"
LIVE = "/proc/sys/net/ipv4/tcp_fin_timeout"
DEPLOY = '"""Operations."""\nfrom labprov.deploy import include\nfrom labprov_roles import trial\n\ninclude(trial)\n'
SETTINGS = '''"""Settings."""
from labprov.role import RoleSettings


class Settings(RoleSettings):
    uid: int = 2001
    gid: int = 2001
    groups: list[str] = ["video"]
    only_groups: bool = True
    comment: str = "Ada Lovelace"
    locked: bool = False
    timeout: int = 42
    files: int = 4242
    limited: bool = True
'''
TASKS = f'''"""Tasks."""
from pyinfra.api import deploy

from labprov.engine.operations import accounts, limits, sysctl
from labprov.engine.operations.limits import Limit


@deploy("Trial")
def tasks(settings):
    accounts.group(name="Have the group", group="trialists", gid=settings.gid)
    accounts.user(
        name="Have the user",
        user="ada",
        uid=settings.uid,
        group="trialists",
        groups=settings.groups,
        only_groups=settings.only_groups,
        shell="/bin/sh",
        comment=settings.comment,
        locked=settings.locked,
    )
    sysctl.parameters(name="Set the parameter", slug="90-trial", values={{"{PARAMETER}": settings.timeout}})
    limited = [Limit("@trialists", "nofile", settings.files)] if settings.limited else []
    limits.entries(name="Limit the session", slug="90-trial", limits=limited)
'''
VERIFY = '''"""Checks."""


def test_the_user(host, settings):
    assert host.user("ada").uid == settings.uid
'''
EVERYTHING = {"Have the group", "Have the user", "Set the parameter", "Limit the session"}


@pytest.fixture(scope="module")
def lab(sandbox, cli, ssh, tmp_path_factory):
    """The role, its deploy, and the two nodes; nothing of the role's is left on them at the end."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "roles" / "trial").mkdir(parents=True)
    (folder / "deploys").mkdir()
    (folder / "deploys" / "trial.py").write_text(DEPLOY)
    for name, text in {"__init__": '"""A trial."""\n', "settings": SETTINGS, "tasks": TASKS, "verify": VERIFY}.items():
        (folder / "roles" / "trial" / f"{name}.py").write_text(text)
    made = Lab(folder, sandbox, cli, ssh)
    yield made
    made.clean()


class Lab:
    """A folder with the role, its deploy and an inventory."""

    def __init__(self, folder: Path, sandbox, cli, ssh) -> None:
        self.folder, self.sandbox, self.cli, self.ssh = folder, sandbox, cli, ssh

    def run(self, command: str, **settings):
        inventory = yaml.safe_load(self.sandbox.inventory.read_text())
        inventory["settings"] = {**inventory.get("settings", {}), "trial": settings}
        (self.folder / "lab.yml").write_text(yaml.safe_dump(inventory))
        before = Path.cwd()
        try:
            os.chdir(self.folder)
            return self.cli.report(command, "trial", "-i", "lab.yml", state=self.folder / "state")
        finally:
            os.chdir(before)

    def apply(self, **settings) -> set[str]:
        code, run = self.run("apply", **settings)
        assert code == 0, [outcome for outcome in run["outcomes"] if outcome["result"] == "failed"]
        return changed(run["outcomes"])

    def answer(self, node: str, command: str) -> str:
        """What a node answers to root, errors included."""
        return self.ssh(self.sandbox, node, f"sudo sh -c {shlex.quote(command)} 2>&1", check=False).stdout.strip()

    def look(self, *commands: str) -> list[str]:
        """What both nodes answer to each of the commands; it must be the same."""
        answers = {self.answer(node, f"; echo {MARK}; ".join(commands)) for node in NODES}
        assert len(answers) == 1, answers
        return [answer.strip() for answer in answers.pop().split(MARK)]

    def clean(self) -> None:
        """Take everything away that the role brings."""
        self.look("userdel -r ada; groupdel trialists; rm -f /etc/sysctl.d/90-trial.conf /etc/security/limits.d/90-*")
        self.look(f"echo 60 > {LIVE}")


def changed(outcomes) -> set[str]:
    done = {node: {o["operation"] for o in outcomes if (o["host"], o["result"]) == (node, "changed")} for node in NODES}
    assert done["deb12"] == done["deb13"]
    return done["deb12"]


def test_everything_comes_stays_and_changes_as_asked_for(lab):
    lab.clean()
    code, run = lab.run("plan")
    assert (code, changed(run["plan"])) == (0, EVERYTHING)
    assert lab.look("getent passwd ada", f"cat {LIVE}") == ["", "60"]

    assert lab.apply() == EVERYTHING
    assert lab.look(
        "id ada",
        "getent passwd ada | cut -d: -f5-",
        "stat -c %U:%F ~ada",
        f"cat {LIVE}",
        "su - ada -c 'ulimit -Hn; ulimit -Sn' | uniq",
    ) == [
        "uid=2001(ada) gid=2001(trialists) groups=2001(trialists),44(video)",
        "Ada Lovelace:/home/ada:/bin/sh",
        "ada:directory",
        "42",
        "4242",
    ]
    # The next boot sets the parameter too: by the program that does it at boot.
    boot = "/usr/lib/systemd/systemd-sysctl --prefix=net/ipv4/tcp_fin_timeout"
    assert lab.look(f"echo 99 > {LIVE}; {boot}; cat {LIVE}") == ["42"]
    assert lab.apply() == set()

    lab.look(
        f"echo 61 > {LIVE}; echo '@trialists - nofile 7' >> /etc/security/limits.d/90-trial.conf",
        "gpasswd -d ada video; gpasswd -a ada audio; rm -r /home/ada",
    )
    assert lab.apply(only_groups=False) == {"Have the user", "Set the parameter", "Limit the session"}
    assert lab.look(
        "id -nG ada", "stat -c %U:%G:%a ~ada", f"cat {LIVE}", "grep -c nofile /etc/security/limits.d/90-trial.conf"
    ) == ["trialists audio video", "ada:trialists:700", "42", "1"]

    lab.look("touch ~ada/file; chown ada ~ada/file; echo ada:secret | chpasswd")
    wanted = {"uid": 2100, "gid": 2200, "timeout": 7, "limited": False, "groups": ["games"], "comment": ""}
    assert lab.apply(**wanted, locked=True) == EVERYTHING
    said = lab.look(
        "id ada",
        "stat -c %U ~ada/file",
        "cat /etc/sysctl.d/90-trial.conf",
        "ls /etc/security/limits.d | grep trial",
        "passwd -S ada | cut -d' ' -f2",
        "su - ada -c 'echo in'",
    )
    assert said[:5] == [
        "uid=2100(ada) gid=2200(trialists) groups=2200(trialists),60(games)",
        "ada",
        f"# Managed by labprov.\n{PARAMETER} = 7",
        "",
        "L",
    ]
    assert "expired" in said[5].lower()
    assert lab.apply(**wanted) == {"Have the user"}
    assert lab.look("su - ada -c 'echo in'", "passwd -S ada | cut -d' ' -f2") == ["in", "P"]
    assert lab.apply(**wanted) == set()


def test_an_id_of_somebody_else_is_refused(lab):
    before = lab.look("grep -e ^ada -e ^root /etc/passwd")
    code, run = lab.run("apply", uid=0)
    assert code == 1
    assert all("uid 0 belongs to root" in host["reason"] for host in run["hosts"]), run["hosts"]
    assert lab.look("grep -e ^ada -e ^root /etc/passwd")[0].count(":0:0:") == before[0].count(":0:0:") == 1


def test_apt_takes_a_name_as_a_name(lab):
    """``bas.`` as a regular expression is bash, base-files and more; a version may hold a star all the same."""
    for node in NODES:
        wrong = apt.apt_get("install", "bas.", options=["-s"]).get_raw_value()
        right = apt.apt_get("install", "bash=5*", "openssh-server-", options=["-s"]).get_raw_value()
        assert "Unable to locate package bas." in lab.answer(node, wrong)
        assert "Remv openssh-server" in lab.answer(node, right)
