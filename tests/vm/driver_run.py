"""``make test-driver``: Debian's real NVIDIA driver and CUDA toolkit, on a sandbox host; nothing of them is simulated.

Not collected by a bare pytest: it downloads 2 GB and compiles a kernel module. What a container cannot show is that the
module loads: there is no GPU, and the kernel is this machine's. So the host says that it runs the Debian kernel whose
headers it gets (a ``uname`` of the test's), and everything about that kernel's module is real.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec, down, ssh_command, up

NAME, NODE = "driver-run", "driver"
ROOM = 25
"""GiB that must be free below /var: the toolkit has 5 GB, and apt keeps what it downloads until the end."""
DEPLOY = ("gpu-node", "--role", "nvidia_driver", "--role", "cuda")
PROGRAM = r"""
#include <cstdio>
__global__ void add(int n, float *x, float *y) { for (int i = 0; i < n; i++) y[i] = x[i] + y[i]; }
int main() {
    int n = 0;
    cudaError_t said = cudaGetDeviceCount(&n);
    printf("%d devices: %s\n", n, cudaGetErrorName(said));
    add<<<1, 1>>>(0, 0, 0);
}
"""


class Node:
    """One sandbox host whose driver is real, and the labprov that provisions it."""

    def __init__(self, inventory: Path, log: Any) -> None:
        self.inventory, self.log = inventory, log
        self.env = dict(os.environ) | {"XDG_STATE_HOME": str(inventory.parent / "state")}

    def ssh(self, command: str, *, check: bool = True, stdin: str = "") -> str:
        """Run a command as the admin."""
        words = [*ssh_command(NODE, name=NAME), command]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, timeout=900)
        assert not check or done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout.strip()

    def labprov(self, *words: str, **how: Any) -> str:
        """Run labprov on the host."""
        command = [sys.executable, "-m", "labprov", *words, "-i", str(self.inventory)]
        return str(self.log.run(command, title=f"labprov {' '.join(words)} -i driver", env=self.env, **how))

    def report(self) -> dict[str, Any]:
        """The last run's journal."""
        command = [sys.executable, "-m", "labprov", "report", "--format", "json"]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        return dict(json.loads(done.stdout))


def _lack() -> str:
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux"
    if shutil.disk_usage("/var").free / 1024**3 < ROOM:
        return f"needs {ROOM} GiB of free disk below /var"
    return ""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, log: Any) -> Iterator[Node]:
    if reason := _lack():
        pytest.skip(reason)
    inventory = tmp_path_factory.mktemp("driver") / "driver.yml"
    log.hidden |= {str(inventory): "driver.yml", f"{inventory.parent}/": ""}
    down(lambda _: None, name=NAME)
    try:
        with log.step("a sandbox host, Debian 12"):
            up([NodeSpec(NODE, "debian-12")], inventory, log.say, name=NAME)
        written = yaml.safe_load(inventory.read_text())
        written["simulation"] = "a container that says it runs a kernel of Debian's; driver and toolkit are real"
        written["settings"] |= {role: {"source": "distro", "force": True} for role in ("nvidia_driver", "cuda")}
        inventory.write_text(yaml.safe_dump(written, sort_keys=False))
        made = Node(inventory, log)
        if "Candidate: (none)" in made.ssh(
            "sudo apt-get update -q >/dev/null; LC_ALL=C apt-cache policy nvidia-kernel-dkms"
        ):
            pytest.skip("Debian's non-free component cannot be reached from here")
        yield made
    finally:
        down(lambda _: None, name=NAME)


@pytest.fixture(scope="module")
def kernel(node: Node) -> str:
    """Debian's kernel instead of the sandbox's stand-in, without its headers: they are the role's business."""
    with node.log.step("Debian's own kernel instead of the sandbox's stand-in"):
        node.ssh(
            "set -e; sudo rm /etc/apt/sources.list.d/labprov-sandbox-kernel.list "
            "/etc/apt/preferences.d/labprov-sandbox-kernel; sudo dpkg --purge linux-image-$(uname -r) >/dev/null 2>&1; "
            "sudo rm -rf /boot/*-$(uname -r) /lib/modules/$(uname -r); "
            "sudo apt-get update -q >/dev/null; sudo DEBIAN_FRONTEND=noninteractive apt-get install -q -y "
            "--no-install-recommends linux-image-cloud-amd64 >/dev/null 2>&1"
        )
        release = node.ssh("ls /boot/vmlinuz-* | sed 's|.*/vmlinuz-||'")
        script = f'#!/bin/sh\\n[ "$*" = -r ] && exec echo {release}\\nexec /usr/bin/uname "$@"\\n'
        node.ssh(f"printf '{script}' | sudo tee /usr/local/bin/uname >/dev/null; sudo chmod 755 /usr/local/bin/uname")
        assert node.ssh("sudo uname -r") == release
    node.log.say(f"the kernel that will boot is {release}; headers for it: none yet")
    assert node.ssh(f"ls -d /lib/modules/{release}/build", check=False) == ""
    return release


def test_the_driver_and_the_toolkit_are_installed_and_verified(node, kernel):
    node.labprov("apply", *DEPLOY, "--yes", "--no-color", show=80)
    run = node.report()
    assert [host["status"] for host in run["hosts"]] == ["ok"]
    verdicts = [check["verdict"] for check in run["checks"]]
    assert verdicts.count("passed") >= 9 and "failed" not in verdicts


def test_dkms_built_the_module_for_the_kernel_that_will_boot(node, kernel):
    status = node.ssh("sudo dkms status")
    node.log.say(f"dkms status: {status}")
    assert re.search(rf"nvidia.*{re.escape(kernel)}.*: installed", status)
    fields = {key: node.ssh(f"/sbin/modinfo -k {kernel} -F {key} nvidia-current") for key in ("version", "vermagic")}
    library = node.ssh("readlink -f /usr/lib/x86_64-linux-gnu/libcuda.so.1").rpartition(".so.")[2]
    node.log.say(f"modinfo: version {fields['version']}, vermagic {fields['vermagic']}; libcuda {library}")
    assert fields["vermagic"].split()[0] == kernel
    assert fields["version"] == library
    path = node.ssh(f"/sbin/modinfo -k {kernel} -n nvidia-current")
    assert int(node.ssh(f"stat -c %s {path}")) > 10_000_000, "this is no stand-in"
    resolved = node.ssh(f"sudo modprobe --set-version {kernel} --show-depends nvidia | tail -n 1", check=False)
    assert "nvidia" in resolved


def test_nouveau_stays_away_at_the_next_boot(node, kernel):
    inside = node.ssh(
        f"d=$(mktemp -d); sudo unmkinitramfs /boot/initrd.img-{kernel} $d; "
        'cat $(find $d -path "*/modprobe.d/*.conf"); sudo rm -rf $d'
    )
    assert "blacklist nouveau" in inside.splitlines()


def test_the_compiler_compiles_a_program(node, kernel):
    node.ssh("cat > add.cu", stdin=PROGRAM)
    with node.log.step("$ nvcc -o add add.cu  # in a login shell"):
        node.ssh("bash -lc 'nvcc -o add add.cu'")
    node.log.say(node.ssh("nvcc --version | tail -n 2 | head -n 1"))
    said = node.ssh("./add", check=False)
    node.log.say(f"the program says: {said}")
    assert said.startswith("0 devices: cudaError"), "without a GPU the runtime says so; that it runs is the proof"
    assert "sm_" in node.ssh("cuobjdump --list-elf add")


def test_the_driver_is_held_and_kept_awake(node, kernel):
    held = node.ssh("apt-mark showhold").split()
    node.log.say(f"held: {len(held)} packages, among them {' '.join(held[:3])}")
    assert {"nvidia-kernel-dkms", "libcuda1", "nvidia-smi"} <= set(held)
    planned = node.ssh("sudo apt-get -s -q dist-upgrade")
    assert not re.search(r"^(Inst|Remv) (nvidia|libcuda1|libnvidia)", planned, re.MULTILINE)
    assert node.ssh("systemctl is-enabled nvidia-persistenced") == "enabled"


def test_a_second_apply_changes_nothing(node, kernel):
    node.labprov("apply", *DEPLOY, "--yes", "--no-color", show=20)
    assert [o["operation"] for o in node.report()["outcomes"] if o["result"] == "changed"] == []
