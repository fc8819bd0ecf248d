"""What starts a driver and when it must wait for a reboot, from facts to exact commands."""

import pytest

from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.reboot import REASONS, RebootReasons
from labprov.engine.facts.units import Unit, Units
from labprov_roles.nvidia_driver import services
from labprov_roles.nvidia_driver.facts import Loaded, LoadedDriver, LoadedModules, Module, ModulesOnDisk
from labprov_roles.nvidia_driver.facts_kernels import Kernel, Kernels
from labprov_roles.nvidia_driver.facts_secure_boot import SecureBoot, SecureBootState

RUNNING = Kernel("6.1.0-40-amd64", running=True, headers=False)
A100 = Gpu("0000:21:00.0", "20b5", "")
MOK = "/var/lib/dkms/mok.pub"
NOTHING = {LoadedModules: Loaded(), SecureBootState: SecureBoot(), RebootReasons: []}


@pytest.mark.parametrize(
    ("gpus", "loaded", "on_disk", "reason"),
    [
        ([A100], "", [], ""),
        ([], "535.54.03", [Module(RUNNING.release, "580.65.06")], ""),
        ([A100], "", [Module(RUNNING.release, "580.65.06")], ""),
        ([A100], "580.65.06", [Module(RUNNING.release, "580.65.06")], ""),
        ([A100], "535.54.03", [Module(RUNNING.release, "580.65.06")], "535.54.03 is loaded, 580.65.06 is installed"),
        ([A100], "", [Module("6.1.0-41-amd64", "580.65.06")], "built for kernel 6.1.0-41-amd64, not for the running"),
        ([Gpu("0000:21:00.0", "20b5", "nouveau")], "", [], "nouveau holds the GPU at 0000:21:00.0"),
        ([A100, Gpu("0000:31:00.0", "20b5", "NovaCore")], "", [], "NovaCore holds the GPU at 0000:31:00.0"),
        ([Gpu("0000:21:00.0", "20b5", "nova_core")], "", [], "nova_core holds the GPU"),
        ([Gpu("0000:21:00.0", "20b5", "vfio-pci")], "", [], ""),
    ],
)
def test_reasons_to_reboot(commands, gpus, loaded, on_disk, reason):
    assert reason in services.reboot_reason(gpus, (loaded, ""), on_disk, [RUNNING])
    assert bool(reason) == bool(services.reboot_reason(gpus, (loaded, ""), on_disk, [RUNNING]))
    facts = {**NOTHING, NvidiaGpus: gpus, LoadedDriver: loaded, ModulesOnDisk: on_disk, Kernels: [RUNNING]}
    asked = commands(services.require_reboot, facts, certificate=MOK)
    assert [reason in line for line in asked] == ([True] if reason else [])


def test_a_reason_that_no_longer_holds_is_withdrawn(commands):
    facts = {**NOTHING, NvidiaGpus: [A100], LoadedDriver: "580.65.06", ModulesOnDisk: HERE, Kernels: [RUNNING]}
    old = "NVIDIA driver: 580.65.06 is loaded, 595.54.03 is installed"
    assert commands(services.require_reboot, {**facts, RebootReasons: [old]}, certificate=MOK) == [f"rm -f {REASONS}"]
    others = {**facts, RebootReasons: ["a new kernel", old]}
    assert commands(services.require_reboot, others, certificate=MOK) == [f"printf '%s\\n' 'a new kernel' > {REASONS}"]
    assert commands(services.require_reboot, {**facts, RebootReasons: ["a new kernel"]}, certificate=MOK) == []


HERE = [Module(RUNNING.release, "580.65.06")]
NOUVEAU = Gpu("0000:21:00.0", "20b5", "nouveau")
LOAD = "nvidia-modprobe -c 0 -u || modprobe nvidia"


@pytest.mark.parametrize(
    ("gpu", "loaded", "unit", "persistence", "wanted"),
    [
        (A100, "580.65.06", Unit("enabled", "active"), True, []),
        (A100, "580.65.06", Unit("disabled", "inactive"), True, ["enable", "start"]),
        (A100, "580.65.06", Unit("static", "failed"), True, ["reset-failed", "start"]),
        (A100, "", Unit("enabled", "inactive"), True, ["start"]),  # the daemon loads the driver
        (A100, "", Unit("enabled", "active"), True, [LOAD]),
        (A100, "", Unit("disabled", "inactive"), False, [LOAD]),
        (A100, "580.65.06", Unit("enabled", "active"), False, ["disable", "stop"]),
        (NOUVEAU, "", Unit("disabled", "inactive"), True, ["enable"]),
        (NOUVEAU, "", Unit("enabled", "failed"), True, []),
        (A100, "535.54.03", Unit("enabled", "inactive"), True, []),  # a mismatch waits for the reboot
    ],
)
def test_starting_the_driver(commands, gpu, loaded, unit, persistence, wanted):
    facts = {**NOTHING, NvidiaGpus: [gpu], LoadedDriver: loaded, ModulesOnDisk: HERE, Kernels: [RUNNING]}
    facts[Units] = {services.PERSISTENCED: unit}
    lines = [word if " " in word else f"systemctl {word} nvidia-persistenced.service" for word in wanted]
    assert commands(services.start_driver, facts, persistence=persistence, certificate=MOK) == lines


def test_without_a_card_only_the_next_boot_is_prepared(commands):
    facts = {
        NvidiaGpus: [],
        LoadedDriver: "",
        ModulesOnDisk: HERE,
        Kernels: [RUNNING],
        Units: {services.PERSISTENCED: Unit("disabled", "x")},
        LoadedModules: Loaded(),
        SecureBootState: SecureBoot(),
    }
    wanted = ["systemctl enable nvidia-persistenced.service"]
    assert commands(services.start_driver, facts, persistence=True, certificate=MOK) == wanted
