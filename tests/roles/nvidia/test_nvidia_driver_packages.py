"""Which packages are asked for, pinned and held."""

from fnmatch import fnmatchcase

import pytest

from labprov.engine.facts.system import System
from labprov_roles.nvidia_driver import pins
from labprov_roles.nvidia_driver.choice import choose
from labprov_roles.nvidia_driver.names import DRIVER_PACKAGES
from labprov_roles.nvidia_driver.pins import branch_pin, no_drivers_pin, release_pin
from labprov_roles.nvidia_driver.settings import Settings

BOOKWORM = System("debian", "12", "bookworm")


def test_compute_packages_from_nvidia():
    wanted = choose(Settings(), BOOKWORM, ()).packages
    assert wanted.install == (
        "nvidia-driver-cuda=580.*",
        "nvidia-kernel-open-dkms=580.*",
        "nvidia-persistenced=580.*",
    )
    assert set(wanted.remove) == {"nvidia-kernel-dkms", "cuda-drivers"}


def test_full_packages_of_an_exact_version():
    wanted = choose(Settings(version="580.65.06", flavour="proprietary", packages="full"), BOOKWORM, ()).packages
    assert {"nvidia-kernel-dkms=580.65.06-*", "cuda-drivers=580.65.06-*"} <= set(wanted.install)
    assert set(wanted.remove) == {"nvidia-kernel-open-dkms", "nvidia-open"}


def test_packages_of_debian_itself():
    wanted = choose(Settings(source="distro"), BOOKWORM, ()).packages
    assert set(wanted.install) == {
        "nvidia-kernel-dkms=535.*",
        "libcuda1=535.*",
        "nvidia-smi=535.*",
        "libnvidia-cfg1=535.*",
        "nvidia-persistenced",  # has a version of its own there
    }
    assert "nvidia-driver=535.*" in choose(Settings(source="distro", packages="full"), BOOKWORM, ()).packages.install


def test_packages_of_rhel_in_the_form_that_operations_take():
    rocky = System("rocky", "9.4", like=("rhel",))
    wanted = choose(Settings(), rocky, ()).packages
    assert (wanted.install, wanted.stream) == (
        ("kmod-nvidia-open-dkms=3:580.*", "nvidia-driver-cuda=3:580.*"),
        "nvidia-driver:580-open",
    )


def is_driver(name):
    return any(fnmatchcase(name, pattern) for pattern in DRIVER_PACKAGES)


def is_pinned(name):
    """By the name; its own branch is pinned by the source package too."""
    patterns = records(no_drivers_pin())["Package"].split()
    return name in branch_pin(580, None).split() or any(fnmatchcase(name, pattern) for pattern in patterns)


@pytest.mark.parametrize(
    "name",
    [
        *("libcuda1", "libnvidia-ml1", "libnvidia-ptxjitcompiler1", "libnvidia-cfg1", "libnvidia-compiler"),
        *("libnvidia-nvvm4", "libnvidia-encode1", "libnvcuvid1", "nvidia-driver-cuda", "nvidia-driver-libs"),
        *("nvidia-kernel-dkms", "nvidia-kernel-open-dkms", "nvidia-open-kernel-dkms", "nvidia-modprobe"),
        *("nvidia-persistenced", "nvidia-open", "cuda-drivers", "cuda-drivers-580", "nvidia-fabricmanager"),
        *("nvidia-opencl-icd", "nvidia-opencl-common", "libnvidia-opencl1", "libnvidia-nscq", "libnvidia-glcore"),
        *("firmware-nvidia-gsp", "nvidia-smi", "nvidia-alternative", "xserver-xorg-video-nvidia"),
        *("nvidia-tesla-470-kernel-dkms", "libnvidia-tesla-470-cuda1", "libnvidia-compute-580", "libnvidia-common-580"),
        *("nvidia-utils-580-server", "nvidia-headless-no-dkms-580-server-open", "nvidia-dkms-580-open"),
        *("nvidia-compute-utils-580-server", "nvidia-kernel-common-580-server", "libnvidia-encode-580"),
    ],
)
def test_driver_packages_are_known_and_pinned(name):
    assert is_driver(name)
    assert is_pinned(name)


@pytest.mark.parametrize(
    "name",
    [
        *("nvidia-container-toolkit", "nvidia-container-toolkit-base", "libnvidia-container1"),
        *("libnvidia-container-tools", "libnvidia-egl-wayland1", "cuda-toolkit-12-8", "cuda-compat-12-8"),
        *("nvidia-cuda-toolkit", "nvidia-cuda-dev", "libcudart12", "libcudnn9-cuda-12", "libnccl2", "nvidia-detect"),
        *("libnvidia-ml-dev", "nvidia-opencl-dev"),
        *("datacenter-gpu-manager-4-core", "linux-modules-nvidia-580-server-open-generic", "nvidia-prime"),
    ],
)
def test_other_packages_of_nvidia_are_left_alone(name):
    assert not is_driver(name)
    assert not is_pinned(name)


def test_names_that_are_pinned_are_the_drivers():
    assert [name for name in pins.NAMES if not is_driver(name)] == []


def test_apt_is_not_slowed_down():
    """It compares each pattern with each package that it knows, whenever anybody starts it."""
    for text in (branch_pin(580, None), release_pin("release n=trixie"), no_drivers_pin()):
        assert len([name for name in records(text)["Package"].split() if set(name) & {*"*?["}]) <= 3


def records(text):
    fields = [line for line in text.replace("\n ", " ").splitlines() if line]
    return dict(line.split(": ", 1) if ": " in line else line.split(":", 1) for line in fields)


def test_the_branch_is_pinned_above_what_is_installed():
    pin = records(branch_pin(580, None))
    assert (pin["Pin"], pin["Pin-Priority"]) == ("version 580.*", "1001")
    assert {"src:*nvidia*:any", *pins.NAMES, "cuda-drivers-580"} <= set(pin["Package"].split())


def test_an_exact_version_is_pinned_with_its_revision():
    assert records(branch_pin(580, "580.65.06"))["Pin"] == "version 580.65.06-*"


def test_other_drivers_of_the_repository_are_never_installed():
    pin = records(no_drivers_pin())
    assert (pin["Pin"], pin["Pin-Priority"]) == ("release l=NVIDIA CUDA", "-1")
    assert not any(name.startswith("src:") for name in pin["Package"].split())  # that would reach the container toolkit
