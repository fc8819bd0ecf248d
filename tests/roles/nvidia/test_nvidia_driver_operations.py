"""The driver's operations that check, bring headers and build modules, from facts to exact commands."""

import pytest
from pyinfra.api import OperationError

from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.packages import InstalledPackages, InterruptedPackages, PackageListsAge
from labprov.engine.facts.system import OperatingSystem, System
from labprov_roles.nvidia_driver import operations
from labprov_roles.nvidia_driver.facts import (
    DriverLibrary,
    Module,
    ModulesOnDisk,
)
from labprov_roles.nvidia_driver.facts_kernels import Kernel, Kernels, StaleInitramfs
from labprov_roles.nvidia_driver.facts_packages import (
    Candidates,
    DriverPackages,
    Installation,
    Installations,
)
from labprov_roles.nvidia_driver.facts_secure_boot import SecureBoot, SecureBootState
from labprov_roles.nvidia_driver.settings import Settings

BOOKWORM = System("debian", "12", "bookworm")
RUNNING = Kernel("6.1.0-40-amd64", running=True, headers=False)
OTHER = Kernel("6.1.0-39-amd64", running=False, headers=False)
A100 = Gpu("0000:21:00.0", "20b5", "")
MOK = "/var/lib/dkms/mok.pub"


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
    facts = {Installations: found, DriverPackages: []}
    with pytest.raises(OperationError, match=f"{named}.*replace_other_installations: true"):
        commands(operations.check_others, facts, source=source, replace=False)
    assert commands(operations.check_others, facts, source=source, replace=True) == []


def test_the_same_source_is_no_other_installation(commands):
    facts = {Installations: Installation(vendor=("nvidia-open",)), DriverPackages: []}
    assert commands(operations.check_others, facts, source="vendor", replace=False) == []


def test_what_this_role_installed_may_change_its_source_unasked(commands):
    ours = Installation(distro=("libcuda1",), ours=True)
    assert (
        commands(operations.check_others, {Installations: ours, DriverPackages: []}, source="vendor", replace=False)
        == []
    )
    runfile = Installation(runfile=("/usr/bin/nvidia-uninstall",), ours=True)
    with pytest.raises(OperationError, match="nvidia-uninstall"):
        commands(operations.check_others, {Installations: runfile, DriverPackages: []}, source="vendor", replace=False)


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
