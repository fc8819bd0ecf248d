"""The vendor mirror's nvidia-smi says what NVIDIA's does: no module, another version, no GPU, its GPUs. Needs root.

It runs in a root folder of its own in which a kernel's files are plain files; no sandbox is brought up.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def computer(mirror, tmp_path_factory) -> Computer:
    """A root folder with the driver's user-space part of 580.178.04, and nothing of a kernel yet."""
    root = tmp_path_factory.mktemp("computer")
    pool = mirror.root / "cuda/repos/debian12/x86_64"
    for name in ("nvidia-driver-cuda", "nvidia-modprobe"):
        subprocess.run(["dpkg-deb", "-x", pool / f"{name}_580.178.04-1_amd64.deb", root], check=True)
    return Computer(root)


@dataclass
class Computer:
    """What a program sees when ``root`` is its root: files that a kernel would show are plain files."""

    root: Path

    def put(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def gpu(self, slot: str, device: str, *, pci_class: str = "0x030200", vendor: str = "0x10de") -> None:
        for name, value in {"vendor": vendor, "device": f"0x{device}", "class": pci_class}.items():
            self.put(f"sys/bus/pci/devices/{slot}/{name}", value + "\n")

    def load(self, version: str) -> None:
        self.put(
            "proc/driver/nvidia/version",
            f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {version}  Release\n",
        )

    def clean(self) -> None:
        for name in ("sys", "proc", "dev", "usr/lib/labprov-sandbox"):
            shutil.rmtree(self.root / name, ignore_errors=True)

    def smi(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            ["chroot", self.root, "/usr/bin/nvidia-smi", *arguments], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout


@pytest.fixture
def bare(computer) -> Computer:
    computer.clean()
    return computer


def test_smi_without_a_loaded_module(bare):
    bare.gpu("0000:01:00.0", "20b2")
    code, said = bare.smi()
    assert code == 9 and "couldn't communicate with the NVIDIA driver" in said


def test_smi_with_a_module_of_another_version(bare):
    bare.gpu("0000:01:00.0", "20b2")
    bare.load("570.211.01")
    code, said = bare.smi("-L")
    assert (code, said) == (
        18,
        "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.178\n",
    )


def test_smi_without_a_gpu(bare):
    bare.load("580.178.04")
    bare.gpu("0000:00:02.0", "2000", vendor="0x1a03", pci_class="0x030000")
    bare.gpu("0000:01:00.1", "1aef", pci_class="0x040300")
    assert bare.smi("-L") == (6, "No devices were found\n")


def test_smi_lists_the_gpus_of_the_bus_in_the_order_of_their_slots(bare):
    bare.load("580.178.04")
    bare.gpu("0000:81:00.0", "1b06", pci_class="0x030000")
    bare.gpu("0000:01:00.0", "20b2")
    code, said = bare.smi("-L")
    names = re.findall(r"^GPU (\d): (.*) \(UUID: GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\)$", said, re.M)
    assert code == 0 and names == [("0", "NVIDIA A100-SXM4-80GB"), ("1", "NVIDIA GeForce GTX 1080 Ti")]
    assert len(set(re.findall("GPU-[0-9a-f-]+", said))) == 2
    fields = "index,name,driver_version,compute_cap,memory.total,persistence_mode,pci.bus_id"
    assert bare.smi(f"--query-gpu={fields}", "--format=csv,noheader")[1].splitlines() == [
        "0, NVIDIA A100-SXM4-80GB, 580.178.04, 8.0, 81920 MiB, Disabled, 00000000:01:00.0",
        "1, NVIDIA GeForce GTX 1080 Ti, 580.178.04, 6.1, 11264 MiB, Disabled, 00000000:81:00.0",
    ]
    assert bare.smi("--query-gpu=nosuch", "--format=csv")[0] == 2
    assert "SIMULATION" in bare.smi()[1]


def test_smi_in_a_container_sees_the_devices_that_it_was_given(bare):
    bare.put(
        "usr/lib/labprov-sandbox/gpus",
        "version 580.178.04\ngpu 0 0000:01:00.0 20b2 GPU-a\ngpu 1 0000:02:00.0 20b2 GPU-b\n",
    )
    bare.put("dev/nvidia1", "")
    assert bare.smi("-L") == (0, "GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-b)\n")
