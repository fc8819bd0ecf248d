"""Golden decisions: cards, systems and wishes to branch, modules and CUDA, each with the source that justifies it."""

from datetime import date

import pytest

from labprov.compat import cards, tables
from labprov.compat.answer import Decision, Refusal
from labprov.compat.request import Policy, Request, Wishes
from labprov.compat.resolve import resolve

TABLES = tables.load()
TODAY = date(2026, 11, 22)

# Sources of the rows below
LAST_580 = "CUDA Toolkit, Driver, and Architecture Matrix: R580 is the last branch for Maxwell, Pascal and Volta"
LAST_470 = "the same matrix: R470 is the last branch for Kepler; its life ended 2024-07-20"
LTSB = "NVIDIA's datacenter page, 2026-11: R580 (LTSB, to June 2028) drives everything from Maxwell to Blackwell"
BLACKWELL = (
    "NVIDIA, 'transitions fully towards open-source GPU kernel modules': Blackwell needs the open modules; R570+"
)
MIXED = "follows from LAST_580: R580 proprietary drives pre-Turing and newer cards at once"
DEBIAN_13 = "NVIDIA's debian13 repository starts at 590 (rex-gpu, 2026-09-23); Debian itself has 550.163.01"
UBUNTU_26 = "NVIDIA's ubuntu2604 repository starts at 595; Ubuntu has nvidia-driver-580-server (install documents 2026)"
RN_13 = "CUDA 13.0 release notes: removed Maxwell, Pascal, Volta; table 3: came with 580.65.06"
RN_132 = "CUDA 13.2 Update 2 release notes, tables 2 and 3"
TORCH = "pytorch/test-infra build matrix; wheel METADATA on PyPI"


def ask(names, system, **more):
    wishes = Wishes(**{key: more.pop(key) for key in list(more) if key in Wishes.__dataclass_fields__})
    found = tuple(cards.find(name, TABLES) for name in names)
    end_of_life = more.pop("end_of_life", False)
    return resolve(Request(found, system, Policy(TODAY, allow_end_of_life=end_of_life), wishes=wishes, **more), TABLES)


DECISIONS = [
    # cards, system, wishes, source, branch, modules, toolkits, why
    (["P100"], "debian12", {}, "vendor", 580, "proprietary", "12.9", LAST_580),
    (["GTX 1080 Ti"], "ubuntu2404", {}, "vendor", 580, "proprietary", "12.9", LAST_580),
    (["V100"], "rhel9", {}, "vendor", 580, "proprietary", "12.9", LAST_580),
    (["T4"], "debian12", {}, "vendor", 580, "open", "12.9", LTSB),
    (["RTX 2080 Ti"], "ubuntu2204", {}, "vendor", 580, "open", "12.9", LTSB),
    (["A100"], "debian12", {}, "vendor", 580, "open", "12.9", LTSB),
    (["RTX 3090"], "rhel8", {}, "vendor", 580, "open", "12.9", LTSB),
    (["RTX 4090"], "ubuntu2404", {}, "vendor", 580, "open", "12.9", LTSB),
    (["L40S"], "rhel10", {}, "vendor", 580, "open", "13.0", LTSB + "; rhel10 has no toolkit before 13.0"),
    (["H100"], "ubuntu2404", {}, "vendor", 580, "open", "12.9", LTSB),
    (["RTX 5090"], "debian12", {}, "vendor", 580, "open", "12.9", BLACKWELL),
    (["B200"], "ubuntu2404", {}, "vendor", 580, "open", "12.9", BLACKWELL),
    (["A100"], "debian13", {}, "vendor", 595, "open", "13.2", DEBIAN_13),
    (["RTX 5090"], "debian13", {}, "vendor", 595, "open", "13.2", DEBIAN_13),
    (["A100"], "ubuntu2604", {}, "vendor", 595, "open", "13.2", UBUNTU_26),
    (["P100"], "ubuntu2604", {}, "distro", 580, "proprietary", "", UBUNTU_26 + "; its toolkits start at 13.2"),
    (["P100"], "debian13", {"source": "distro"}, "distro", 550, "proprietary", "", DEBIAN_13),
    (["K80"], "debian12", {"source": "distro", "branch": 470}, "distro", 470, "proprietary", "", LAST_470),
    (["K80"], "debian12", {"end_of_life": True}, "distro", 470, "proprietary", "", LAST_470),
    (["P100", "A100"], "debian12", {}, "vendor", 580, "proprietary", "12.9", MIXED),
    (["V100", "RTX 4090"], "rhel8", {}, "vendor", 580, "proprietary", "12.9", MIXED),
    (["GH200"], "debian12", {"machine": "aarch64"}, "vendor", 595, "open", "13.2", "debian12 sbsa: 590..615 (rex-gpu)"),
    (["A100"], "debian12", {"branch": 555}, "vendor", 555, "proprietary", "12.5", "open by default from R560 on"),
    (["A100"], "debian12", {"branch": 560}, "vendor", 560, "open", "12.6", "open by default from R560 on"),
    # a toolkit is asked for
    (["A100"], "ubuntu2204", {"cuda": ("11.8",)}, "vendor", 580, "open", "11.8", "a newer driver runs older toolkits"),
    (["P100"], "rhel9", {"cuda": ("11.8", "12.4")}, "vendor", 580, "proprietary", "11.8 12.4", RN_132),
    (["A100"], "debian12", {"cuda": ("12.4",)}, "vendor", 580, "open", "12.4", RN_132),
    (["RTX 5090"], "ubuntu2404", {"cuda": ("12.8",)}, "vendor", 580, "open", "12.8", RN_132 + "; first with 12.0"),
    (["A100"], "debian12", {"cuda": ("13.0",)}, "vendor", 580, "open", "13.0", RN_13),
    (["A100"], "debian12", {"cuda": ("13.2",)}, "vendor", 595, "open", "13.2", "R595 where CUDA 13.2's features count"),
    (["P100", "A100"], "debian12", {"cuda": ("13.0",)}, "vendor", 580, "proprietary", "13.0", RN_13 + "; for the A100"),
    (["A100"], "rhel8", {"branch": 535, "cuda": ("12.8",)}, "vendor", 535, "proprietary", "12.8", RN_132 + ": >= 525"),
    (["A100"], "rhel8", {"branch": 535, "cuda": ("13.0",)}, "vendor", 535, "proprietary", "13.0", "cuda-compat-13-0"),
    # a framework is asked for
    (["A100"], "debian12", {"torch": "2.5"}, "vendor", 580, "open", "12.9", TORCH),
    (["P100"], "debian12", {"torch": "2.14"}, "vendor", 580, "proprietary", "12.9", TORCH),
    (["RTX 5090"], "debian12", {"torch": "2.14"}, "vendor", 580, "open", "12.9", TORCH),
    (["T4"], "debian12", {"tensorflow": "2.21"}, "vendor", 580, "open", "12.9", "tensorflow.org: CUDA 12.5"),
]


@pytest.mark.parametrize(("names", "system", "asked", "source", "branch", "modules", "toolkits", "why"), DECISIONS)
def test_decisions(names, system, asked, source, branch, modules, toolkits, why):
    answer = ask(names, system, **asked)
    assert isinstance(answer, Decision), answer
    found = (answer.source, answer.branch, answer.flavour, " ".join(chosen.version for chosen in answer.cuda))
    assert found == (source, branch, modules, toolkits), why


REFUSALS = [
    (
        ["K80"],
        "debian12",
        {},
        r"580 dropped Tesla K80 \(kepler\), which needs 470",
        r"source: distro .*470.*end of life",
    ),
    (["K80"], "ubuntu2404", {}, r"needs 470 or older", r"on Debian 12: .*470"),
    (["P100"], "debian13", {}, r"595 dropped Tesla P100.*needs 580 or older.*starts at 590", r"source: distro .*550"),
    (["GTX 1080 Ti", "RTX 5090"], "debian12", {}, r"no kernel module drives both .*1080 Ti.* and .*5090", r"server"),
    (["K80", "RTX 4090"], "ubuntu2404", {}, r"no driver branch drives both Tesla K80 .* and .*4090", r"4090.*580"),
    (["RTX 5090"], "debian12", {"source": "distro"}, r"535 is too old for .*5090.*needs 570", r"source: vendor"),
    (["B200"], "debian13", {"source": "distro"}, r"550 is too old for NVIDIA B200", r"source: vendor"),
    (["P100"], "debian12", {"cuda": ("13.0",)}, r"CUDA 13\.0 cannot build for Tesla P100.*12\.9 is the last", r"12\.9"),
    (["A100"], "debian12", {"cuda": ("11.8",)}, r"has no CUDA 11\.8: it starts at 12\.3", r"CUDA 12\.3"),
    (["A100"], "debian12", {"cuda": ("12.7",)}, r"there is no CUDA 12\.7", r"CUDA 12\.8"),
    (["A100"], "debian12", {"cuda": ("14.0",)}, r"14\.0 is not in the tables, whose newest is 13\.5", r"CUDA 13"),
    (["RTX 3090"], "rhel8", {"branch": 535, "cuda": ("13.0",)}, r"13\.0 does not run on .* 535", r"branch: 580"),
    (["RTX 3090"], "debian12", {"branch": 575, "cuda": ("13.0",)}, r"13\.0 does not run on .* 575", r"branch: 580"),
    (["RTX 5090"], "debian12", {"torch": "2.5"}, r"no wheel of torch 2\.5\.1 works.*up to 9\.0", r"torch 2\.7"),
    (["A100"], "debian12", {"torch": "9.9"}, r"torch 9\.9 is not in the tables", r"torch 2\.15"),
    (["A100"], "debian12", {"branch": 617}, r"no driver branch 617 in the tables", r"branch: 580"),
    (["A100"], "debian13", {"branch": 580}, r"Debian 13 has no driver branch 580: it starts at 590", r"branch: 595"),
    (["P100"], "debian12", {"flavour": "open"}, r"flavour open does not fit .*older than Turing", r"flavour: prop"),
    (["RTX 5090"], "debian12", {"flavour": "proprietary"}, r"flavour proprietary does not fit", r"flavour: open"),
    (["A100"], "debian12", {"branch": 615, "flavour": "proprietary"}, r"615 has no proprietary", r"flavour: open"),
    (["A100"], "ubuntu2204", {"branch": 610}, r"610.*dkms 3\.1\.8, Ubuntu 22\.04 has 2\.8\.7", r"branch: 580"),
    (
        ["A100"],
        "rhel9",
        {"source": "distro"},
        r"no NVIDIA driver is known for rhel9 .*source distro",
        r"source: vendor",
    ),
    (["A100"], "slackware15", {}, r"no NVIDIA driver is known for slackware15; known: debian12", r"Debian 12"),
    (["A100"], "debian13", {"machine": "riscv64"}, r"debian13 on riscv64", r""),
    (
        ["P100"],
        "debian13",
        {"source": "distro", "kernel": "7.3.4+deb13-amd64"},
        r"up to Linux 6\.15 only.*7\.3\.4",
        r"",
    ),
    (
        ["A100"],
        "debian12",
        {"branch": 590, "version": "590.48.01", "flavour": "open", "cuda": ("13.2", "12.7")},
        r"12\.7",
        r"",
    ),
]


@pytest.mark.parametrize(("names", "system", "asked", "reason", "nearest"), REFUSALS)
def test_refusals(names, system, asked, reason, nearest):
    import re

    answer = ask(names, system, **asked)
    assert isinstance(answer, Refusal), answer
    assert re.search(reason, answer.reason)
    assert re.search(nearest, " or ".join(answer.nearest)), answer.nearest


@pytest.mark.parametrize(
    ("names", "release", "cuda", "install"),
    [
        (["A100"], "2.5", "12.4", "pip install torch==2.5.1"),
        (["A100"], "2.14", "13.0", "pip install torch==2.14.1"),
        (["RTX 5090"], "2.14", "13.0", "pip install torch==2.14.1"),
        # plain `pip install torch` has been CUDA 13 since 2.11, which has no code for Pascal
        (["P100"], "2.14", "12.6", "pip install torch==2.14.1 --index-url https://download.pytorch.org/whl/cu126"),
        (["P100", "A100"], "2.14", "12.6", "whl/cu126"),
        (["RTX 5090"], "2.7", "12.8", "pip install torch==2.7.1 --index-url https://download.pytorch.org/whl/cu128"),
    ],
)
def test_wheels(names, release, cuda, install):
    answer = ask(names, "debian12", torch=release)
    assert isinstance(answer, Decision)
    (wheel,) = answer.frameworks
    assert wheel.cuda == cuda and install in wheel.install


def test_a_wheel_for_an_old_driver_is_of_an_older_cuda():
    answer = ask(["A100"], "rhel8", branch=535, torch="2.14")
    assert isinstance(answer, Decision) and answer.frameworks[0].cuda == "12.6"


@pytest.mark.parametrize(
    ("names", "asked", "warning"),
    [
        (["A100"], {"branch": 610}, r"610 is end of life since 2026-08-31"),
        (["A100"], {"branch": 610}, r"dkms 3\.1\.8"),
        (["A100"], {"branch": 615}, r"615 is uncertain"),
        (["A100"], {"branch": 615}, r"from 610 to 615 can hang"),
        (["A100"], {"branch": 620}, r"620 was not seen in NVIDIA's repository for Debian 12"),
        (["A100"], {"branch": 580, "cuda": ("13.2",)}, r"13\.2 came with driver branch 595: .*minor-version"),
        (["A100"], {"source": "distro", "cuda": ("13.0",)}, r"forward compatibility only: cuda-compat-13-0"),
        (["RTX 5090"], {"cuda": ("12.4",)}, r"12\.4 has no machine code for .*5090: PTX"),
        (["P100", "A100"], {"cuda": ("13.0",)}, r"13\.0 does not build for Tesla P100.*; 12\.9 is the last"),
        (["1dc1"], {}, r"not in NVIDIA's own lists"),
        (["RTX 4090"], {"branch": 550, "flavour": "open"}, r"open modules of branch 550 are experimental for .*4090"),
        (["A100"], {"secure_boot": True}, r"Secure Boot: .*enrolled at the console"),
        (["A100"], {"torch": "2.15"}, r"torch 2\.15\.0's wheels is uncertain"),
    ],
)
def test_warnings(names, asked, warning):
    import re

    answer = ask(names, "debian12", **asked)
    assert isinstance(answer, Decision), answer
    assert [text for text in answer.warnings if re.search(warning, text)], answer.warnings


@pytest.mark.parametrize(
    ("today", "warning"),
    [
        (date(2026, 12, 23), None),
        (date(2026, 12, 24), "90 days"),
        (date(2027, 3, 23), "1 days"),
        (date(2027, 3, 24), "since"),
    ],
)
def test_an_end_of_life_is_announced_90_days_before(today, warning):
    found = (cards.find("A100", TABLES),)
    answer = resolve(Request(found, "debian13", Policy(today), wishes=Wishes(branch=595)), TABLES)
    assert isinstance(answer, Decision)
    assert [warning in text for text in answer.warnings if "end of life" in text] == ([True] if warning else [])


@pytest.mark.parametrize(("today", "branch"), [(date(2027, 3, 23), 595), (date(2027, 3, 24), 620)])
def test_a_branch_is_not_chosen_from_the_day_of_its_end(today, branch):
    cards_ = (cards.find("A100", TABLES),)
    answer = resolve(Request(cards_, "debian13", Policy(today)), TABLES)
    assert isinstance(answer, Decision) and answer.branch == branch
    still = resolve(Request(cards_, "debian13", Policy(today, chosen_on=TODAY)), TABLES)
    assert isinstance(still, Decision) and still.branch == 595
    assert any("end of life" in text for text in still.warnings)


def test_the_plainest_decision_has_no_warning():
    answer = ask(["A100"], "debian12")
    assert isinstance(answer, Decision) and answer.warnings == ()


@pytest.mark.parametrize(
    ("names", "asked", "packages"),
    [
        (["A100"], {}, ()),
        (["A100"], {"nvswitches": True}, ("nvidia-fabricmanager=580.*",)),
        (["B200"], {}, ("nvidia-fabricmanager=580.*", "nvlsm", "infiniband-diags", "libibumad3")),
        (["A100"], {"nvswitches": True, "version": "580.95.05"}, ("nvidia-fabricmanager=580.95.05-*",)),
    ],
)
def test_the_fabric_manager_goes_with_nvswitches(names, asked, packages):
    answer = ask(names, "debian12", **asked)
    assert isinstance(answer, Decision) and answer.fabric_manager == packages


def test_secure_boot_prefers_signed_modules():
    answer = ask(["A100"], "ubuntu2404", secure_boot=True, kernel="6.8.0-41-generic")
    assert isinstance(answer, Decision)
    assert (answer.source, answer.branch) == ("distro", 580)
    assert "linux-modules-nvidia-580-server-open-6.8.0-41-generic" in answer.packages.install


def test_the_newest_branch_on_wish():
    request = Request((cards.find("A100", TABLES),), "debian12", Policy(TODAY, "newest"))
    answer = resolve(request, TABLES)
    assert isinstance(answer, Decision) and answer.branch == 620 and answer.flavour == "open"


def test_every_choice_has_a_reason_and_says_what_was_ruled_out():
    answer = ask(["P100"], "debian12")
    assert isinstance(answer, Decision)
    assert all(choice.reasons for choice in answer.choices if choice.subject != "packages")
    branch = next(choice for choice in answer.choices if choice.subject == "driver branch")
    whys = {entry.what.split()[0]: entry.why for entry in branch.ruled_out}
    assert "dropped Tesla P100" in whys["595"] and "end of life since 2026-01-27" in whys["570"]
    assert any("the last one that drives Tesla P100" in reason for reason in branch.reasons)
