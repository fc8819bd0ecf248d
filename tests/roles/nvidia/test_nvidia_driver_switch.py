"""Installing and changing a driver's packages, in one transaction, from facts to exact commands."""

import pytest

from labprov.engine.facts.packages import HeldPackages, InstalledPackages, InterruptedPackages, PackageListsAge
from labprov.engine.facts.system import OperatingSystem, System
from labprov_roles.nvidia_driver import operations
from labprov_roles.nvidia_driver.facts import (
    DriverLibrary,
)
from labprov_roles.nvidia_driver.facts_packages import (
    Candidates,
    DriverPackages,
    Package,
)
from labprov_roles.nvidia_driver.moves import Target

BOOKWORM = System("debian", "12", "bookworm")
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
