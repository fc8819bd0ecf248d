"""The driver's operations, from facts to exact commands."""

import pytest
from pyinfra.api import OperationError

from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.packages import HeldPackages, InstalledPackages, InterruptedPackages, PackageListsAge
from labprov.engine.facts.reboot import REASONS, RebootReasons
from labprov.engine.facts.system import OperatingSystem, System
from labprov_roles.nvidia_driver import operations, services
from labprov_roles.nvidia_driver.facts import (
    DriverLibrary,
    Loaded,
    LoadedDriver,
    LoadedModules,
    Module,
    ModulesOnDisk,
    Unit,
    Units,
)
from labprov_roles.nvidia_driver.facts_kernels import Kernel, Kernels, StaleInitramfs
from labprov_roles.nvidia_driver.facts_packages import (
    Candidates,
    DriverPackages,
    Installation,
    Installations,
    Package,
)
from labprov_roles.nvidia_driver.facts_secure_boot import SecureBoot, SecureBootState
from labprov_roles.nvidia_driver.moves import Target
from labprov_roles.nvidia_driver.settings import Settings

BOOKWORM = System("debian", "12", "bookworm")
RUNNING = Kernel("6.1.0-40-amd64", running=True, headers=False)
OTHER = Kernel("6.1.0-39-amd64", running=False, headers=False)
A100 = Gpu("0000:21:00.0", "20b5", "")
MOK = "/var/lib/dkms/mok.pub"
NOTHING = {LoadedModules: Loaded(), SecureBootState: SecureBoot(), RebootReasons: []}


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


def test_what_this_role_installed_may_change_its_source_unasked(commands):
    ours = Installation(distro=("libcuda1",), ours=True)
    assert commands(operations.check_others, {Installations: ours}, source="vendor", replace=False) == []
    runfile = Installation(runfile=("/usr/bin/nvidia-uninstall",), ours=True)
    with pytest.raises(OperationError, match="nvidia-uninstall"):
        commands(operations.check_others, {Installations: runfile}, source="vendor", replace=False)


def test_a_runfile_is_removed_by_its_own_uninstaller(commands):
    facts = {Installations: Installation(runfile=("/usr/bin/nvidia-uninstall",), distro=("libcuda1",))}
    assert commands(operations.remove_runfile, facts) == ["nvidia-uninstall --silent"]
    assert commands(operations.remove_runfile, {Installations: Installation(distro=("libcuda1",))}) == []


def test_files_without_an_uninstaller_are_left_to_a_person(commands):
    facts = {Installations: Installation(runfile=("/usr/lib/libnvidia-ml.so.535.54.03",))}
    with pytest.raises(OperationError, match=r"libnvidia-ml.so.535.54.03, and there is no nvidia-uninstall"):
        commands(operations.remove_runfile, facts)


def headers_facts(kernels, images, available, age=60):
    def installed(packages):
        return dict.fromkeys(images, "1") if packages == ("linux-image-*",) else {}

    return {
        OperatingSystem: BOOKWORM,
        Kernels: kernels,
        InstalledPackages: installed,
        PackageListsAge: age,
        Candidates: lambda packages: {name: "1" for name in packages if name in available},
        InterruptedPackages: False,
    }


def test_headers_for_every_kernel_and_for_the_next_one(commands):
    names = ["linux-headers-6.1.0-39-amd64", "linux-headers-6.1.0-40-amd64", "linux-headers-amd64"]
    images = ["linux-image-6.1.0-40-amd64", "linux-image-amd64", "linux-image-6.1.0-40-amd64-dbg"]
    facts = headers_facts([RUNNING, OTHER], images, names)
    (install,) = commands(operations.kernel_headers, facts, patterns=("linux-headers-{}",))
    assert install.endswith(f"install -- {' '.join(names)}")


def test_a_kernel_without_headers_is_reported_and_the_others_served(commands, caplog):
    facts = headers_facts([RUNNING, OTHER], [], ["linux-headers-6.1.0-40-amd64"])
    (install,) = commands(operations.kernel_headers, facts, patterns=("linux-headers-{}",))
    assert install.endswith("install -- linux-headers-6.1.0-40-amd64")
    assert "no headers are to be had for kernel 6.1.0-39-amd64" in caplog.text


def test_no_headers_for_any_kernel_stop_the_host(commands):
    facts = headers_facts([RUNNING], [], [])
    with pytest.raises(OperationError, match=r"kernel 6\.1\.0-40-amd64.*headers: false"):
        commands(operations.kernel_headers, facts, patterns=("linux-headers-{}",))


def test_a_plan_before_the_first_package_lists_takes_headers_as_available(commands):
    facts = headers_facts([RUNNING], [], [], age=PackageListsAge.NEVER)
    update, install = commands(operations.kernel_headers, facts, patterns=("linux-headers-{}",))
    assert " update ;" in update and install.endswith("install -- linux-headers-6.1.0-40-amd64")


def test_headers_that_are_there_are_left(commands):
    facts = headers_facts([Kernel("6.1.0-40-amd64", running=True, headers=True)], [], [])
    assert commands(operations.kernel_headers, facts, patterns=("linux-headers-{}",)) == []


BRANCH_595 = Target("vendor", 595, "595.*")


def switching(installed, candidates, held=()):
    """Facts of a host on which these driver packages (name -> version and source) are installed."""
    found = [Package(name, version, source) for name, (version, source) in installed.items()]
    return {
        OperatingSystem: BOOKWORM,
        DriverPackages: found,
        InstalledPackages: {name: version for name, (version, _) in installed.items()},
        Candidates: lambda packages: {name: candidates[name] for name in packages if name in candidates},
        HeldPackages: list(held),
        PackageListsAge: 60,
        InterruptedPackages: False,
    }


def test_a_change_of_branch_takes_held_libraries_along(commands):
    there = {"libcuda1": ("580.65.06-1", "vendor"), "nvidia-driver-cuda": ("580.65.06-1", "vendor")}
    there |= {"nvidia-kernel-dkms": ("580.65.06-1", "vendor")}
    newer = {"libcuda1": "595.91.07-1"}
    facts = switching(there, newer, ["libcuda1", "linux-image-amd64", "nvidia-driver-cuda"])
    wanted = ("nvidia-driver-cuda=595.*", "nvidia-kernel-open-dkms=595.*")
    unhold, _, install = commands(
        operations.install_driver, facts, wanted=wanted, remove=("nvidia-kernel-dkms",), target=BRANCH_595
    )
    assert "{ apt-mark unhold libcuda1 nvidia-driver-cuda ;" in unhold
    assert install.endswith(
        "install -- 'nvidia-driver-cuda=595.*' 'nvidia-kernel-open-dkms=595.*' libcuda1=595.91.07-1 nvidia-kernel-dkms-"
    )


def test_a_change_of_source_is_one_transaction(commands):
    there = {name: ("535.261.03-1", "distro") for name in ("libcuda1", "nvidia-kernel-dkms", "nvidia-smi")}
    there |= {"nvidia-persistenced": ("525.85.05-1", "distro"), "nvidia-alternative": ("535.261.03-1", "distro")}
    # nvidia-smi and nvidia-alternative are Debian's alone: their candidate is what is installed
    offered = {"libcuda1": "580.178.04-1", "nvidia-smi": "535.261.03-1", "nvidia-alternative": "535.261.03-1"}
    wanted = ("nvidia-driver-cuda=580.*", "nvidia-kernel-open-dkms=580.*", "nvidia-persistenced=580.*")
    target = Target("vendor", 580, "580.*")
    _, install = commands(
        operations.install_driver,
        switching(there, offered),
        wanted=wanted,
        remove=("nvidia-kernel-dkms", "cuda-drivers"),
        target=target,
    )
    words = install.partition(" install -- ")[2].split()
    assert words == [
        *("'nvidia-driver-cuda=580.*'", "'nvidia-kernel-open-dkms=580.*'", "'nvidia-persistenced=580.*'"),
        *("libcuda1=580.178.04-1", "nvidia-alternative-", "nvidia-kernel-dkms-", "nvidia-smi-"),
    ]


def test_back_to_the_distribution_keeps_its_packages_of_other_versions(commands):
    there = {"libcuda1": ("535.261.03-1", "distro"), "nvidia-persistenced": ("525.85.05-1", "distro")}
    facts = switching(there, {"nvidia-persistenced": "525.85.05-1"})
    target = Target("distro", 535, "535.*")
    assert commands(operations.install_driver, facts, wanted=("libcuda1=535.*",), remove=(), target=target) == []


def test_ubuntu_packages_of_another_branch_go_by_their_names(commands):
    there = {"nvidia-utils-580-server": ("580.178.04-0ubuntu0.24.04.1", "distro")}
    there |= {"linux-modules-nvidia-580-server-open-6.8.0-41-generic": ("6.8.0-41.41", "distro")}
    there |= {"linux-modules-nvidia-595-server-6.8.0-41-generic": ("6.8.0-41.41", "distro")}
    facts = switching(there, {"nvidia-utils-580-server": "580.180.01-0ubuntu0.24.04.1"})
    (install,) = commands(
        operations.install_driver,
        facts,
        wanted=("nvidia-utils-595-server=595.*",),
        remove=("linux-modules-nvidia-595-server-[!o]*",),
        target=Target("distro", 595, "595.*"),
    )
    assert install.partition(" install -- ")[2].split() == [
        "'nvidia-utils-595-server=595.*'",
        "linux-modules-nvidia-580-server-open-6.8.0-41-generic-",
        "linux-modules-nvidia-595-server-6.8.0-41-generic-",
        "nvidia-utils-580-server-",
    ]


@pytest.mark.parametrize(
    ("there", "library", "restored"),
    [
        (["libcuda1", "libnvidia-ml1"], "", True),  # as after Debian's nvidia-alternative went
        (["libcuda1", "libnvidia-ml1"], "595.91.07", False),
        (["libnvidia-container1"], "", False),
        ([], "", False),
    ],
)
def test_links_that_went_with_the_other_driver_come_back(commands, there, library, restored):
    facts = {
        DriverPackages: [Package(name, "595.91.07-1", "vendor") for name in there],
        DriverLibrary: library,
    }
    given = commands(operations.restore_links, facts)
    ending = "--reinstall --no-install-recommends --allow-change-held-packages install -- libcuda1 libnvidia-ml1"
    assert [command.endswith(ending) for command in given] == [True] * restored


def test_an_installed_driver_is_left_held(commands):
    facts = switching({"nvidia-driver-cuda": ("595.65.06-1", "vendor")}, {})
    wanted = ("nvidia-driver-cuda=595.*",)
    assert commands(operations.install_driver, facts, wanted=wanted, remove=(), target=BRANCH_595) == []


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
    facts = {Kernels: [kernel], ModulesOnDisk: modules, DriverLibrary: "580.65.06", SecureBootState: SecureBoot()}
    wanted = [f"dkms autoinstall -k {kernel.release}"] if built else []
    assert commands(operations.build_modules, facts, certificate=MOK) == wanted


def test_only_stale_initramfs_are_rebuilt(commands):
    def rebuilt(kernels, image, *rebuild):
        path = "/etc/modprobe.d/x.conf"
        return commands(
            operations.rebuild_initramfs, {StaleInitramfs: kernels}, path=path, image=image, rebuild=rebuild
        )

    stale = rebuilt(["6.1.0-40-amd64"], "/boot/initrd.img-{}", "update-initramfs", "-u", "-k")
    assert stale == ["update-initramfs -u -k 6.1.0-40-amd64"]
    rhel = rebuilt(["5.14.0-427.el9.x86_64"], "/boot/initramfs-{}.img", "dracut", "--force", "--kver")
    assert rhel == ["dracut --force --kver 5.14.0-427.el9.x86_64"]
    assert rebuilt([], "/boot/initrd.img-{}", "true") == []


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
