"""The role conda_envs on real hosts: who installs what, the next host from the lock, mistakes, kills, people at work.

Two Debian 12 hosts (the second one is made from the first one's locks) and a Debian 13 with a GPU. The tests go in the
order of the file.
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

NODES = (NodeSpec("c12", "debian-12"), NodeSpec("d12", "debian-12"), NodeSpec("c13", "debian-13", (("A100", 1),)))
ENVIRONMENTS: dict[str, Any] = {
    "datascience": {"packages": ["hello-lab", "iniconfig", "six"]},
    "physics": {"packages": ["iniconfig>=2.1", "lab-tangle", {"conda": "cowpy"}]},
    "deep": {"sets": ["own-torch"]},
    "thesis": {"user": "admin", "packages": ["six"]},
}
MORE = {"packages": [*ENVIRONMENTS["datascience"]["packages"], "cowpy"]}
# Kills the builder, then the conda that it started, as soon as the latter is at work on a build from a lock.
KILL_BUILDER = (
    "for i in $(seq 6000); do p=$(pgrep -f 'bin/conda create .*explicit[.]txt' | head -n 1); "
    "[ -z \"$p\" ] || { sudo pkill -9 -f '^/opt/conda/bin/python -I .*environments[.]pyz'; sudo kill -9 $p; "
    "echo killed; break; }; sleep 0.01; done"
)


@dataclass
class Lab:
    """The hosts, and labprov run on them as from the command line."""

    hosts: Any
    folder: Path

    def run(
        self, verb: str, limit: str, environments: dict[str, Any], roles: str = "conda_envs"
    ) -> tuple[int, dict[str, Any]]:
        """Exit code and report of some roles of the deploy workstation."""
        inventory = yaml.safe_load(self.hosts.inventory.read_text())
        own = {"environments": environments, "own_sets": {"own-torch": ["torch"]}}
        inventory["settings"]["conda_envs"] |= own
        file = self.folder / "lab.yml"
        file.write_text(yaml.safe_dump(inventory, sort_keys=False))
        words = [verb, "workstation", "-i", str(file), "--json"]
        words += [word for name in roles.split() for word in ("--role", name)]
        words += [word for name in limit.split() for word in ("-l", name)]
        words += ["--yes"] if verb == "apply" else []
        done = subprocess.run([sys.executable, "-m", "labprov", *words], capture_output=True, text=True, timeout=600)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        return done.returncode, json.loads(done.stdout)

    def apply(self, limit: str = "c12", **changed: Any) -> tuple[int, dict[str, Any]]:
        """Apply without being asked; ``changed`` environments instead of the usual ones of those names."""
        return self.run("apply", limit, {**ENVIRONMENTS, **changed})

    def locks(self, name: str) -> dict[str, str]:
        """System -> text, of the locks of an environment as usually declared (the oldest one of each system)."""
        found = sorted(
            (self.folder / "labprov-envs").glob(f"{name}-debian*.lock"), key=lambda path: path.stat().st_mtime_ns
        )
        return {path.name.split("-")[1]: path.read_text() for path in reversed(found)}

    def decisions(self, name: str, system: str = "debian12") -> dict[str, tuple[str, str]]:
        """Requirement -> who installs it, and its version."""
        rows = json.loads(self.locks(name)[system])["decisions"]
        return {row["requirement"]: (row["by"], row["version"]) for row in rows}


def changed(report: dict[str, Any]) -> list[str]:
    return [each["operation"] for each in report["outcomes"] if each["result"] == "changed"]


def failures(report: dict[str, Any]) -> list[str]:
    reasons = [f"{each['operation']}: {each['reason']}" for each in report["outcomes"] if each["result"] == "failed"]
    return reasons + [f"{c['host']}: {c['name']}: {c['reason']}" for c in report["checks"] if c["verdict"] == "failed"]


@pytest.fixture(scope="module")
def lab(make_sandbox, tmp_path_factory):
    """The first host, applied from nothing."""
    made = Lab(make_sandbox("envs", *NODES), tmp_path_factory.mktemp("envs"))
    code, report = made.run("apply", "c12", ENVIRONMENTS, "miniconda conda_envs")
    assert (code, failures(report)) == (0, []), report["hosts"]
    names = {
        check["name"] for check in report["checks"] if check["verdict"] == "passed" and check["role"] == "conda_envs"
    }
    assert len(names) == 3, names  # nothing here has numpy, matplotlib, plotly or a kernel; torch is a stand-in
    return made


@pytest.fixture
def say(lab, ssh):
    """Run a command on a node: exit code, what it printed."""

    def run(command: str, node: str = "c12") -> tuple[int, str]:
        done = ssh(lab.hosts, node, command, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    return run


def test_conda_has_it_else_pip_and_who_is_named(lab):
    science, physics = lab.decisions("datascience"), lab.decisions("physics")
    assert science["hello-lab"] == ("conda", "1.1.0")
    assert science["iniconfig"] == ("conda", "2.0.0")
    assert science["six"][0] == "pip"
    assert physics["iniconfig>=2.1"][0] == "pip" and physics["iniconfig>=2.1"][1] > "2.1"
    assert physics["lab-tangle"] == ("pip", "1.0.0")
    assert physics["cowpy"][0] == "conda"
    assert lab.decisions("deep") == {"torch": ("pip", "2.14.1+cpu")}


def test_what_is_declared_runs_and_is_found_by_its_name(say):
    what = "conda activate datascience; hello-lab; python -c 'import six, iniconfig; print(iniconfig.__file__)'"
    code, said = say(f'bash -lic "{what}" 2>/dev/null')
    assert code == 0 and said.startswith("hello again from the sandbox's channel\n/opt/conda/envs/"), said
    assert {"datascience", "deep", "physics", "thesis"} <= {
        line.split(" ")[0] for line in say("/opt/conda/bin/conda env list")[1].splitlines()
    }


def test_only_the_homes_that_the_inventory_names_are_written_to(say):
    assert say("~/.conda/envs/thesis/bin/python -c 'import six'") == (0, "")
    assert say("stat -c %U ~/.conda ~/.conda/envs/.labprov ~/.conda/envs/thesis/bin/python")[1].split() == ["admin"] * 3
    assert say("sudo ls -A /root | grep -v -x -e .bashrc -e .profile -e .ssh")[1] == ""


def test_nobody_changes_a_shared_environment_by_hand(say):
    code, said = say("sudo /opt/conda/bin/conda install -y -n datascience cowpy")
    assert code != 0 and "frozen" in said
    code, said = say(
        "/opt/conda/envs/datascience/bin/python -m pip install --no-deps --no-index --target "
        "/opt/conda/envs/datascience/lib/x six"
    )
    assert code != 0


def test_second_apply_changes_nothing_and_asks_once(lab):
    code, report = lab.apply()
    assert (code, changed(report), failures(report)) == (0, [], [])
    assert sum(each["round_trips"] for each in report["outcomes"]) == 0, "the facts came all at once, before"


def test_the_next_host_is_the_same_from_the_lock(lab, say):
    both = {name: ENVIRONMENTS[name] for name in ("datascience", "deep")}
    before = {name: lab.locks(name)["debian12"] for name in both}
    code, report = lab.run("apply", "d12 c13", both, "miniconda conda_envs")
    assert (code, failures(report)) == (0, []), report["hosts"]
    decided = {
        (each["host"], each["operation"]) for each in report["outcomes"] if each["operation"].startswith("Decide")
    }
    assert ("d12", "Decide who installs what in deep") in decided
    assert not [
        each
        for each in report["outcomes"]
        if each["host"] == "d12" and each["operation"].startswith("Decide") and each["result"] == "changed"
    ]
    assert {name: lab.locks(name)["debian12"] for name in both} == before
    listing = "cd /opt/conda/envs; for e in datascience deep; do ls $e/conda-meta; $e/bin/python -m pip list; done"
    assert say(listing, "d12") == say(listing, "c12")


@pytest.mark.slow
def test_the_gpu_chooses_the_build_of_torch(lab, say):
    code, report = lab.run("apply", "c13", {"deep": ENVIRONMENTS["deep"]}, "miniconda conda_envs")
    assert (code, failures(report)) == (0, []), report["hosts"]
    assert lab.decisions("deep", "debian13") == {"torch": ("pip", "2.14.1+cu130")}
    row = json.loads(lab.locks("deep")["debian13"])["decisions"][0]
    assert "A100" in row["why"] and "driver 595" in row["why"]
    assert (
        say("/opt/conda/envs/deep/bin/python -c 'import torch; print(torch.__version__)'", "c13")[1] == "2.14.1+cu130"
    )


@pytest.mark.slow
def test_a_package_that_nobody_has_changes_nothing(lab, say):
    before = say("readlink /opt/conda/envs/*; ls /opt/conda/envs/.labprov")
    code, report = lab.apply(physics={"packages": ["six", "no-such-lab-package"]}, deep={"packages": ["six"]})
    assert code == 1
    (reason,) = failures(report)
    assert "no-such-lab-package: neither the channels (conda-forge) nor the pip index http://" in reason
    assert say("readlink /opt/conda/envs/*; ls /opt/conda/envs/.labprov") == before


@pytest.mark.slow
def test_a_conflict_of_conda_and_pip_names_both_and_changes_nothing(lab, say):
    before = say("readlink /opt/conda/envs/*; ls /opt/conda/envs/.labprov")
    code, report = lab.apply(physics={"packages": [{"conda": "iniconfig=2.0.0"}, "lab-report"]})
    assert code == 1
    (reason,) = failures(report)
    assert "lab-report 1.0.0 depends on iniconfig>=2.1" in reason and "iniconfig==2.0.0" in reason, reason
    assert say("readlink /opt/conda/envs/*; ls /opt/conda/envs/.labprov") == before


@pytest.mark.slow
def test_a_channel_that_is_not_there_is_said_and_pip_is_not_taken_instead(lab):
    code, report = lab.apply(deep={"packages": ["six"], "channels": ["no-such-channel"]})
    assert code == 1
    (reason,) = failures(report)
    assert "a channel cannot be used: " in reason and "404" in reason and "no-such-channel" in reason, reason


def test_killed_in_mid_build_the_old_one_works_and_the_next_run_converges(lab, say):
    before = say("readlink /opt/conda/envs/datascience")
    killer = [*ssh_command("c12", name=lab.hosts.name), KILL_BUILDER]
    with subprocess.Popen(killer, stdout=subprocess.PIPE, text=True) as killing:
        code, _ = lab.apply(datascience=MORE)
        assert (code, killing.communicate()[0]) == (1, "killed\n")
    assert say("readlink /opt/conda/envs/datascience") == before
    assert say("/opt/conda/envs/datascience/bin/hello-lab")[0] == 0

    # Meanwhile somebody works with the old one: it stays for as long as that takes, also for what is imported late.
    late = "import sys; print('ready', flush=True); sys.stdin.readline(); import six; print(six.__file__)"
    user = [*ssh_command("c12", name=lab.hosts.name), f'/opt/conda/envs/datascience/bin/python -c "{late}"']
    with subprocess.Popen(user, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as working:
        assert working.stdout.readline() == "ready\n"
        code, report = lab.apply(datascience=MORE)
        assert (code, failures(report)) == (0, []), report["hosts"]
        assert say("readlink /opt/conda/envs/datascience") != before
        assert before[1] in working.communicate("\n")[0]
    assert say("/opt/conda/envs/datascience/bin/cowpy hi")[0] == 0

    code, report = lab.apply(datascience=MORE)
    assert (code, changed(report)) == (0, ["Remove builds that nobody uses any more"])
    assert len(say("ls /opt/conda/envs/.labprov")[1].split()) == 3


@pytest.mark.slow
def test_what_root_changed_by_hand_is_noticed_and_built_anew(lab, say):
    for _ in "build it", "remove what nobody uses any more":
        assert lab.apply(datascience=MORE)[0] == 0
    said = say("sudo rm -r /opt/conda/envs/deep/lib/python3.11/site-packages/torch*")
    assert said[0] == 0, said
    code, report = lab.apply(datascience=MORE)
    assert (code, failures(report)) == (0, [])
    assert changed(report) == ["Build the environment deep"]
    assert say("/opt/conda/envs/deep/bin/python -c 'import torch'") == (0, "")


@pytest.mark.slow
def test_absent_removes_and_leaving_out_does_not(lab, say):
    code, report = lab.run("apply", "c12", {"datascience": MORE, "physics": {"state": "absent"}})
    assert (code, failures(report)) == (0, [])
    assert changed(report) == ["Remove the environment physics"]
    assert say("ls /opt/conda/envs")[1].split() == ["datascience", "deep"]


@pytest.mark.slow
def test_what_labprov_did_not_make_is_left_alone(lab, say, ssh):
    ssh(lab.hosts, "c12", "sudo mkdir /opt/conda/envs/physics; sudo touch /opt/conda/envs/physics/work")
    code, report = lab.run("plan", "c12", {"physics": ENVIRONMENTS["physics"]})
    assert code == 1 and "/opt/conda/envs/physics was not made by labprov" in json.dumps(report)
    assert say("ls /opt/conda/envs/physics") == (0, "work")
