"""cuDNN, NCCL and DCGM on a real host: versions that fit toolkit, driver and both cards, and stay.

The GPUs and NVIDIA's packages are the sandbox's simulations; apt, dpkg, ldconfig, the compiler and systemd are real.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec, ssh_command

pytestmark = pytest.mark.slow

MIXED = NodeSpec("m12", "debian-12", (("A100", 1), ("P100", 1)))
DRIVER = {"dcgm": True}
TWELVE = {"versions": ["12.8"], "cudnn": True, "nccl": True}
THIRTEEN = {"versions": ["12.8", "13.0"], "default": "13.0", "cudnn": True, "nccl": True}


class Lab:
    """The node, and labprov run on it."""

    def __init__(self, hosts: Any, folder: Any, cli: Any) -> None:
        self.hosts, self.folder, self.cli = hosts, folder, cli
        self.file = folder / "lab.yml"

    def write(self, cuda: dict[str, Any]) -> None:
        inventory = yaml.safe_load(self.hosts.inventory.read_text())
        inventory["settings"] = {**(inventory.get("settings") or {}), "nvidia_driver": DRIVER, "cuda": cuda}
        self.file.write_text(yaml.safe_dump(inventory, sort_keys=False))

    def apply(self, cuda: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.write(cuda)
        words = ("--yes", "--role", "nvidia_driver", "--role", "cuda")
        return self.cli.report("apply", "gpu-node", "-i", str(self.file), *words, state=self.folder)

    def ssh(self, command: str) -> str:
        words = [*ssh_command("m12", name=self.hosts.name), f"sudo sh -c '{command}'"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def installed(self, patterns: str) -> dict[str, str]:
        shown = self.ssh(f'dpkg-query -W -f "\\${{db:Status-Abbrev}} \\${{Package}} \\${{Version}}\\n" {patterns}')
        rows = (line.split() for line in shown.splitlines())
        return {row[-2]: row[-1] for row in rows if row[0][1:2] == "i"}


@pytest.fixture(scope="module")
def lab(make_sandbox, tmp_path_factory, cli):
    made = Lab(make_sandbox("pylibs", MIXED), tmp_path_factory.mktemp("libraries"), cli)
    made.ssh("apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install g++ >/dev/null")
    return made


@pytest.fixture(scope="module")
def first(lab):
    """The report of the first apply."""
    return lab.apply(TWELVE)


def verdicts(report):
    return {check["name"]: check["verdict"] for check in report["checks"]}


def changed(report):
    return [each["operation"] for each in report["outcomes"] if each["result"] == "changed"]


def test_versions_fit_the_toolkit_the_driver_and_both_cards(lab, first):
    code, report = first
    assert code == 0, report["hosts"]
    assert {name for name, verdict in verdicts(report).items() if verdict == "failed"} == set()
    for name in (
        "an ordinary user compiles in a login shell",
        "programs are built with cudnn",
        "programs are built with nccl",
        "libraries are those for the default toolkit",
        "libraries are held",
        "dcgm finds every card",
    ):
        assert verdicts(report)[name] == "passed", name
    found = lab.installed('"libcudnn9*" "libnccl*" "datacenter-gpu-manager*"')
    cudnn = {version for name, version in found.items() if "cudnn" in name}
    assert cudnn == {"9.10.2.21-1"}, "the last with code for the P100"
    assert (found["libnccl2"], found["libnccl-dev"]) == ("2.27.3-1+cuda12.4",) * 2, "12.9 is newer than the toolkit"
    assert {"datacenter-gpu-manager-4-cuda12", "datacenter-gpu-manager-4-cuda13"} <= set(found)


def test_a_second_apply_changes_nothing_and_an_upgrade_moves_nothing(lab, first):
    before = lab.installed('"libcudnn9*" "libnccl*" "datacenter-gpu-manager*"')
    lab.ssh("DEBIAN_FRONTEND=noninteractive apt-get -qq -y dist-upgrade >/dev/null")
    assert lab.installed('"libcudnn9*" "libnccl*" "datacenter-gpu-manager*"') == before
    code, report = lab.apply(TWELVE)
    assert (code, changed(report)) == (0, [])


def test_explain_tells_lock_and_state_in_json_too(lab, first):
    lab.write(TWELVE)
    done = lab.cli.labprov("explain", "m12", "-i", str(lab.file), "--json", state=lab.folder)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)["m12"]
    assert said["lock"]["roles"]["cuda"]["packages"]["libnccl2"] == "2.27.3-1+cuda12.4"
    assert said["lock"]["roles"]["nvidia_driver"]["settings"]["branch"] == said["branch"] == 580
    assert any(line.startswith("driver loaded: 580.") for line in said["state"])


def test_another_default_toolkit_takes_its_libraries_along(lab, first):
    code, report = lab.apply(THIRTEEN)
    assert code == 0, report["hosts"]
    assert {name for name, verdict in verdicts(report).items() if verdict == "failed"} == set()
    found = lab.installed('"libcudnn9*" "libnccl*"')
    assert {name for name in found if "cudnn" in name and "cuda-12" in name} == set()
    assert (found["libcudnn9-cuda-13"], found["libnccl2"]) == ("9.23.0.39-1", "2.29.7-1+cuda13.0")
    code, report = lab.apply(TWELVE)
    assert code == 0, report["hosts"]
    assert lab.installed("libnccl2") == {"libnccl2": "2.27.3-1+cuda12.4"}
