"""DCGM: its packages by the driver and the cards, and its daemon."""

import pytest

from labprov.engine.facts.board import Machine
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.engine.facts.units import Unit, Units
from labprov.errors import HostError
from labprov.lock.profile import Profile
from labprov_roles.nvidia_driver import dcgm
from labprov_roles.nvidia_driver.facts import LoadedDriver
from labprov_roles.nvidia_driver.lock import lock
from labprov_roles.nvidia_driver.settings import Settings

BOOKWORM = System("debian", "12", "bookworm")
A100, P100 = Gpu("0000:21:00.0", "20b0", ""), Gpu("0000:31:00.0", "15f8", "")
CORE = "datacenter-gpu-manager-4-core"


@pytest.mark.parametrize(
    ("branch", "gpus", "majors"),
    [
        (570, (A100,), ["12"]),
        (580, (A100,), ["13"]),
        (580, (P100,), ["13", "12"]),  # driver 580 is of CUDA 13, which has no code for Pascal
        (580, (A100, P100), ["13", "12"]),
        (535, (P100,), ["12"]),
        (595, (), ["13"]),
    ],
)
def test_packages_go_by_the_driver_and_the_cards(branch, gpus, majors):
    wanted = dcgm.wanted(Settings(dcgm=True), BOOKWORM, gpus, branch)
    assert list(wanted) == [CORE, *(f"datacenter-gpu-manager-4-cuda{major}" for major in majors)]
    assert dcgm.wanted(Settings(), BOOKWORM, gpus, branch) == ()


def test_an_old_driver_is_refused():
    with pytest.raises(HostError, match=r"no DCGM 4 goes with driver branch 470 \(CUDA 11\.4\)"):
        dcgm.wanted(Settings(dcgm=True), BOOKWORM, (), 470)


@pytest.mark.parametrize(
    ("unit", "loaded", "wanted"),
    [
        (Unit("disabled", "inactive"), "580.1.1", ["enable", "start"]),
        (Unit("disabled", "inactive"), "", ["enable"]),
        (Unit("enabled", "active"), "580.1.1", []),
        (Unit("enabled", "inactive"), "", []),
    ],
)
def test_its_daemon_starts_with_the_driver(commands, unit, loaded, wanted):
    done = commands(dcgm.start, {Units: {dcgm.SERVICE: unit}, LoadedDriver: loaded})
    assert done == [f"systemctl {verb} nvidia-dcgm.service" for verb in wanted]


@pytest.mark.parametrize("source", ["vendor", "distro"])
def test_it_is_locked_whoever_the_driver_is_from(source):
    profile = Profile(BOOKWORM, (A100,), Machine())
    found = lock(Settings(source=source, dcgm=True), profile, {})
    assert CORE in found.packages and found.keys
    assert CORE not in lock(Settings(source=source), profile, {}).packages
