"""The vendor mirror's stand-in packages are like the vendors': names, versions, what drags in what, scripts."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from labprov.sandbox.mirror import catalogue, docker, driver, libraries, toolkit
from labprov.sandbox.mirror.cuda import Toolkit
from labprov.sandbox.mirror.docker import Release
from labprov.sandbox.mirror.package import STAND_IN, Package, control

MIRROR = Path(docker.__file__).parent
SLOT = b"@LABPROV-VERSION@".ljust(64, b"\0") + b"@LABPROV-CUDA@".ljust(64, b"\0")
PROGRAMS = SimpleNamespace(
    smi=b"smi" + SLOT,
    modprobe=b"modprobe",
    library=b"library" + SLOT,
    modules={(flavour, name): SLOT for flavour in ("open", "proprietary") for name in driver._MODULES},
)
RUNTIME = SimpleNamespace(library=SLOT)
LIBRARIES = SimpleNamespace(cudnn=SLOT, nccl=SLOT)


def every_package() -> dict[str, list[Package]]:
    """Everything in each CUDA repository and the container toolkit's, with programs that were not compiled."""
    found = {}
    for distribution, numbers in catalogue.DRIVERS.items():
        toolkits = [Toolkit(*catalogue.TOOLKITS[name], RUNTIME) for name in catalogue.TOOLKITS_OF[distribution]]
        found[distribution] = [
            *(package for number in numbers for package in driver.Driver(number, PROGRAMS).packages()),
            *(package for item in toolkits for package in item.packages()),
            *libraries.packages(sorted({item.major for item in toolkits}), LIBRARIES),
            *toolkit.packages(catalogue.CONTAINER_TOOLKIT_IN_CUDA),
        ]
    found["toolkit"] = [package for version in catalogue.CONTAINER_TOOLKITS for package in toolkit.packages(version)]
    return found


ALL = every_package()
FLAT = [(place, package) for place, packages in ALL.items() for package in packages]


def depends(package: Package, field: str = "Depends") -> list[str]:
    """The names in a relation: all alternatives, without versions."""
    return re.findall(r"(?:^|[,|]) *([a-z0-9.+-]+)", package.relations.get(field, ""))


def needs(names: dict[str, Package], start: str) -> set[str]:
    """Everything that installing ``start`` brings along from the same repository."""
    found, todo = set(), [start]
    while todo:
        name = todo.pop()
        if name in names and name not in found:
            found.add(name)
            todo += depends(names[name])
    return found


@pytest.mark.parametrize(
    ("debian", "epoch", "upstream"),
    [
        ("26.1.5+dfsg1-9+deb13u1", "5:", "5:26.1.5-1~debian.12~bookworm+labprov1"),
        ("1.7.24~ds1-6+deb13u1", "", "1.7.24-1~debian.12~bookworm+labprov1"),
        ("0.13.1+ds1-3", "", "0.13.1-1~debian.12~bookworm+labprov1"),
    ],
)
def test_docker_versions_look_like_dockers_and_tell_the_real_one(debian, epoch, upstream):
    assert Release("12", "bookworm").version(debian, epoch=epoch) == upstream


def test_docker_packages_exclude_the_distributions_as_upstream_does():
    names = (*docker.FROM_ENGINE, *docker.FROM_SUITE)
    trees = {name: Path("/nowhere") / name for name in names}
    packages = {p.name: p for p in docker.packages(Release("13", "trixie"), trees, dict.fromkeys(names, "2.0-1"))}
    assert set(packages) == {
        "docker-ce",
        "docker-ce-cli",
        "containerd.io",
        "docker-buildx-plugin",
        "docker-compose-plugin",
    }
    assert "docker.io" in depends(packages["docker-ce"], "Conflicts")
    assert {"containerd", "runc"} <= set(depends(packages["containerd.io"], "Conflicts"))
    assert {"containerd.io", "docker-ce-cli", "iptables"} <= set(depends(packages["docker-ce"]))
    assert {"/usr/bin/dockerd", "/usr/bin/docker-init"} <= set(packages["docker-ce"].files)


def test_every_package_is_there_once_and_says_that_it_is_a_stand_in():
    assert len(FLAT) > 100
    for place, packages in ALL.items():
        seen = [(package.name, package.version) for package in packages]
        # cuda itself has one version for each toolkit, as in the vendor's repository
        assert len(set(seen)) == len(seen), place
        assert all(STAND_IN in control(package) for package in packages)


@pytest.mark.parametrize("distribution", catalogue.DRIVERS)
def test_what_a_driver_package_needs_is_in_the_repository_in_its_own_version(distribution):
    packages = {(p.name, p.version): p for p in ALL[distribution]}
    exact = [
        (wanted, version)
        for package in packages.values()
        for wanted, version in re.findall(r"([a-z0-9.+-]+) \(= ([^)]+)\)", package.relations.get("Depends", ""))
    ]
    assert len(exact) > 50
    assert [pair for pair in exact if pair not in packages] == []


@pytest.mark.parametrize("distribution", catalogue.DRIVERS)
@pytest.mark.parametrize(("start", "drags"), [("cuda-toolkit-13-1", False), ("cuda-13-1", True), ("cuda", True)])
def test_only_the_metapackages_drag_a_driver_in(distribution, start, drags):
    names = {package.name: package for package in ALL[distribution]}
    found = needs(names, start)
    assert "cuda-nvcc-13-1" in found or start == "cuda"
    assert any(re.match(r"nvidia-(driver|open|kernel)|libcuda1|cuda-drivers", name) for name in found) is drags


@pytest.mark.parametrize(
    ("start", "kernel"),
    [("nvidia-open", "nvidia-kernel-open-dkms"), ("cuda-drivers", "nvidia-kernel-dkms"), ("nvidia-driver-cuda", None)],
)
def test_driver_metapackages_choose_the_flavour(start, kernel):
    packages = {p.name: p for p in driver.Driver("580.178.04", PROGRAMS).packages()}
    direct = {"nvidia-kernel-open-dkms", "nvidia-kernel-dkms"} & set(depends(packages[start]))
    assert direct == ({kernel} if kernel else set())
    assert "nvidia-kernel-dkms" in depends(packages["nvidia-kernel-open-dkms"], "Conflicts")
    assert "nvidia-kernel-open-dkms" in depends(packages["nvidia-kernel-dkms"], "Conflicts")


def test_driver_version_is_stamped_into_what_it_reports():
    packages = {p.name: p for p in driver.Driver("580.178.04", PROGRAMS).packages()}
    smi = packages["nvidia-driver-cuda"].files["/usr/bin/nvidia-smi"]
    assert smi.mode == 0o755 and b"580.178.04\0" in smi.source and b"13.0\0" in smi.source
    assert packages["nvidia-modprobe"].files["/usr/bin/nvidia-modprobe"].mode == 0o4755
    assert b"580.178.04\0" in packages["nvidia-kernel-dkms"].files["/usr/src/nvidia-580.178.04/nvidia.ko"].source
    assert packages["libcuda1"].files["/usr/lib/x86_64-linux-gnu/libcuda.so.1"].target == "libcuda.so.580.178.04"


def test_every_branch_has_its_newest_cuda():
    branches = {driver.Driver(number, PROGRAMS).branch for numbers in catalogue.DRIVERS.values() for number in numbers}
    assert branches <= set(driver.MAX_CUDA)


def test_pinning_packages_write_one_file_and_exclude_each_other():
    packages = driver.Driver("595.91.07", PROGRAMS).packages()
    pins = {p.name: p for p in packages if p.name.startswith("nvidia-driver-pinning")}
    assert set(pins) == {"nvidia-driver-pinning-595", "nvidia-driver-pinning-595.91.07"}
    texts = {name: p.files["/etc/apt/preferences.d/nvidia-driver-pin"].source.decode() for name, p in pins.items()}
    assert "Pin: version 595.*\nPin-Priority: 1000\n" in texts["nvidia-driver-pinning-595"]
    assert "Pin: version 595.91.07-*\n" in texts["nvidia-driver-pinning-595.91.07"]
    assert all(depends(p, "Conflicts") == ["nvidia-driver-pinning"] for p in pins.values())


@pytest.mark.parametrize(
    ("number", "name"), [("570.211.01", "nvidia-fabricmanager-570"), ("580.178.04", "nvidia-fabricmanager")]
)
def test_fabric_manager_lost_its_branch_at_580(number, name):
    assert name in {package.name for package in driver.Driver(number, PROGRAMS).packages()}


def test_toolkit_alternatives_have_the_vendors_priorities():
    packages = {p.name: p for p in Toolkit(*catalogue.TOOLKITS["12-8"], RUNTIME).packages()}
    script = packages["cuda-toolkit-12-8-config-common"].scripts["postinst"]
    assert "--install /usr/local/cuda cuda /usr/local/cuda-12.8 128" in script
    assert "--install /usr/local/cuda-12 cuda-12 /usr/local/cuda-12.8 128" in script


def test_the_older_container_toolkit_is_older_and_has_no_refresh_units():
    old = {p.name: p for p in toolkit.packages(catalogue.CONTAINER_TOOLKIT_IN_CUDA)}
    new = {p.name: p for p in toolkit.packages(catalogue.CONTAINER_TOOLKITS[-1])}
    unit = "/usr/lib/systemd/system/nvidia-cdi-refresh.path"
    base = "nvidia-container-toolkit-base"
    assert unit in new[base].files and unit not in old[base].files
    compare = ["dpkg", "--compare-versions", old[base].version, "lt", new[base].version]
    assert subprocess.run(compare, check=False).returncode == 0


def scripts() -> list[tuple[str, str]]:
    """Every shell script of the mirror: those in files, and the maintainer scripts that packages carry."""
    files = [p for p in (MIRROR / "files").rglob("*") if p.is_file() and p.read_bytes().startswith(b"#!/bin/sh")]
    maintainer = {text: f"{p.name} {name}" for _, p in FLAT for name, text in p.scripts.items()}
    return [(path.name, path.read_text()) for path in files] + [(name, text) for text, name in maintainer.items()]


@pytest.mark.parametrize(("name", "text"), scripts(), ids=lambda value: value if len(value) < 80 else "")
def test_shell_scripts_are_valid(name, text):
    done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name}: {done.stderr}"
