"""Which CUDA toolkits a server gets, and the driver and card rules of NVIDIA's release notes."""

import pytest
from pyinfra.api import OperationError

from labprov.compat import gpus, tables
from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.cuda import operations
from labprov_roles.cuda.facts import Alternative, AlternativeLink
from labprov_roles.cuda.settings import Settings
from labprov_roles.cuda.toolkits import driver_limits, require_targets, toolkits
from labprov_roles.nvidia_driver.choice import choose
from labprov_roles.nvidia_driver.facts import DriverLibrary
from labprov_roles.nvidia_driver.settings import Settings as DriverSettings

BOOKWORM = System("debian", "12", "bookworm")
TRIXIE = System("debian", "13", "trixie")


@pytest.mark.parametrize(
    ("system", "settings", "packages", "default"),
    [
        (BOOKWORM, {}, ("cuda-toolkit-12-9",), "12.9"),
        (TRIXIE, {}, ("cuda-toolkit-13-2",), "13.2"),
        (BOOKWORM, {"versions": ["13.0", "12.4"]}, ("cuda-toolkit-13-0", "cuda-toolkit-12-4"), "13.0"),
        (
            BOOKWORM,
            {"versions": ["13.0", "12.4"], "default": "12.4"},
            ("cuda-toolkit-13-0", "cuda-toolkit-12-4"),
            "12.4",
        ),
        (BOOKWORM, {"default": "12.8"}, ("cuda-toolkit-12-8",), "12.8"),
        (BOOKWORM, {"source": "distro"}, ("nvidia-cuda-toolkit", "nvidia-cuda-toolkit-gcc"), "11.8"),
        (System("ubuntu", "22.04"), {"versions": ["12.8"]}, ("cuda-toolkit-12-8",), "12.8"),
        (System("ubuntu", "24.04"), {}, ("cuda-toolkit-12-9",), "12.9"),
        (System("ubuntu", "26.04"), {"source": "distro"}, ("nvidia-cuda-toolkit", "nvidia-cuda-toolkit-gcc"), "12.4"),
        (System("rocky", "8.10", "", ("rhel",)), {"versions": ["12.4"]}, ("cuda-toolkit-12-4",), "12.4"),
        (System("almalinux", "9.6", "", ("rhel",)), {}, ("cuda-toolkit-12-9",), "12.9"),
        (System("rhel", "10.1"), {}, ("cuda-toolkit-13-0",), "13.0"),
        (
            TRIXIE,
            {"source": "distro", "versions": ["12.4"]},
            ("nvidia-cuda-toolkit", "nvidia-cuda-toolkit-gcc"),
            "12.4",
        ),
    ],
)
def test_packages(system, settings, packages, default):
    wanted = toolkits(Settings(**settings), system)
    assert (wanted.packages, wanted.default) == (packages, default)


@pytest.mark.parametrize(
    ("system", "settings", "compiler"),
    [
        (BOOKWORM, {"source": "distro"}, "cuda-g++"),
        (TRIXIE, {"source": "distro"}, ""),
        (BOOKWORM, {"versions": ["12.4"]}, ""),
    ],
)
def test_the_compiler_that_nvcc_is_told_of(system, settings, compiler):
    assert toolkits(Settings(**settings), system).compiler == compiler


@pytest.mark.parametrize(
    ("system", "settings", "message"),
    [
        (TRIXIE, {"versions": ["12.8"]}, r"Debian 13 has no CUDA 12\.8: it starts at 13\.1"),
        (BOOKWORM, {"versions": ["12.7"]}, r"there is no CUDA 12\.7"),
        (BOOKWORM, {"source": "distro", "default": "12.8"}, r"has CUDA 11\.8 only, not 12\.8: set source: vendor"),
        (System("ubuntu", "24.04"), {"source": "distro"}, "ubuntu2404"),
        (System("ubuntu", "26.04"), {"versions": ["12.8"]}, r"Ubuntu 26\.04 has no CUDA 12\.8: it starts at 13\.2"),
        (System("rocky", "9.6", "", ("rhel",)), {"source": "distro"}, "no CUDA toolkit is known for rhel9"),
        (System("rocky", "10.1", "", ("rhel",)), {"versions": ["12.8"]}, r"RHEL 10 has no CUDA 12\.8"),
        (System("fedora", "43"), {}, "no CUDA toolkit on fedora43 yet"),
    ],
)
def test_what_a_source_does_not_have(system, settings, message):
    with pytest.raises(HostError, match=message):
        toolkits(Settings(**settings), system)


@pytest.mark.parametrize("system", [BOOKWORM, TRIXIE])
def test_the_default_driver_supports_the_default_toolkit_in_full(system):
    default = toolkits(Settings(), system).default
    assert driver_limits(default, choose(DriverSettings(), system, ()).branch, tables.load()) == ""


@pytest.mark.parametrize(
    ("version", "branch", "outcome"),
    [
        ("12.8", 570, "full"),
        ("12.8", 595, "full"),
        ("13.0", 580, "full"),
        ("12.9", 535, "limited"),
        ("12.9", 525, "limited"),
        ("13.2", 580, "limited"),
        ("11.8", 450, "limited"),
        ("13.0", 575, "refused"),
        ("12.0", 520, "refused"),
        ("11.0", 440, "refused"),
        ("14.0", 700, "full"),  # newer than the table: nothing is known against it
    ],
)
def test_driver_rules(version, branch, outcome):
    if outcome == "refused":
        with pytest.raises(HostError, match=rf"CUDA {version} does not run on driver branch {branch}"):
            driver_limits(version, branch, tables.load())
    else:
        assert bool(driver_limits(version, branch, tables.load())) == (outcome == "limited")


def models(*devices):
    return [gpus.lookup(device) for device in devices]


def test_a_toolkit_that_builds_for_no_card_is_refused():
    with pytest.raises(HostError, match=r"CUDA 13\.0 cannot build for Tesla P100.*: 12\.9 is the last"):
        require_targets(["12.9", "13.0"], models("15f8"), tables.load())


@pytest.mark.parametrize("devices", [("15f8", "20b5"), ("20b5",), ("ffff",), ("15f8", "ffff"), ()])
def test_one_card_that_it_builds_for_is_enough(devices):
    assert require_targets(["13.0"], models(*devices), tables.load()) is None, "it raises, or says nothing"


def test_versions_are_checked_against_driver_and_cards(commands, caplog):
    facts = {DriverLibrary: "580.65.06", NvidiaGpus: [Gpu("0000:21:00.0", "20b5", "nvidia")]}
    assert commands(operations.check_versions, facts, versions=("13.0",)) == []
    assert caplog.text == ""
    assert commands(operations.check_versions, facts, versions=("13.2",)) == []
    assert "minor-version compatibility" in caplog.text
    with pytest.raises(OperationError, match="does not run on driver branch 535"):
        commands(operations.check_versions, {**facts, DriverLibrary: "535.54.03"}, versions=("13.0",))
    caplog.clear()
    old = {**facts, DriverLibrary: "535.54.03"}  # in a plan the driver's role may be about to replace it
    assert commands(operations.check_versions, old, planning=True, versions=("13.0",)) == []
    assert "unless the driver changes: CUDA 13.0 does not run on driver branch 535" in caplog.text
    assert commands(operations.check_versions, {**facts, DriverLibrary: ""}, versions=("13.0",)) == []


PREFIX = "/usr/local/cuda-12.8"


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (Alternative(True, PREFIX, (PREFIX,)), []),
        (Alternative(False, PREFIX, (PREFIX,)), ["--set cuda /usr/local/cuda-12.8"]),
        (Alternative(True, "/usr/local/cuda-13.0", ("/usr/local/cuda-13.0", PREFIX)), [f"--set cuda {PREFIX}"]),
        (Alternative(), [f"--install /usr/local/cuda cuda {PREFIX} 128", f"--set cuda {PREFIX}"]),
    ],
)
def test_the_default_toolkit_is_chosen_for_good(commands, found, wanted):
    done = commands(operations.default_toolkit, {AlternativeLink: found}, version="12.8", prefix=PREFIX)
    assert done == [f"update-alternatives {words}" for words in wanted]


def test_a_folder_in_the_place_of_the_link_stops_the_host(commands):
    with pytest.raises(OperationError, match="is not a link"):
        commands(
            operations.default_toolkit, {AlternativeLink: Alternative(blocked=True)}, version="12.8", prefix=PREFIX
        )


def test_alternatives_are_read_as_dpkg_prints_them():
    output = """Name: cuda
Link: /usr/local/cuda
Status: auto
Best: /usr/local/cuda-13.0
Value: /usr/local/cuda-13.0

Alternative: /usr/local/cuda-12.8
Priority: 128

Alternative: /usr/local/cuda-13.0
Priority: 130
""".splitlines()
    choices = ("/usr/local/cuda-12.8", "/usr/local/cuda-13.0")
    assert AlternativeLink().process(output) == Alternative(False, "/usr/local/cuda-13.0", choices)
    assert AlternativeLink().process(["Blocked: yes"]) == Alternative(blocked=True)


RHEL_ALTERNATIVES = """cuda - status is manual.
 link currently points to /usr/local/cuda-12.4
/usr/local/cuda-12.4 - priority 124
/usr/local/cuda-12.8 - family cuda priority 128
Current `best' version is /usr/local/cuda-12.8.
""".splitlines()


def test_alternatives_as_rhel_tells_them():
    choices = ("/usr/local/cuda-12.4", "/usr/local/cuda-12.8")
    assert AlternativeLink().process(RHEL_ALTERNATIVES) == Alternative(True, choices[0], choices)
    auto = [line.replace("is manual", "is auto") for line in RHEL_ALTERNATIVES]
    assert AlternativeLink().process([*auto, "Blocked: yes"]) == Alternative(False, choices[0], choices, True)
    assert AlternativeLink().process([]) == Alternative()
