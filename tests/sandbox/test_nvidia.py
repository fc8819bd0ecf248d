"""The driver and CUDA on real hosts: the right driver for the card, kept through upgrades, and every damage seen.

The GPUs and NVIDIA's packages are the sandbox's simulations; apt, dpkg, the initramfs, modinfo and systemd are real.
The order of the tests does not matter; each leaves its node as it found it.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec, ssh_command

NODES = (
    NodeSpec("a12", "debian-12", (("A100", 2),), nouveau=True),
    NodeSpec("p12", "debian-12", (("P100", 1),)),
    NodeSpec("r13", "debian-13", (("RTX 4090", 1),)),
)


@dataclass
class Lab:
    """The nodes, and labprov run on them with settings for the two roles."""

    hosts: Any
    folder: Path
    cli: Any

    def run(self, verb: str, node: str, *words: str, **settings: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Exit code and report of ``labprov VERB gpu-node`` for driver and CUDA on one node."""
        inventory = yaml.safe_load(self.hosts.inventory.read_text())
        inventory["settings"] = {**(inventory.get("settings") or {}), **settings}
        file = self.folder / "lab.yml"
        file.write_text(yaml.safe_dump(inventory, sort_keys=False))
        (self.folder / "labprov.lock").unlink(missing_ok=True)  # here the settings move what is locked
        roles = ("--role", "nvidia_driver", "--role", "cuda")
        return self.cli.report(verb, "gpu-node", "-i", str(file), "-l", node, *roles, *words, state=self.folder)

    def apply(self, node: str, **settings: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self.run("apply", node, "--yes", **settings)

    def ssh(self, node: str, command: str) -> str:
        words = [*ssh_command(node, name=self.hosts.name), f"sudo sh -c '{command}'"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{node}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def reboot(self, node: str) -> None:
        boot = "cat /proc/sys/kernel/random/boot_id"
        before = self.ssh(node, boot)
        subprocess.run([*ssh_command(node, name=self.hosts.name), "sudo systemctl reboot"], check=False)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            words = [*ssh_command(node, name=self.hosts.name), f"{boot} && systemctl is-system-running --wait"]
            now = subprocess.run(words, capture_output=True, text=True, check=False).stdout
            if now and not now.startswith(before):
                return
            time.sleep(0.3)
        raise AssertionError(f"{node} did not come back")


@pytest.fixture(scope="module")
def lab(make_sandbox, tmp_path_factory, cli):
    return Lab(make_sandbox("pynv", *NODES), tmp_path_factory.mktemp("nvidia"), cli)


def changed(report):
    return [each["operation"] for each in report["outcomes"] if each["result"] == "changed"]


def failed_checks(report):
    return {each["name"] for each in report["checks"] if each["verdict"] == "failed"}


def reasons(report):
    return [reason for host in report["hosts"] for reason in host["reboot"]]


@pytest.fixture(scope="module")
def pascal(lab):
    """The report of the first apply on p12."""
    return lab.apply("p12")


@pytest.fixture(scope="module")
def ampere(lab):
    """The report of the first apply on a12, which then was rebooted, because nouveau held its cards."""
    first = lab.apply("a12")
    lab.reboot("a12")
    return first


def test_a_pascal_card_gets_the_last_branch_that_drives_it(lab, pascal):
    code, report = pascal
    assert (code, failed_checks(report)) == (0, set())
    assert len(report["checks"]) >= 15
    assert lab.ssh("p12", "cat /proc/driver/nvidia/version").startswith(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580."
    )
    assert "release 12.9" in lab.ssh("p12", 'su -s /bin/bash -l nobody -c "nvcc --version"')
    code, report = lab.apply("p12")
    assert (code, changed(report)) == (0, [])


def test_a_card_held_by_nouveau_is_taken_at_the_next_boot(lab, ampere):
    code, report = ampere
    assert code == 0
    assert reasons(report) == ["NVIDIA driver: nouveau holds the GPU at 0000:21:00.0 until then"]
    assert report["checks"] == []  # nothing can be said before the reboot
    code, report = lab.apply("a12")
    assert (code, changed(report), failed_checks(report), reasons(report)) == (0, [], set(), [])
    assert lab.ssh("a12", "nvidia-smi -L").count("GPU ") == 2


@pytest.mark.slow
def test_a_held_driver_changes_its_version_and_stays_there(lab, pascal):
    code, report = lab.apply("p12", nvidia_driver={"branch": 580, "version": "580.126.09"})
    assert code == 0
    assert reasons(report) == ["NVIDIA driver: 580.178.04 is loaded, 580.126.09 is installed"]
    assert installed(lab, "p12") == {"580.126.09-1"}
    assert "libcuda1" in lab.ssh("p12", "apt-mark showhold")
    # Even without the holds the pin alone keeps an upgrade of everything from moving it.
    lab.ssh("p12", "apt-mark unhold $(apt-mark showhold) && DEBIAN_FRONTEND=noninteractive apt-get -qq -y dist-upgrade")
    assert installed(lab, "p12") == {"580.126.09-1"}
    code, report = lab.apply("p12", nvidia_driver={"version": "580.178.04"})
    assert (code, reasons(report), failed_checks(report)) == (0, [], set())  # the loaded one again: no reboot is due
    lab.apply("p12")  # the pin is on the branch alone again


def installed(lab, node):
    return set(lab.ssh(node, 'dpkg-query -W -f "\\${Version}\\n" libcuda1 nvidia-kernel-dkms').split())


def test_toolkits_side_by_side(lab, ampere):
    several = {"versions": [12.4, "13.0", 12.9], "default": 12.4}
    code, report = lab.apply("a12", cuda=several)
    assert (code, failed_checks(report)) == (0, set())
    assert lab.ssh("a12", "readlink -f /usr/local/cuda") == "/usr/local/cuda-12.4\n"
    code, report = lab.apply("a12", cuda={**several, "default": "13.0"})
    assert (code, changed(report)) == (0, ["Set the default CUDA toolkit"])
    assert lab.ssh("a12", "ls -d /usr/local/cuda-12.4 /usr/local/cuda-12.9").count("\n") == 2
    assert lab.ssh("a12", 'dpkg-query -W -f "\\${Package}\\n" "cuda*" | grep -E "^cuda$|runtime|drivers" || :') == ""
    lab.apply("a12")


def test_damage_is_seen_and_repaired(lab, ampere):
    damage = (
        "apt-mark unhold libcuda1",
        "mv /etc/modprobe.d/labprov* /root && update-initramfs -u >/dev/null && mv /root/labprov* /etc/modprobe.d",
        "systemctl stop nvidia-persistenced",
        "update-alternatives --set cuda /usr/local/cuda-12.9 && rm /etc/profile.d/cuda.sh",
    )
    lab.ssh("a12", " && ".join(damage))
    code, report = lab.run("verify", "a12")
    assert (code, failed_checks(report)) == (
        1,
        {
            "packages are held",
            "no other driver takes a card at boot",
            "persistence daemon keeps the cards awake",
            "nvcc of a login shell is the default toolkit",
        },
    )
    code, report = lab.apply("a12")
    assert (code, failed_checks(report)) == (0, set())
    assert len(changed(report)) >= 4


def test_damage_that_only_a_person_can_repair_is_seen(lab, ampere):
    module = "/lib/modules/$(uname -r)/updates/dkms/nvidia.ko"
    lab.ssh("a12", f"mv {module} /root && depmod && chmod 700 /usr/bin/nvidia-smi")
    lab.ssh("a12", "echo LD_LIBRARY_PATH=/usr/local/cuda/lib64 >>/etc/environment")
    code, report = lab.run("verify", "a12")
    lab.ssh("a12", f"mv /root/nvidia.ko {module} && depmod && chmod 755 /usr/bin/nvidia-smi")
    lab.ssh("a12", "sed -i /LD_LIBRARY_PATH/d /etc/environment")
    assert (code, failed_checks(report)) == (
        1,
        {
            "module is there for every kernel",
            "module has the flavour that fits the cards",
            "module and libraries have one version",
            "ordinary users can use the gpus",
            "login shells get no library path",
        },
    )


@pytest.mark.slow
def test_another_installation_is_refused_and_then_replaced(lab):
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends libcuda1 nvidia-smi"
    lab.ssh("r13", f"apt-get -qq update && {install} >/dev/null 2>&1")
    lab.ssh("r13", 'printf "#!/bin/sh\\nrm /usr/bin/nvidia-uninstall\\n" >/usr/bin/nvidia-uninstall')
    lab.ssh("r13", "chmod 755 /usr/bin/nvidia-uninstall")
    packages = lab.ssh("r13", "dpkg -l | cksum")
    code, report = lab.apply("r13")
    assert code == 1
    said = " ".join(host["reason"] for host in report["hosts"])
    assert "/usr/bin/nvidia-uninstall" in said and "libcuda1" in said and "replace_other_installations: true" in said
    assert changed(report) == []
    assert lab.ssh("r13", "dpkg -l | cksum") == packages
    code, report = lab.apply("r13", nvidia_driver={"replace_other_installations": True})
    assert (code, failed_checks(report)) == (0, set())
    assert lab.ssh("r13", "ls /usr/bin/nvidia-uninstall 2>/dev/null || echo gone") == "gone\n"
    assert lab.ssh("r13", 'dpkg-query -W -f "\\${Version}" libcuda1').startswith("595.")


@pytest.mark.parametrize(
    ("node", "settings", "said"),
    [
        ("r13", {"nvidia_driver": {"branch": 580}}, "Debian 13 has no driver branch 580: it starts at 590"),
        ("p12", {"nvidia_driver": {"branch": 595}}, "driver branch 595 dropped Tesla P100"),
        ("p12", {"cuda": {"versions": ["13.0"]}}, "CUDA 13.0 cannot build for Tesla P100"),
        ("r13", {"cuda": {"versions": ["12.8"]}}, "Debian 13 has no CUDA 12.8: it starts at 13.1"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_touched(lab, node, settings, said):
    before = lab.ssh(node, "find /etc/apt /etc/modprobe.d /etc/profile.d -type f | xargs cat | cksum; dpkg -l | cksum")
    code, report = lab.apply(node, **settings)
    assert code == 1
    assert said in " ".join(host["reason"] for host in report["hosts"])
    after = lab.ssh(node, "find /etc/apt /etc/modprobe.d /etc/profile.d -type f | xargs cat | cksum; dpkg -l | cksum")
    assert after == before
