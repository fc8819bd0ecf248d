"""A driver changes its source, flavour and branch in place, on a real host, also when it is killed in the middle.

NVIDIA's packages are the sandbox's stand-ins, and so are the distribution's here: Debian's real modules take minutes to
build. apt, dpkg, holds, pins and the kill are real. The tests go on from one another, in the order of the file.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec, ssh_command
from switch_lab import COUNTING, DISTRO, HOOK, SECURE_BOOT, distribution

pytestmark = pytest.mark.slow  # minutes on three hosts
NODE = "s12"


@dataclass
class Lab:
    """The node, and labprov run on it with settings for the driver."""

    hosts: Any
    folder: Path
    cli: Any

    def inventory(self, settings: dict[str, Any]) -> str:
        """An inventory with these settings; what was locked before is forgotten: here the settings move it."""
        inventory = yaml.safe_load(self.hosts.inventory.read_text())
        inventory["settings"] = {**(inventory.get("settings") or {}), "nvidia_driver": settings}
        (self.folder / "labprov.lock").unlink(missing_ok=True)
        (file := self.folder / "lab.yml").write_text(yaml.safe_dump(inventory, sort_keys=False))
        return str(file)

    def words(self, verb: str, settings: dict[str, Any]) -> list[str]:
        file = self.inventory(settings)
        return [verb, "gpu-node", "-i", file, "-l", NODE, "--role", "nvidia_driver", *(["--yes"] * (verb == "apply"))]

    def apply(self, **settings: Any) -> tuple[int, dict[str, Any]]:
        return self.cli.report(*self.words("apply", settings), state=self.folder)

    def start(self, **settings: Any) -> subprocess.Popen[bytes]:
        """Apply in a process group of its own."""
        words = [sys.executable, "-m", "labprov", *self.words("apply", settings)]
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder)}
        return subprocess.Popen(words, env=environment, start_new_session=True, stdout=subprocess.DEVNULL)

    def root(self, script: str) -> str:
        words = [*ssh_command(NODE, name=self.hosts.name), "sudo sh -s"]
        done = subprocess.run(words, input=script, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def put(self, folder: Path, target: str) -> None:
        """Copy a folder's files to the node."""
        pack = subprocess.run(["tar", "-c", "-C", folder, "."], capture_output=True, check=True).stdout
        words = [*ssh_command(NODE, name=self.hosts.name), f"sudo sh -c 'mkdir -p {target} && tar -x -C {target}'"]
        subprocess.run(words, input=pack, check=True)

    def driver(self) -> dict[str, str]:
        """Name -> version of what is properly installed of the driver."""
        patterns = "'*nvidia*' 'libcuda*'"
        listed = self.root(f"dpkg-query -W -f '${{db:Status-Status}} ${{Package}} ${{Version}}\\n' {patterns}")
        rows = [line.split() for line in listed.splitlines()]
        return {row[1]: row[2] for row in rows if row[0] == "installed"}


@pytest.fixture(scope="module")
def lab(make_sandbox, tmp_path_factory, cli):
    made = Lab(make_sandbox("switch", NodeSpec(NODE, "debian-12", (("A100", 1),))), tmp_path_factory.mktemp("sw"), cli)
    made.put(distribution(tmp_path_factory.mktemp("distro")), "/srv/distro")
    made.root("echo 'deb [trusted=yes] file:/srv/distro ./' >/etc/apt/sources.list.d/distro.list; apt-get -qq update")
    return made


def reasons(report: dict[str, Any]) -> list[str]:
    return [reason for host in report["hosts"] for reason in host["reboot"]]


def changes(report: dict[str, Any]) -> list[str]:
    return [each["operation"] for each in report["outcomes"] if each["result"] == "changed"]


def transactions(lab: Lab) -> list[str]:
    """What apt did since the log was emptied, oldest first."""
    text = lab.root("cat /var/log/apt/history.log; : >/var/log/apt/history.log")
    return [block for block in text.split("\n\n") if "Commandline" in block]


@pytest.fixture(scope="module")
def from_the_distribution(lab):
    """The report of an apply with the distribution's driver."""
    done = lab.apply(source="distro")
    transactions(lab)
    return done


def test_the_distribution_has_a_driver_too(lab, from_the_distribution):
    code, report = from_the_distribution
    assert (code, reasons(report)) == (0, []), report["hosts"]
    assert report["checks"] and {check["verdict"] for check in report["checks"]} <= {"passed", "skipped"}
    assert lab.driver()["nvidia-smi"] == f"{DISTRO}-1"
    code, report = lab.apply(source="distro")
    assert (code, changes(report)) == (0, [])


def test_from_the_distribution_to_nvidia_in_one_transaction(lab, from_the_distribution):
    code, report = lab.apply(source="vendor")
    assert code == 0, report["hosts"]
    assert reasons(report) == [f"NVIDIA driver: {DISTRO} is loaded, 580.178.04 is installed"]
    now = lab.driver()
    assert set(now.values()) == {"580.178.04-1"} and "nvidia-kernel-open-dkms" in now
    assert not {"nvidia-smi", "nvidia-alternative", "libnvidia-cfg1"} & set(now)
    (done,) = [block for block in transactions(lab) if "nvidia" in block]
    assert "nvidia-driver-cuda" in done and "Remove: " in done and "nvidia-alternative" in done
    assert lab.root("nvidia-smi -L || :").startswith("Failed to initialize NVML")  # as it is until the reboot


def test_killed_in_the_middle_it_converges_at_the_next_run(lab, from_the_distribution, until):
    """Dpkg is killed between two packages that need each other, at the moment when the old files are half replaced."""
    lab.root(HOOK)
    process = lab.start(branch=595)
    until(lambda: lab.root("[ ! -e /run/at-work ] || echo yes") == "yes\n", 120)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    lab.root("pkill -KILL -x apt-get; pkill -KILL -x dpkg; mv /sbin/ldconfig.real /sbin/ldconfig")
    broken = lab.root("dpkg --audit")
    assert "must be reinstalled" in broken or "unpacked but not" in broken
    code, report = lab.apply(branch=595)
    assert code == 0, report["hosts"]
    assert set(lab.driver().values()) == {"595.91.07-1"}
    assert lab.root("dpkg --audit; ls /usr/lib/x86_64-linux-gnu/libcuda.so.5*") == LIBRARY.format("595.91.07")
    code, report = lab.apply(branch=595)
    assert (code, changes(report)) == (0, [])


def test_back_to_the_older_branch_and_to_the_other_modules(lab, from_the_distribution):
    code, report = lab.apply(branch=580, flavour="proprietary")
    assert code == 0, report["hosts"]
    now = lab.driver()
    assert set(now.values()) == {"580.178.04-1"}
    assert "nvidia-kernel-dkms" in now and "nvidia-kernel-open-dkms" not in now
    assert lab.root("modinfo -F license nvidia") == "NVIDIA\n"
    assert set(lab.root("apt-mark showhold").split()) == set(now)


LIBRARY = "/usr/lib/x86_64-linux-gnu/libcuda.so.{}\n"


@pytest.mark.timeout(1800)
def test_killed_at_many_moments(lab, from_the_distribution, until):
    """Each call of ldconfig is another moment of the transaction; each time back and forth between three drivers."""
    wishes = [{"branch": 595}, {"branch": 580}, {"source": "distro"}, {"branch": 595, "flavour": "proprietary"}]
    for call in range(1, 9):
        wish = wishes[call % len(wishes)]
        lab.root(f"echo {(call - 1) // len(wishes)} >/run/calls; {COUNTING}")
        process = lab.start(**wish)
        until(lambda: process.poll() is not None or lab.root("[ ! -e /run/at-work ] || echo yes"), 180)  # noqa: B023
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        lab.root("pkill -KILL -x apt-get; pkill -KILL -x dpkg; mv /sbin/ldconfig.real /sbin/ldconfig")
        code, report = lab.apply(**wish)
        assert code == 0, (wish, report["hosts"])
        code, report = lab.apply(**wish)
        assert (code, changes(report)) == (0, []), wish
        branch = wish.get("branch", 535)
        assert {version.partition(".")[0] for version in lab.driver().values()} == {str(branch)}
        assert lab.root("dpkg --audit") == ""


def test_secure_boot_asks_for_trust_and_is_no_success_before(lab, from_the_distribution):
    """The firmware's variables are files here, and mokutil and dkms stand-ins that do what the real ones do to them."""
    lab.root(SECURE_BOOT)
    lab.root("systemctl stop nvidia-persistenced; rm -rf /proc/driver/nvidia /sys/module/nvidia*")  # as after a boot
    code, report = lab.apply(branch=580, flavour="proprietary")
    assert code == 0, report["hosts"]
    (reason,) = reasons(report)
    password = lab.root("cat /var/lib/labprov/machine-owner-key-password").strip()
    assert "'Enroll MOK'" in reason and f"type {password}" in reason
    assert lab.root("cat /run/firmware/password") == f"{password}\n{password}\n"
    assert lab.root("stat -c %a /var/lib/dkms/mok.key /var/lib/labprov/machine-owner-key-password") == "600\n600\n"
    assert lab.root("modinfo -F signer nvidia") == f"{NODE} kernel module signing key\n"
    # somebody went by the console: the request is gone, and so is the note of the reboot
    lab.root("rm -f /sys/firmware/efi/efivars/MokNew* /run/labprov/reboot-required")
    code, report = lab.cli.report(*lab.words("verify", {"branch": 580, "flavour": "proprietary"}), state=lab.folder)
    failed = {check["name"]: check["reason"] for check in report["checks"] if check["verdict"] == "failed"}
    assert code == 1 and "is not enrolled: apply the role again" in failed["secure boot lets the module load"]
    code, report = lab.apply(branch=580, flavour="proprietary")
    assert len(reasons(report)) == 1 and "Ask for trust in the key of the driver's modules" in changes(report)
    lab.root("confirm-mok; rm -f /run/labprov/reboot-required; /usr/lib/labprov-sandbox/load-nvidia")
    code, report = lab.apply(branch=580, flavour="proprietary")
    assert (code, reasons(report)) == (0, []), report["hosts"]
    assert {check["name"]: check["verdict"] for check in report["checks"]}[
        "secure boot lets the module load"
    ] == "passed"
    assert lab.root("ls /var/lib/labprov/machine-owner-key-password 2>/dev/null || echo gone") == "gone\n"


@pytest.fixture
def until():
    """Wait until a condition holds."""

    def wait(condition, seconds):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come to be so in time"
            time.sleep(0.1)

    return wait
