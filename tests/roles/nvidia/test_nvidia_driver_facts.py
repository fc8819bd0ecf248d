"""What the facts read out of literal output."""

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


def test_kernels_running_first_and_once():
    output = ["6.1.0-40-amd64 no", "6.1.0-39-amd64 yes", "6.1.0-40-amd64 no"]
    assert Kernels().process(output) == [
        Kernel("6.1.0-40-amd64", running=True, headers=False),
        Kernel("6.1.0-39-amd64", running=False, headers=True),
    ]


def test_available_packages_are_those_with_a_candidate():
    output = """linux-headers-6.1.0-40-amd64:
  Installed: (none)
  Candidate: 6.1.153-1
  Version table:
     6.1.153-1 500
        500 http://deb.example.org/debian bookworm/main amd64 Packages
linux-headers-amd64:
  Installed: (none)
  Candidate: (none)
  Version table:
""".splitlines()
    assert AvailablePackages().process(output) == ["linux-headers-6.1.0-40-amd64"]


def test_loaded_driver_of_either_flavour():
    # /proc/driver/nvidia/version of two real drivers
    proprietary = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023"
    opened = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)"
    assert LoadedDriver().process([proprietary, "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)"]) == "535.129.03"
    assert LoadedDriver().process([opened]) == "580.65.06"
    assert LoadedDriver().process([]) == ""


def test_driver_library_behind_the_link():
    assert DriverLibrary().process(["/usr/lib/x86_64-linux-gnu/libcuda.so.580.178.04"]) == "580.178.04"
    assert DriverLibrary().process(["/usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.550.163.01"]) == "550.163.01"
    assert DriverLibrary().process([]) == ""


def test_modules_on_disk():
    assert ModulesOnDisk().process(["6.1.0-40-amd64 580.178.04"]) == [Module("6.1.0-40-amd64", "580.178.04")]


def test_installations_are_told_apart_by_maintainer():
    output = [
        "package ii  libcuda1 Debian NVIDIA Maintainers <pkg-nvidia-devel@lists.alioth.debian.org>",
        "package ii  nvidia-driver-cuda NVIDIA CORPORATION <cudatools@nvidia.com>",
        "package rc  nvidia-smi Debian NVIDIA Maintainers <pkg-nvidia-devel@lists.alioth.debian.org>",
        "package un  nvidia-open ",
        "package iF  nvidia-kernel-dkms Ubuntu Core Developers <ubuntu-devel-discuss@lists.ubuntu.com>",
        "file /usr/bin/nvidia-uninstall",
    ]
    assert Installations().process(output) == Installation(
        runfile=("/usr/bin/nvidia-uninstall",),
        vendor=("nvidia-driver-cuda",),
        distro=("libcuda1", "nvidia-kernel-dkms"),
    )


def test_stale_initramfs_without_leftovers_of_old_updates():
    output = ["/boot/initrd.img-6.1.0-40-amd64", "/boot/initrd.img-6.1.0-39-amd64.old", ""]
    assert StaleInitramfs().process(output) == ["6.1.0-40-amd64"]


def test_unit_states():
    assert UnitState().process(["disabled", "", "inactive"]) == Unit("disabled", "inactive")
    assert UnitState().process(["enabled", "active"]) == Unit("enabled", "active")
    assert UnitState().process(["", "inactive"]) == Unit()
