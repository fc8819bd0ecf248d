"""What ``labprov explain HOST`` tells of a driver: one round trip, on any machine, and in words."""

import subprocess
from types import SimpleNamespace

import pytest
from pyinfra.context import ctx_host
from pyinfra_testing.operations import FakeState
from pyinfra_testing.util import FakeHost

from labprov.engine.batch import Completed
from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.facts.units import Unit, Units
from labprov.engine.knowledge import Knowledge, answer_facts
from labprov.engine.questions import Questions
from labprov.engine.rehearsal import rehearse
from labprov_roles.nvidia_driver import explain
from labprov_roles.nvidia_driver.boot import NextBoot
from labprov_roles.nvidia_driver.facts import (
    Cdi,
    CdiSpecs,
    DriverLibrary,
    Loaded,
    LoadedDriver,
    LoadedModules,
    Module,
    ModulesOnDisk,
)
from labprov_roles.nvidia_driver.facts_kernels import Compilers, Kernel, KernelCompilers, Kernels, NextKernel
from labprov_roles.nvidia_driver.facts_packages import DriverPackages, Installation, Installations, Package, Pins
from labprov_roles.nvidia_driver.facts_secure_boot import Certificate, SecureBoot, SecureBootState
from labprov_roles.nvidia_driver.names import MARKERS

OWN = Certificate("00ff", "gpu-01 kernel module signing key")
FACTS = {
    OperatingSystem: System("debian", "12", "bookworm"),
    NvidiaGpus: [Gpu("0000:21:00.0", "20b0", "nvidia"), Gpu("0000:31:00.0", "20b0", "vfio-pci")],
    LoadedDriver: "580.178.04",
    LoadedModules: Loaded("open", ("nvidia", "vfio_pci")),
    DriverLibrary: "580.178.04",
    Installations: Installation(),
    DriverPackages: [
        Package("libcuda1", "580.178.04-1", "vendor", held=True),
        Package("nvidia-container-toolkit", "1.20.0-1", "vendor"),
    ],
    Pins: ["nvidia-driver.pref: version 580.*"],
    Kernels: [Kernel("6.1.0-40-amd64", True, True), Kernel("6.1.0-41-amd64", False, False)],
    ModulesOnDisk: [Module("6.1.0-40-amd64", "580.178.04", "Dual MIT/GPL", OWN.name)],
    NextKernel: NextBoot("6.1.0-41-amd64", "GRUB starts 'Debian'"),
    KernelCompilers: Compilers(12, 14),
    SecureBootState: SecureBoot(True, enrolled=(), asked=(OWN,), own=OWN),
    Units: {"nvidia-persistenced.service": Unit("enabled", "active")},
    CdiSpecs: [Cdi("/etc/cdi/nvidia.yaml", "0.5.0", "570.211.01")],
}


class Host(FakeHost):
    """A host with the facts above."""

    def get_fact(self, fact, **arguments):
        fact().command(**arguments)
        if fact is DriverPackages and arguments["names"] == MARKERS:
            return FACTS[fact][:1]
        return FACTS[fact]


def test_every_answer_is_told():
    with ctx_host.use(Host(FakeState(), "gpu-01", {}, {})):
        told = explain.lines()
    assert told == [
        "card 0000:21:00.0 (10de:20b0): held by nvidia",
        "card 0000:31:00.0 (10de:20b0): held by vfio-pci",
        "driver loaded: 580.178.04, open modules; library: 580.178.04; also loaded: vfio_pci",
        "installed from: NVIDIA's packages; 1 of 1 packages held; pinned: nvidia-driver.pref: version 580.*",
        "kernel 6.1.0-40-amd64 (runs): headers, module 580.178.04 (open, signed by gpu-01 kernel module signing key)",
        "kernel 6.1.0-41-amd64: no headers, no module",
        "next boot: 6.1.0-41-amd64 (GRUB starts 'Debian')",
        "compiler of the kernel: gcc 12; default compiler: gcc 14; modules may not build",
        f"Secure Boot: on; its key {OWN.name!r} is to be confirmed at the console; enrolled keys: none",
        "persistence daemon: enabled, active; fabric manager: not installed",
        "container toolkit: 1.20.0-1; /etc/cdi/nvidia.yaml (CDI 0.5.0) for driver 570.211.01",
    ]


@pytest.mark.parametrize("bare", [False, True])
def test_all_of_it_is_one_round_trip_and_never_fails(bare, tmp_path):
    """On this machine, whatever it has; and where none of the programs is there that the facts start."""
    (tmp_path / "sh").symlink_to("/bin/sh")
    path = str(tmp_path) if bare else "/usr/bin:/bin:/usr/sbin:/sbin"
    scripts = []

    def execute(script):
        scripts.append(script)
        done = subprocess.run(["/bin/sh"], input=script, capture_output=True, check=False, env={"PATH": path})
        return Completed(done.returncode, done.stdout, done.stderr)

    knowledge = Knowledge(execute)
    host = FakeHost(FakeState(), "here", {}, {})
    host.current_op_global_arguments, host.current_deploy_kwargs = {}, {}
    connection = SimpleNamespace(knowledge=knowledge)
    session = SimpleNamespace(connection=lambda host: connection, start_over=lambda host: None)
    with ctx_host.use(host):
        answer_facts(host, knowledge, Questions())
        told = rehearse(session, host, lambda _: explain.lines(), None)
    assert len(scripts) == 1
    assert any(line.startswith("driver loaded: ") for line in told)
