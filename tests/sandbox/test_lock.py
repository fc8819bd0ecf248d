"""The lock on real hosts: three cards under one inventory that names no branch, a new host like an old one, a move.

The GPUs and NVIDIA's packages are the sandbox's simulations; apt, dpkg and modinfo are real. The order is the file's.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec, network, server, ssh_command
from labprov.sandbox.mirror import ensure
from labprov.sandbox.places import CACHE, Places
from labprov.sandbox.state import load

pytestmark = pytest.mark.slow  # minutes on three hosts

NODES = (
    NodeSpec("p12", "debian-12", (("P100", 1),)),
    NodeSpec("a12", "debian-12", (("A100", 1),)),
    NodeSpec("b12", "debian-12", (("A100", 2),)),
    NodeSpec("r13", "debian-13", (("RTX 5090", 1),)),
)
FIRST = ("p12", "a12", "r13")
OLD, NEW = "580.178.04", "580.200.01"


@dataclass
class Lab:
    """The nodes, an inventory of theirs, and the lock beside it."""

    hosts: Any
    folder: Path
    cli: Any

    @property
    def lock(self) -> Path:
        return self.folder / "labprov.lock"

    def locked(self) -> dict[str, Any]:
        return yaml.safe_load(self.lock.read_text())["inventories"]["lab.yml"]

    def write(self, **more: Any) -> str:
        inventory = yaml.safe_load(self.hosts.inventory.read_text())
        settings = {**(inventory.get("settings") or {}), **more.pop("settings", {})}
        (self.folder / "lab.yml").write_text(yaml.safe_dump({**inventory, "settings": settings, **more}))
        return str(self.folder / "lab.yml")

    def words(self, verb: str, nodes: tuple[str, ...], *words: str, **more: Any) -> list[str]:
        limits = [word for node in nodes for word in ("-l", node)]
        return [verb, "gpu-node", "-i", self.write(**more), *limits, *words]

    def apply(self, *nodes: str) -> tuple[int, dict[str, Any]]:
        return self.cli.report(*self.words("apply", nodes, "--role", "nvidia_driver", "--yes"), state=self.folder)

    def say(self, verb: str, nodes: tuple[str, ...], *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return self.cli.labprov(*self.words(verb, nodes, *words, **more), state=self.folder)

    def ssh(self, node: str, command: str) -> str:
        words = [*ssh_command(node, name=self.hosts.name), f"sudo sh -c '{command}'"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{node}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def installed(self, node: str) -> set[str]:
        """The versions of all that the driver consists of."""
        names = "libcuda1 libnvidia-ml1 nvidia-driver-cuda nvidia-modprobe nvidia-persistenced"
        return set(self.ssh(node, f'dpkg-query -W -f "\\${{Version}}\\n" {names}').split())


@pytest.fixture(scope="module")
def lab(make_sandbox, tmp_path_factory, cli) -> Lab:
    return Lab(make_sandbox("lock", *NODES), tmp_path_factory.mktemp("lock"), cli)


@pytest.fixture(scope="module")
def first(lab) -> tuple[int, dict[str, Any]]:
    """The first apply, on one host of each kind."""
    return lab.apply(*FIRST)


@pytest.fixture(scope="module")
def newer(lab, first, tmp_path_factory) -> str:
    """The mirror has a newer driver of the same branch by now."""
    copied = ensure(CACHE / "mirror", print).copy(tmp_path_factory.mktemp("newer") / "mirror")
    copied.add_release("cuda", "debian12", [NEW])
    places = Places(lab.hosts.name)
    return server.serve(places, copied.root, network.gateway(load(places).subnet))


def test_three_cards_get_three_right_drivers_and_a_lock(lab, first):
    code, report = first
    assert code == 0, [each for each in report["outcomes"] if each["reason"]] + report["hosts"]
    licences = {node: lab.ssh(node, "modinfo -F license nvidia").strip() for node in FIRST}
    assert licences == {"p12": "NVIDIA", "a12": "Dual MIT/GPL", "r13": "Dual MIT/GPL"}
    assert lab.installed("p12") == lab.installed("a12") == {f"{OLD}-1"}
    assert {version.partition(".")[0] for version in lab.installed("r13")} == {"595"}
    locked = lab.locked()
    assert locked["hosts"] == {
        "a12": "debian12-a100-sxm4-40gb", "p12": "debian12-p100-pcie-16gb", "r13": "debian13-rtx-5090"
    }  # fmt: skip
    driver = {host: locked["classes"][name]["roles"]["nvidia_driver"] for host, name in locked["hosts"].items()}
    decided = {host: tuple(entry["settings"][key] for key in ("branch", "flavour")) for host, entry in driver.items()}
    assert decided == {"a12": (580, "open"), "p12": (580, "proprietary"), "r13": (595, "open")}
    assert driver["a12"]["packages"]["nvidia-kernel-open-dkms"] == f"{OLD}-1"
    assert "Tesla P100" in " ".join(driver["p12"]["reasons"])


def test_the_lock_changes_nothing_on_the_hosts_that_it_was_taken_from(lab, first):
    before = lab.lock.read_bytes()
    code, report = lab.apply("a12", "p12")
    assert code == 0
    assert [each["operation"] for each in report["outcomes"] if each["result"] != "unchanged"] == []
    assert lab.lock.read_bytes() == before


def test_locking_all_roles_decides_for_what_is_not_installed_yet(lab, first):
    done = lab.say("lock", FIRST)
    assert done.returncode == 0, done.stdout + done.stderr
    locked = lab.locked()
    cuda = {host: locked["classes"][name]["roles"]["cuda"]["settings"] for host, name in locked["hosts"].items()}
    assert {host: settings["versions"] for host, settings in cuda.items()} == {
        "a12": ["12.9"], "p12": ["12.9"], "r13": ["13.2"]
    }  # fmt: skip
    # NVIDIA's repository is on the hosts by now, Docker's is not
    assert "cuda-toolkit-12-9" in str(locked["classes"][locked["hosts"]["a12"]])
    assert "versions are open until it is installed" in done.stdout


def test_a_new_host_gets_what_its_like_have_although_the_mirror_has_newer(lab, newer):
    code, report = lab.apply("b12")
    assert code == 0, [each for each in report["outcomes"] if each["reason"]]
    assert NEW in lab.ssh("b12", "apt-cache madison nvidia-driver-cuda")
    assert lab.installed("b12") == lab.installed("a12") == {f"{OLD}-1"}
    assert lab.locked()["hosts"]["b12"] == lab.locked()["hosts"]["a12"]
    assert set(lab.locked()["hosts"]) == {node.name for node in NODES}


def test_a_plan_says_where_the_lock_is_behind_the_times(lab, newer):
    end = (date.today() + timedelta(days=30)).isoformat()
    rows = {"branches": {"580": {"eol": end}, "595": {"type": "LTSB"}}}
    done = lab.say("plan", ("a12", "b12"), "--role", "nvidia_driver", compat=rows)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("lock ")]
    how = "(labprov lock gpu-node --upgrade nvidia_driver)"
    assert lines == [
        f"lock a12, b12: nvidia_driver: branch 580 is locked, today's labprov would choose 595 {how}",
        f"lock a12, b12: nvidia_driver: branch 580 reaches its end of life in 30 days, on {end} {how}",
    ]
    assert "lock " not in lab.say("plan", ("a12", "b12"), "--role", "nvidia_driver").stdout


def test_an_upgrade_moves_one_host_on_purpose_and_no_other(lab, newer):
    done = lab.say("lock", ("a12", "b12", "p12"), "--role", "nvidia_driver", "--upgrade", "b12")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"~ b12: nvidia_driver: version: {OLD} -> {NEW}" in done.stdout
    hosts = lab.locked()["hosts"]
    assert hosts["b12"] == f"{hosts['a12']}-2"
    assert lab.installed("b12") == {f"{OLD}-1"}  # the lock alone changes nothing
    code, report = lab.apply("a12", "b12")
    assert code == 0, [each for each in report["outcomes"] if each["reason"]]
    assert {each["host"] for each in report["outcomes"] if each["result"] == "changed"} == {"b12"}
    assert (lab.installed("a12"), lab.installed("b12")) == ({f"{OLD}-1"}, {f"{NEW}-1"})
    done = lab.say("lock", ("a12", "b12", "p12"), "--role", "nvidia_driver", "--upgrade", "nvidia_driver")
    assert f"~ a12, p12: nvidia_driver: version: {OLD} -> {NEW}" in done.stdout
    assert lab.locked()["hosts"]["a12"] == lab.locked()["hosts"]["b12"]


def test_what_contradicts_the_lock_touches_nothing(lab, first):
    before = lab.lock.read_bytes()
    done = lab.say("apply", ("p12",), "--yes", settings={"nvidia_driver": {"flavour": "open"}})
    assert (done.returncode, done.stdout) == (2, "")
    assert "settings.nvidia_driver.flavour: contradicts" in done.stderr and "which has proprietary" in done.stderr
    assert lab.lock.read_bytes() == before
