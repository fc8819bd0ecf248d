"""Whole roles on systems that there are no hosts of here: every operation and command, against a file for review.

``rendered/<system>/<role>.txt`` holds what a plan would do on a host whose facts are below: a fresh server of that
system, as its installer leaves it. ``python tests/test_rendered.py`` writes the files anew; read what changed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from pyinfra import context
from pyinfra.api import Config, FactBase, Host, Inventory
from pyinfra.api.state import StateStage
from pyinfra.facts.files import Directory

from labprov import role as roles
from labprov.engine import arguments
from labprov.engine.facts.board import Board, Machine
from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.packages import InstalledPackages
from labprov.engine.facts.rpm import InstalledRpms, MetadataAge
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.operations import apt, dnf
from labprov.engine.outcome import Outcome
from labprov.engine.recorder import Progress, RecordingState
from labprov_roles.docker.facts import LabelByPolicy
from labprov_roles.nvidia_driver.facts_kernels import Kernel, Kernels

HERE = Path(__file__).parent / "rendered"

_UBUNTU = {"ca-certificates": "20240203", "curl": "8.5.0-2", "gnupg": "2.4.4-2", "tzdata": "2026a", "git": "1:2.43.0-1"}
_TIMESYNCD = {"systemd-timesyncd": "255.4-1"}
_RHEL = {"ca-certificates": "2025.2-1", "gnupg2": "2.3.3-4", "tzdata": "2026a-1", "chrony": "4.6-1", "less": "590-5"}
_CONTAINERS = {"podman": "4:5.2.2-1", "runc": "4:1.1.13-1"}
_REBUILDS = ("rhel", "centos", "fedora")

# System -> its facts, and the packages that are there. rhel9 is a minimal installation, rhel8 one with containers.
SYSTEMS = {
    "ubuntu2204": (System("ubuntu", "22.04", "jammy", ("debian",)), _UBUNTU | _TIMESYNCD),
    "ubuntu2404": (System("ubuntu", "24.04", "noble", ("debian",)), _UBUNTU | _TIMESYNCD | {"docker.io": "27.5.1-0"}),
    "ubuntu2604": (System("ubuntu", "26.04", "resolute", ("debian",)), _UBUNTU | {"chrony": "4.7-1"}),
    "rhel8": (System("rocky", "8.10", "", _REBUILDS), _RHEL | _CONTAINERS | {"buildah": "2:1.33.8-4"}),
    "rhel9": (System("rocky", "9.6", "", _REBUILDS), _RHEL | {"curl-minimal": "7.76.1-31"}),
    "rhel10": (System("almalinux", "10.1", "", _REBUILDS), _RHEL | {"curl": "8.12.1-1", "podman": "6:5.6.0-1"}),
}
FOLDERS = (
    "/etc", "/etc/apt/apt.conf.d", "/etc/apt/keyrings", "/etc/apt/preferences.d", "/etc/apt/sources.list.d",
    "/etc/pki/rpm-gpg", "/etc/profile.d", "/etc/yum.repos.d",
)  # fmt: skip
# Their kernels, and what the driver has to know of a machine beside. Two have NVSwitches, two Secure Boot: where the
# distribution signs modules, and where nobody does.
MACHINES = {
    "ubuntu2204": Machine("5.15.0-130-generic", nvswitches=("1af1",)),
    "ubuntu2404": Machine("6.8.0-41-generic", secure_boot=True),
    "ubuntu2604": Machine("7.0.0-14-generic"),
    "rhel8": Machine("4.18.0-553.el8_10.x86_64"),
    "rhel9": Machine("5.14.0-570.el9_6.x86_64", nvswitches=("1af1",), secure_boot=True),
    "rhel10": Machine("6.12.0-124.el10_1.x86_64"),
}
A100 = Gpu("0000:3b:00.0", "20b0", "nvidia")
# NVIDIA's key for these is in no source as a whole: the inventory must name it.
KEYS = {"url": "https://developer.download.nvidia.com/compute/cuda/repos", "fingerprint": "A" * 40}
KEYED = {"rhel10": KEYS, "ubuntu2604": {**KEYS, "key": "https://example.org/nvidia.pub"}}

SETTINGS: dict[str, dict[str, Any]] = {
    "base": {"timezone": "Europe/Berlin", "locale": "en_GB.UTF-8", "ntp_servers": ["ntp.example.org"]},
    "docker": {"version": "5:29.*", "data_root": "/data/docker"},
    "nvidia_container_toolkit": {},
    "images": {
        "pull": ["docker.io/pytorch/pytorch:2.10.0-cuda12.8-cudnn9-runtime"],
        "build": {"lab": {"git": "https://git.example.org/lab.git", "ref": "v1", "args": {"A": "b c"}}},
        "prune": True,
    },
    "nvidia_driver": {"hold": False, "mig": {"GPU-0": ["3g.20gb", "3g.20gb"]}, "dcgm": True},
    "cuda": {"cudnn": True, "nccl": True},
    "miniconda": {},
    "jupyter": {"enabled": True, "locks": "/lab/labprov-envs", "hub": {"enabled": True, "memory_limit": "16G"}},
}
OTHERWISE = {
    ("ubuntu2604", "cuda"): {"source": "distro"},
    ("rhel8", "jupyter"): {"enabled": True, "locks": "/lab/labprov-envs"},
}
"""Settings instead of those, for a path that would not be seen else."""


class PlayedHost:
    """Answers facts in place of a host: those of a system, and for all others what a bare host would say."""

    def __init__(self, system: System, installed: dict[str, str]) -> None:
        self.system, self.installed = system, installed

    def __call__(self, fact: type[FactBase[Any]], *args: Any, **kwargs: Any) -> Any:
        if fact in (InstalledPackages, InstalledRpms):
            family = {InstalledPackages: "debian", InstalledRpms: "rhel"}[fact]
            assert self.system.family == family, f"{fact.__name__} is asked of {self.system.name}"
            names = kwargs["packages"]
            return {n: v for n, v in self.installed.items() if any(fnmatchcase(n, pattern) for pattern in names)}
        if fact is Directory and kwargs["path"].rstrip("/") in FOLDERS:
            return {"user": "root", "group": "root", "mode": 755, "mtime": None, "size": 4096}
        if fact is LabelByPolicy and self.system.family == "rhel":
            return "container_var_lib_t" if kwargs["path"] == "/var/lib/docker" else "default_t"
        machine = MACHINES[self.system.name]
        known = {OperatingSystem: self.system, NvidiaGpus: [A100], MetadataAge: 3600, Board: machine}
        known |= {Kernels: [Kernel(machine.kernel, running=True, headers=False)]}
        return known[fact] if fact in known else fact().default()


@contextmanager
def played(system: str) -> Iterator[tuple[Host, RecordingState]]:
    """A state with one host of that system, to plan on."""
    arguments.install()
    inventory = Inventory((["host"], {}))
    state = RecordingState(inventory, Config(), check_for_changes=False)
    host = next(iter(inventory))
    host.get_fact = PlayedHost(*SYSTEMS[system])  # type: ignore[method-assign]
    host.loop_position = [0]
    with context.ctx_inventory.use(inventory), context.ctx_state.use(state), context.ctx_host.use(host):
        state.set_stage(StateStage.Connect)
        state.set_stage(StateStage.Prepare)
        yield host, state


def rendered(system: str, name: str) -> str:
    """What the role would do: an operation a paragraph, its commands below it, files with what they would hold."""
    outcomes: list[Outcome] = []
    loaded = roles.load(name)
    given = {
        **OTHERWISE.get((system, name), SETTINGS[name]),
        **({"mirrors": {"cuda": KEYED[system]}} if system in KEYED else {}),
    }
    settings = loaded.settings_class.model_validate(given)
    with played(system) as (host, state):
        state.progress[host.name] = Progress(name, outcomes.append, planning=True, round_trips=lambda: 0)
        loaded.tasks(settings)
    return "\n".join(_paragraph(outcome) for outcome in outcomes)


def _paragraph(outcome: Outcome) -> str:
    diffs = [line for diff in outcome.diffs for line in diff.splitlines()[3:]]
    lines = [f"  {_short(command)}" for command in outcome.commands] + [f"    {line}" for line in diffs]
    return "".join(f"{line}\n" for line in [outcome.operation, *(lines or ["  (nothing to do)"])])


# What is around each command of a package manager's: test_engine_apt and test_engine_dnf have it in full.
_AROUND = [
    (str(apt.patient("X")).split("X"), "patiently: "),  # type: ignore[arg-type]
    (str(dnf.patient("X")).split("X"), "patiently: "),  # type: ignore[arg-type]
]
_APT_GET = str(apt.apt_get("", options=[])).rstrip()


def _short(command: str) -> str:
    for (before, after), word in _AROUND:
        if command.startswith(before) and command.endswith(after):
            command = word + command.removeprefix(before).removesuffix(after).strip()
    return command.replace(_APT_GET, "APT-GET")


CASES = [(system, name) for system in SYSTEMS for name in SETTINGS]


@pytest.mark.parametrize(("system", "name"), CASES)
def test_a_role_does_what_was_reviewed(system: str, name: str) -> None:
    path = HERE / system / f"{name}.txt"
    assert rendered(system, name) == path.read_text(), "read the difference; python tests/test_rendered.py writes it"


@pytest.mark.parametrize(("system", "name"), CASES)
def test_nothing_of_the_other_family_is_left(system: str, name: str) -> None:
    """By the files: none of the other family's programs and places is in a command."""
    text = (HERE / system / f"{name}.txt").read_text()
    ours = SYSTEMS[system][0].family
    foreign = {"debian": ("dnf", "rpm", "yum", "chronyd"), "rhel": ("apt", "APT-GET", "dpkg", "locale-gen", "apparmor")}
    commands = [line for line in text.splitlines() if line.startswith("  ") and not line.startswith("    ")]
    assert [(line, word) for line in commands for word in foreign[ours] if word in line.replace("/rpm/", "/")] == []


def test_there_is_no_file_too_many() -> None:
    files = {(path.parent.name, path.stem) for path in HERE.glob("*/*.txt")}
    assert files == {*CASES}


if __name__ == "__main__":
    for each_system, each_role in CASES:
        target = HERE / each_system / f"{each_role}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rendered(each_system, each_role))
    sys.stdout.write(f"{len(CASES)} files written\n")
