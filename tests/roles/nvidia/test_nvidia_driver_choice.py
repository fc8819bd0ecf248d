"""Which driver a server gets: golden decisions, each row from NVIDIA's own matrices, and the refusals."""

import pytest

from labprov.compat import gpus
from labprov.engine.facts.board import Machine
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.nvidia_driver.choice import choose
from labprov_roles.nvidia_driver.settings import Settings

BOOKWORM = System("debian", "12", "bookworm")
TRIXIE = System("debian", "13", "trixie")
BOOKWORM_ARM = System("debian", "12", "bookworm", machine="aarch64")

K80, P100, GTX_1080_TI, V100 = "102d", "15f8", "1b06", "1db4"
T4, A100, RTX_4090, H100 = "1eb8", "20b5", "2684", "2330"
RTX_5090, B200, B300, GH200 = "2b85", "2901", "3182", "2342"
FERMI, UNKNOWN = "06c0", "fffe"


def cards(*devices):
    return [Gpu(f"0000:{number:02x}:00.0", device, "") for number, device in enumerate(devices, 0x21)]


@pytest.mark.parametrize(
    ("system", "settings", "devices", "branch", "flavour"),
    [
        # 580 is the last branch for Maxwell, Pascal and Volta, and their modules are proprietary
        (BOOKWORM, {}, [P100], 580, "proprietary"),
        (BOOKWORM, {}, [GTX_1080_TI], 580, "proprietary"),
        (BOOKWORM, {}, [V100, A100], 580, "proprietary"),
        (BOOKWORM, {}, [T4], 580, "open"),
        (BOOKWORM, {}, [A100, H100], 580, "open"),
        (BOOKWORM, {}, [RTX_5090], 580, "open"),
        (BOOKWORM, {}, [B300], 580, "open"),
        (BOOKWORM, {}, [], 580, "open"),
        (BOOKWORM, {}, [UNKNOWN], 580, "open"),
        (BOOKWORM, {"branch": 610, "flavour": "proprietary"}, [A100], 610, "proprietary"),
        (BOOKWORM, {"branch": 550}, [A100], 550, "proprietary"),  # before 560 the open modules were not for every card
        (BOOKWORM, {"version": "570.211.01"}, [RTX_5090], 570, "open"),
        (BOOKWORM, {"source": "distro"}, [A100], 535, "proprietary"),
        (BOOKWORM, {"source": "distro"}, [P100], 535, "proprietary"),
        (BOOKWORM_ARM, {}, [GH200], 595, "open"),
        (TRIXIE, {}, [A100], 595, "open"),
        (TRIXIE, {}, [B200], 595, "open"),
        (TRIXIE, {"branch": 615}, [RTX_4090], 615, "open"),
        (TRIXIE, {"source": "distro"}, [P100], 550, "proprietary"),
        (TRIXIE, {"source": "distro", "flavour": "open"}, [A100], 550, "open"),
    ],
)
def test_decisions(system, settings, devices, branch, flavour):
    choice = choose(Settings(**settings), system, cards(*devices))
    assert (choice.branch, choice.flavour) == (branch, flavour)


@pytest.mark.parametrize(
    ("system", "settings", "devices", "message"),
    [
        (TRIXIE, {}, [P100], r"595 dropped Tesla P100.*580 or older: .*Debian 13 starts at 590.*source: distro"),
        (BOOKWORM, {"branch": 595}, [V100], r"595 dropped Tesla V100.*set branch: 580"),
        (BOOKWORM, {}, [K80], r"580 dropped Tesla K80 \(kepler\), which needs 470 or older"),
        (BOOKWORM, {}, [FERMI], r"needs 390 or older"),
        (BOOKWORM, {"source": "distro"}, [RTX_5090], r"535 is too old for NVIDIA GeForce RTX 5090.*source: vendor"),
        (TRIXIE, {"source": "distro"}, [B200], r"550 is too old for .*B200.*source: vendor"),
        (BOOKWORM, {"branch": 570}, [B300], r"570 is too old for NVIDIA B300.*needs 580"),
        (BOOKWORM, {}, [GTX_1080_TI, RTX_5090], r"no kernel module drives both .*1080 Ti .* and .*5090"),
        (TRIXIE, {}, [P100, RTX_5090], r"no kernel module drives both"),
        (BOOKWORM, {"flavour": "open"}, [P100], r"flavour open does not fit .*older than Turing"),
        (BOOKWORM, {"flavour": "proprietary"}, [RTX_5090], r"flavour proprietary does not fit"),
        (BOOKWORM_ARM, {"flavour": "proprietary"}, [GH200], r"flavour proprietary does not fit"),
        (BOOKWORM, {"branch": 615, "flavour": "proprietary"}, [A100], r"615 has no proprietary kernel modules"),
        (BOOKWORM, {"branch": 535, "source": "vendor"}, [A100], r"NVIDIA's repository for Debian 12 has no .*535.*545"),
        (TRIXIE, {"branch": 580}, [A100], r"Debian 13 has no driver branch 580: it starts at 590"),
        (BOOKWORM, {"source": "distro", "branch": 580}, [A100], r"Debian 12 has no driver branch 580, only 535"),
        (BOOKWORM, {"source": "distro", "flavour": "open"}, [A100], r"no open kernel modules that match"),
        (System("gentoo", "2"), {}, [A100], r"gentoo2"),
        (System("debian", "13", machine="riscv64"), {}, [A100], r"debian13 on riscv64"),
    ],
)
def test_refusals(system, settings, devices, message):
    with pytest.raises(HostError, match=message):
        choose(Settings(**settings), system, cards(*devices))


@pytest.mark.parametrize("system", [BOOKWORM, TRIXIE, BOOKWORM_ARM])
@pytest.mark.parametrize("source", ["vendor", "distro"])
def test_no_decision_violates_the_table(system, source):
    decided = 0
    for device in gpus.devices():
        model = gpus.lookup(device)
        try:
            choice = choose(Settings(source=source), system, cards(device))
        except HostError:
            continue
        decided += 1
        assert (model.first_branch or 0) <= choice.branch <= (model.last_branch or 9999), model
        assert (choice.flavour, model.open_module) not in [("open", "unsupported"), ("proprietary", "required")], model
    assert decided > 0 or (system, source) == (BOOKWORM_ARM, "distro")


def test_a_card_of_the_last_decade_gets_the_packages_of_its_own_branch():
    choice = choose(Settings(source="distro", branch=470), BOOKWORM, cards(K80))
    assert choice.packages.install == (
        *("nvidia-tesla-470-kernel-dkms=470.*", "libnvidia-tesla-470-cuda1=470.*", "nvidia-tesla-470-smi=470.*"),
        *("libnvidia-tesla-470-cfg1=470.*", "nvidia-persistenced"),
    )


NOBLE = System("ubuntu", "24.04", "noble", like=("debian",))


def test_secure_boot_prefers_modules_that_the_distribution_signed():
    locked = Machine("6.8.0-41-generic", secure_boot=True)
    choice = choose(Settings(), NOBLE, cards(A100), locked)
    assert (choice.source, choice.branch, choice.flavour, choice.signed) == ("distro", 580, "open", True)
    assert "linux-modules-nvidia-580-server-open-6.8.0-41-generic" in choice.packages.install
    assert any("signed" in reason for reason in choice.reasons)
    unlocked = choose(Settings(), NOBLE, cards(A100), Machine("6.8.0-41-generic"))
    assert (unlocked.source, unlocked.signed) == ("vendor", False)
    named = choose(Settings(source="vendor"), NOBLE, cards(A100), locked)
    assert (named.source, named.signed) == ("vendor", False)
    debian = choose(Settings(), BOOKWORM, cards(A100), Machine("6.1.0-40-amd64", secure_boot=True))
    assert (debian.source, debian.signed) == ("vendor", False)  # nobody signs modules for Debian


def test_nvswitches_need_the_fabric_manager_of_the_driver():
    board = Machine("6.1.0-40-amd64", nvswitches=("1af1",))
    assert choose(Settings(), BOOKWORM, cards(A100), board).fabric_manager == ("nvidia-fabricmanager=580.*",)
    assert choose(Settings(), BOOKWORM, cards(A100), Machine("6.1.0-40-amd64")).fabric_manager == ()
    assert "nvlsm" in choose(Settings(), BOOKWORM, cards(B200)).fabric_manager


def test_what_a_user_should_know_of_the_choice():
    (warning,) = choose(Settings(source="distro"), BOOKWORM, cards(A100)).warnings
    assert "535 is end of life since 2026-06-01" in warning
    assert choose(Settings(), BOOKWORM, cards(A100)).warnings == ()


def test_what_was_not_asked_for_has_a_reason():
    assert len(choose(Settings(), BOOKWORM, cards(A100)).reasons) == 2
    assert choose(Settings(branch=580, flavour="open"), BOOKWORM, cards(A100)).reasons == ()
