"""The driver's operations, from facts to exact commands."""

import pytest
from pyinfra.api import OperationError

from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.packages import HeldPackages, InstalledPackages, InterruptedPackages, PackageListsAge
from labprov.engine.facts.reboot import REASONS, RebootReasons
from labprov.engine.facts.system import OperatingSystem, System
from labprov_roles.nvidia_driver import operations
from labprov_roles.nvidia_driver.facts import (
    AvailablePackages,
    DriverLibrary,
    Installation,
    Installations,
    Kernel,
    Kernels,
    LoadedDriver,
    Module,
    ModulesOnDisk,
    StaleInitramfs,
    Unit,
    UnitState,
)
from labprov_roles.nvidia_driver.settings import Settings

BOOKWORM = System("debian", "12", "bookworm")
RUNNING = Kernel("6.1.0-40-amd64", running=True, headers=False)
OTHER = Kernel("6.1.0-39-amd64", running=False, headers=False)
A100 = Gpu("0000:21:00.0", "20b5", "")


def test_cards_that_cannot_be_driven_stop_the_host(commands):
    pascal = [Gpu("0000:21:00.0", "15f8", "")]
    with pytest.raises(OperationError, match="dropped Tesla P100"):
        commands(operations.check_cards, {}, settings=Settings(branch=595), system=BOOKWORM, gpus=pascal)
    assert commands(operations.check_cards, {}, settings=Settings(), system=BOOKWORM, gpus=pascal) == []


@pytest.mark.parametrize(
    ("found", "source", "named"),
    [
        (Installation(runfile=("/usr/bin/nvidia-uninstall",)), "vendor", "run installer .*/usr/bin/nvidia-uninstall"),
        (
            Installation(distro=("libcuda1", "nvidia-smi")),
            "vendor",
            r"distribution's packages \(libcuda1, nvidia-smi\)",
        ),
        (Installation(vendor=("nvidia-open",)), "distro", r"NVIDIA's packages \(nvidia-open\)"),
    ],
)
def test_another_installation_is_refused_unless_it_may_be_replaced(commands, found, source, named):
    with pytest.raises(OperationError, match=f"{named}.*replace_other_installations: true"):
        commands(operations.check_others, {Installations: found}, source=source, replace=False)
    assert commands(operations.check_others, {Installations: found}, source=source, replace=True) == []


def test_the_same_source_is_no_other_installation(commands):
    facts = {Installations: Installation(vendor=("nvidia-open",))}
    assert commands(operations.check_others, facts, source="vendor", replace=False) == []
    assert commands(operations.replace_others, facts, source="vendor") == []


def test_others_are_replaced_by_their_own_means(commands):
    facts = {
        OperatingSystem: BOOKWORM,
        Installations: Installation(runfile=("/usr/bin/nvidia-uninstall",), distro=("libcuda1", "nvidia-smi")),
        InstalledPackages: {"libcuda1": "535.261.03-1", "nvidia-smi": "535.261.03-1"},
        InterruptedPackages: False,
    }
    uninstall, purge = commands(operations.replace_others, facts, source="vendor")
    assert uninstall == "nvidia-uninstall --silent"
    assert purge.endswith("--allow-change-held-packages purge -- libcuda1 nvidia-smi")


def test_files_without_an_uninstaller_are_left_to_a_person(commands):
    facts = {Installations: Installation(runfile=("/usr/lib/libnvidia-ml.so.535.54.03",))}
    with pytest.raises(OperationError, match=r"libnvidia-ml.so.535.54.03, and there is no nvidia-uninstall"):
        commands(operations.replace_others, facts, source="vendor")


def headers_facts(kernels, images, available, age=60):
    def installed(packages):
        return dict.fromkeys(images, "1") if packages == ("linux-image-*",) else {}

    return {
        OperatingSystem: BOOKWORM,
        Kernels: kernels,
        InstalledPackages: installed,
        PackageListsAge: age,
        AvailablePackages: lambda packages: [name for name in packages if name in available],
        InterruptedPackages: False,
    }


def test_headers_for_every_kernel_and_for_the_next_one(commands):
    names = ["linux-headers-6.1.0-39-amd64", "linux-headers-6.1.0-40-amd64", "linux-headers-amd64"]
    images = ["linux-image-6.1.0-40-amd64", "linux-image-amd64", "linux-image-6.1.0-40-amd64-dbg"]
    facts = headers_facts([RUNNING, OTHER], images, names)
    (install,) = commands(operations.kernel_headers, facts, pattern="linux-headers-{}")
    assert install.endswith(f"install -- {' '.join(names)}")


def test_a_kernel_without_headers_is_reported_and_the_others_served(commands, caplog):
    facts = headers_facts([RUNNING, OTHER], [], ["linux-headers-6.1.0-40-amd64"])
    (install,) = commands(operations.kernel_headers, facts, pattern="linux-headers-{}")
    assert install.endswith("install -- linux-headers-6.1.0-40-amd64")
    assert "no headers are to be had for kernel 6.1.0-39-amd64" in caplog.text


def test_no_headers_for_any_kernel_stop_the_host(commands):
    facts = headers_facts([RUNNING], [], [])
    with pytest.raises(OperationError, match=r"kernel 6\.1\.0-40-amd64.*headers: false"):
        commands(operations.kernel_headers, facts, pattern="linux-headers-{}")


def test_a_plan_before_the_first_package_lists_takes_headers_as_available(commands):
    facts = headers_facts([RUNNING], [], [], age=PackageListsAge.NEVER)
    update, install = commands(operations.kernel_headers, facts, pattern="linux-headers-{}")
    assert " update ;" in update and install.endswith("install -- linux-headers-6.1.0-40-amd64")


def test_headers_that_are_there_are_left(commands):
    facts = headers_facts([Kernel("6.1.0-40-amd64", running=True, headers=True)], [], [])
    assert commands(operations.kernel_headers, facts, pattern="linux-headers-{}") == []


def test_a_change_of_branch_takes_held_libraries_along(commands):
    facts = {
        OperatingSystem: BOOKWORM,
        InstalledPackages: {"nvidia-driver-cuda": "580.65.06-1", "nvidia-kernel-dkms": "580.65.06-1"},
        HeldPackages: ["libcuda1", "linux-image-amd64", "nvidia-driver-cuda"],
        PackageListsAge: 60,
        InterruptedPackages: False,
    }
    wanted = ("nvidia-driver-cuda=595.*", "nvidia-kernel-open-dkms=595.*")
    unhold, install = commands(operations.install_driver, facts, wanted=wanted, remove=("nvidia-kernel-dkms",))
    assert "{ apt-mark unhold libcuda1 nvidia-driver-cuda ;" in unhold
    assert install.endswith("install -- 'nvidia-driver-cuda=595.*' 'nvidia-kernel-open-dkms=595.*' nvidia-kernel-dkms-")


def test_an_installed_driver_is_left_held(commands):
    facts = {OperatingSystem: BOOKWORM, InstalledPackages: {"nvidia-driver-cuda": "580.65.06-1"}}
    assert commands(operations.install_driver, facts, wanted=("nvidia-driver-cuda=580.*",), remove=()) == []


@pytest.mark.parametrize(
    ("kernel", "module", "built"),
    [
        (Kernel("6.1.0-40-amd64", True, headers=True), "580.65.06", False),
        (Kernel("6.1.0-40-amd64", True, headers=True), "535.54.03", True),
        (Kernel("6.1.0-40-amd64", True, headers=True), None, True),
        (Kernel("6.1.0-40-amd64", True, headers=False), None, False),
        (Kernel("6.1.0-40-rt-amd64", True, headers=True), None, False),
    ],
)
def test_missing_modules_are_built(commands, kernel, module, built):
    modules = [Module(kernel.release, module)] if module else []
    facts = {Kernels: [kernel], ModulesOnDisk: modules, DriverLibrary: "580.65.06"}
    wanted = [f"dkms autoinstall -k {kernel.release}"] if built else []
    assert commands(operations.build_modules, facts) == wanted


def test_only_stale_initramfs_are_rebuilt(commands):
    stale = commands(operations.rebuild_initramfs, {StaleInitramfs: ["6.1.0-40-amd64"]}, path="/etc/modprobe.d/x.conf")
    assert stale == ["update-initramfs -u -k 6.1.0-40-amd64"]
    assert commands(operations.rebuild_initramfs, {StaleInitramfs: []}, path="/etc/modprobe.d/x.conf") == []


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
    assert reason in operations.reboot_reason(gpus, loaded, on_disk, [RUNNING])
    assert bool(reason) == bool(operations.reboot_reason(gpus, loaded, on_disk, [RUNNING]))
    facts = {NvidiaGpus: gpus, LoadedDriver: loaded, ModulesOnDisk: on_disk, Kernels: [RUNNING], RebootReasons: []}
    asked = commands(operations.require_reboot, facts)
    assert [reason in line for line in asked] == ([True] if reason else [])


def test_a_reason_that_no_longer_holds_is_withdrawn(commands):
    facts = {NvidiaGpus: [A100], LoadedDriver: "580.65.06", ModulesOnDisk: HERE, Kernels: [RUNNING]}
    old = "NVIDIA driver: 580.65.06 is loaded, 595.54.03 is installed"
    assert commands(operations.require_reboot, {**facts, RebootReasons: [old]}) == [f"rm -f {REASONS}"]
    others = {**facts, RebootReasons: ["a new kernel", old]}
    assert commands(operations.require_reboot, others) == [f"printf '%s\\n' 'a new kernel' > {REASONS}"]
    assert commands(operations.require_reboot, {**facts, RebootReasons: ["a new kernel"]}) == []


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
    facts = {NvidiaGpus: [gpu], LoadedDriver: loaded, ModulesOnDisk: HERE, Kernels: [RUNNING], UnitState: unit}
    lines = [word if " " in word else f"systemctl {word} nvidia-persistenced.service" for word in wanted]
    assert commands(operations.start_driver, facts, persistence=persistence) == lines


def test_without_a_card_only_the_next_boot_is_prepared(commands):
    facts = {
        NvidiaGpus: [],
        LoadedDriver: "",
        ModulesOnDisk: HERE,
        Kernels: [RUNNING],
        UnitState: Unit("disabled", "x"),
    }
    wanted = ["systemctl enable nvidia-persistenced.service"]
    assert commands(operations.start_driver, facts, persistence=True) == wanted
