"""The roles base and miniconda on real hosts: what a person on the server sees, and what happens when things go wrong.

The deploy ``workstation`` is just these two roles. The order of the tests does not matter; each leaves both hosts as
its inventory says, and nobody else uses them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec, ssh_command

NODES = (NodeSpec("w12", "debian-12"), NodeSpec("w13", "debian-13"))
BOTH = pytest.mark.parametrize("node", ["w12", "w13"])
HOLD_LOCK = (
    'sudo perl -e \'use Fcntl; open F, ">>", "/var/lib/dpkg/lock-frontend"; '
    'my $lock = pack("ssx4qqix4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die; '
    'print "held\\n"; close STDOUT; sleep {seconds}\''
)
KILL_INSTALLER = (
    "for i in $(seq 6000); do p=$(pgrep -f '^bash /var/cache/labprov/conda-'); "
    '[ -z "$p" ] || { sudo kill -9 $p; echo killed; break; }; sleep 0.01; done'
)


@dataclass
class Lab:
    """The hosts, and labprov run on them as from the command line."""

    hosts: Any
    folder: Path

    def run(self, verb: str, *words: str, **settings: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Exit code and report of ``labprov VERB workstation``; ``settings`` go over those of the sandbox."""
        inventory = yaml.safe_load(self.hosts.inventory.read_text())
        for role, values in settings.items():
            inventory["settings"][role] = {**inventory["settings"].get(role, {}), **values}
        file = self.folder / "lab.yml"
        file.write_text(yaml.safe_dump(inventory, sort_keys=False))
        (self.folder / "labprov.lock").unlink(missing_ok=True)  # here the settings move what is locked
        command = [sys.executable, "-m", "labprov", verb, "workstation", "-i", str(file), "--json", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=self.folder)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        return done.returncode, json.loads(done.stdout)

    def apply(self, *words: str, **settings: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Apply without being asked."""
        return self.run("apply", "--yes", *words, **settings)

    def only(self, node: str, role: str = "miniconda") -> tuple[str, ...]:
        """The options for one role on one host."""
        return "-l", node, "--role", role


def changed(report: dict[str, Any]) -> list[str]:
    return [f"{each['host']}: {each['operation']}" for each in report["outcomes"] if each["result"] == "changed"]


def failures(report: dict[str, Any]) -> list[str]:
    return [
        f"{each['host']}: {each['name']}: {each['reason']}" for each in report["checks"] if each["verdict"] == "failed"
    ]


@pytest.fixture(scope="module")
def lab(make_sandbox, tmp_path_factory):
    made = Lab(make_sandbox("wks", *NODES), tmp_path_factory.mktemp("workstation"))
    code, report = made.apply()
    assert (code, failures(report)) == (0, []), report["hosts"]
    assert len([each for each in report["checks"] if each["verdict"] == "passed"]) >= 20
    return made


@pytest.fixture
def say(lab, ssh):
    """Run a command on a node: exit code, what it printed."""

    def run(node: str, command: str) -> tuple[int, str]:
        done = ssh(lab.hosts, node, command, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    return run


def test_second_apply_changes_nothing(lab):
    code, report = lab.apply()
    assert (code, changed(report)) == (0, [])
    assert len(report["outcomes"]) >= 20


@BOTH
def test_student_makes_an_environment_of_her_own_but_not_in_base(say, node):
    code, said = say(node, "bash -lic 'conda create -y -q -n thesis hello-lab && conda run -n thesis hello-lab' 2>&1")
    assert code == 0 and "hello again from the sandbox's channel" in said, said
    assert say(node, "ls ~/.conda/envs/thesis/bin/hello-lab")[0] == 0
    code, said = say(node, "bash -lic 'conda install -y -n base hello-lab' 2>&1")
    assert code != 0 and "write permissions" in said
    assert say(node, "ls /opt/conda/lib/python*/site-packages/hello_lab")[0] != 0
    assert say(node, "bash -lic 'conda env remove -y -n thesis'")[0] == 0


@BOTH
def test_activation_in_a_prompt(say, node):
    code, said = say(node, 'bash -lic "conda activate base; which python" 2>/dev/null')
    assert (code, said) == (0, "/opt/conda/bin/python")


@BOTH
def test_file_transfer_and_remote_commands_notice_nothing(lab, say, node, tmp_path):
    assert say(node, "echo $PATH") == (0, "/usr/local/bin:/usr/bin:/bin:/usr/games")
    assert say(node, "true") == (0, "")
    ssh = ssh_command(node, name=lab.hosts.name)
    options, target = [word for word in ssh[1:-1] if word not in ("-t", "-q")], ssh[-1]
    (tmp_path / "data").write_text("x" * 1000)
    for tool in (["scp"], ["scp", "-O"]):
        done = subprocess.run([*tool, *options, tmp_path / "data", f"{target}:"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert say(node, "wc -c < data; rm data") == (0, "1000")


@BOTH
def test_users_apt_waits_for_the_lock(lab, say, node):
    holder = [*ssh_command(node, name=lab.hosts.name), HOLD_LOCK.format(seconds=3)]
    with subprocess.Popen(holder, stdout=subprocess.PIPE, text=True) as held:
        assert held.stdout and held.stdout.readline() == "held\n"
        code, said = say(node, "sudo apt-get -o DPkg::Lock::Timeout=0 -y install less")
        assert code != 0 and "Could not get lock" in said, "nobody holds the lock: this proves nothing"
        code, said = say(node, "sudo apt-get -y install less")
        assert code == 0, said


def test_chrony_that_is_there_stays_and_gets_the_servers(lab, say):
    """It does not run in a container: what it would read is looked at."""
    sources = "cat /etc/chrony/sources.d/*.sources"
    code, said = say("w13", "sudo DEBIAN_FRONTEND=noninteractive apt-get -q -y install chrony")
    assert code == 0, said
    code, report = lab.apply(*lab.only("w13", "base"), base={"ntp_servers": ["192.0.2.7"]})
    assert (code, failures(report)) == (0, [])
    assert changed(report) == ["w13: Name the time servers"]
    assert say("w13", sources)[1].splitlines()[-1] == "server 192.0.2.7 iburst"
    assert say("w13", "dpkg-query -W -f '${db:Status-Status}' systemd-timesyncd")[1] != "installed"
    code, report = lab.apply(*lab.only("w13", "base"))
    assert changed(report) == ["w13: Use the distribution's time servers"]
    assert "192.0.2.7" not in say("w13", sources)[1]


def test_killed_installation_converges_and_is_upgraded_in_place(lab, ssh, say):
    """From nothing to an older conda, killed on the way, then to the newest one, with an environment in it."""
    version, sha256 = _older(lab)
    older = {"prefix": "/opt/killed", "version": version, "sha256": sha256}
    killer_command = [*ssh_command("w12", name=lab.hosts.name), KILL_INSTALLER]
    with subprocess.Popen(killer_command, stdout=subprocess.PIPE, text=True) as killer:
        code, _ = lab.apply(*lab.only("w12"), miniconda=older)
        assert (code, killer.communicate()[0]) == (1, "killed\n")
    assert say("w12", "ls -A /opt/killed | grep labprov") == (0, ".labprov-installing")
    code, report = lab.apply(*lab.only("w12"), miniconda=older)
    assert (code, failures(report)) == (0, [])
    assert say("w12", "ls -A /opt/killed | grep labprov") == (0, ".labprov-complete")

    before = say("w12", "/opt/killed/bin/conda --version")[1]
    code, said = say("w12", "sudo /opt/killed/bin/conda create -y -q -p /opt/killed/envs/shared hello-lab")
    assert code == 0, said
    code, report = lab.apply(*lab.only("w12"), miniconda={"prefix": "/opt/killed"})
    assert (code, failures(report)) == (0, [])
    assert say("w12", "/opt/killed/bin/conda --version")[1] != before
    assert "hello again" in say("w12", "/opt/killed/envs/shared/bin/hello-lab")[1]
    lab.apply(*lab.only("w12"))
    ssh(lab.hosts, "w12", "sudo rm -r /opt/killed")


def _older(lab):
    """The version and checksum of an older installer of the vendor mirror."""
    from labprov.sandbox.mirror import catalogue  # not at import: the mirror builds on what only the sandbox needs

    wanted = yaml.safe_load(lab.hosts.inventory.read_text())["settings"]["miniconda"]
    name = wanted["distribution"]
    older = next(each.version for each in catalogue.INSTALLERS if each.distribution == name)
    assert older != wanted["version"]
    url = f"{lab.hosts.mirror_url}/miniconda/Miniconda3-{older}-Linux-x86_64.sh"
    fetched = f"curl -fsS {url} | sha256sum"
    out = subprocess.run(
        [*ssh_command("w12", name=lab.hosts.name), fetched], capture_output=True, text=True, check=True
    )
    return older, out.stdout.split()[0]


def test_foreign_files_at_the_prefix_stop_that_host_untouched(lab, ssh, say):
    ssh(lab.hosts, "w12", "sudo mkdir /opt/thesis; echo work | sudo tee /opt/thesis/chapter1")
    code, report = lab.apply(*lab.only("w12"), miniconda={"prefix": "/opt/thesis"})
    assert code == 1
    assert changed(report) == []
    assert "holds files and no conda" in json.dumps(report)
    assert say("w12", "ls -A /opt/thesis; cat /opt/thesis/chapter1") == (0, "chapter1\nwork")
    ssh(lab.hosts, "w12", "sudo rm -r /opt/thesis")


def test_what_somebody_opened_in_base_is_noticed_and_closed_again(lab, ssh):
    node = "w13"
    ssh(lab.hosts, node, "sudo chmod 777 /opt/conda/bin; sudo chown nobody /opt/conda/bin/conda")
    code, report = lab.run("verify", *lab.only(node))
    assert code == 1
    assert any("base is writable by root alone: " in line and "/opt/conda/bin" in line for line in failures(report))
    code, report = lab.apply(*lab.only(node))
    assert (code, failures(report)) == (0, [])
    assert changed(report) == [f"{node}: Keep the base environment root's"]


def test_accepted_terms_are_recorded_once_for_everybody(lab, say):
    settings = {"accept_anaconda_terms": True, "channels": ["conda-forge", "defaults"]}
    assert say("w12", "ls /etc/conda/tos")[0] != 0
    _, report = lab.apply(*lab.only("w12"), miniconda=settings)
    assert "w12: Record that Anaconda's terms are accepted" in changed(report)
    assert say("w12", "/opt/conda/bin/conda tos view | grep -c accepted") == (0, "2")
    _, report = lab.run("plan", *lab.only("w12"), miniconda=settings)
    assert report["plan"] and not [each for each in report["plan"] if each["result"] == "changed"]
    lab.apply(*lab.only("w12"))
