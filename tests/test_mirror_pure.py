"""The vendor mirror's parts that need no host: packages as text, indexes, versions, what drags in what. No root."""

import gzip
import hashlib
import re
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from labprov.mirrors import Mirrors
from labprov.sandbox.mirror import Mirror, cache, catalogue, docker, driver, libraries, repository, toolkit
from labprov.sandbox.mirror.compiled import stamp
from labprov.sandbox.mirror.cuda import Toolkit
from labprov.sandbox.mirror.docker import Release
from labprov.sandbox.mirror.package import STAND_IN, File, Package, build, control, stanza
from labprov.sandbox.mirror.repository import release_text
from labprov.sandbox.mirror.scripts import with_units
from labprov.sandbox.mirror.signing import Key

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


def test_control_file_is_in_debians_order_and_says_what_it_is():
    package = Package("tool", "1:2-3", "Does things", {"Depends": "libc6", "Conflicts": ""}, architecture="all")
    assert control(package).splitlines() == [
        "Package: tool",
        "Version: 1:2-3",
        "Architecture: all",
        "Maintainer: labprov sandbox <sandbox@labprov.invalid>",
        "Section: admin",
        "Priority: optional",
        "Depends: libc6",
        "Description: Does things",
        f" {STAND_IN}",
    ]
    assert package.file_name == "tool_2-3_all.deb"


def test_index_stanza_has_the_files_size_and_checksum(tmp_path):
    deb = tmp_path / "tool_1_amd64.deb"
    deb.write_bytes(b"not really")
    lines = stanza(Package("tool", "1", "Does things"), deb, "./tool_1_amd64.deb").splitlines()
    assert lines[-3:] == [
        "Filename: ./tool_1_amd64.deb",
        "Size: 10",
        f"SHA256: {hashlib.sha256(b'not really').hexdigest()}",
    ]


def test_release_file_lists_its_files_and_a_date_in_utc():
    date = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    text = release_text({"Origin": "NVIDIA", "Label": "NVIDIA CUDA"}, {"Packages": b"abc"}, date)
    assert text == (
        "Origin: NVIDIA\nLabel: NVIDIA CUDA\nDate: Sun, 01 Mar 2026 10:00:00 GMT\nSHA256:\n"
        " ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3 Packages\n"
    )


def test_adding_to_an_index_replaces_the_same_version_and_keeps_others(tmp_path, monkeypatch):
    monkeypatch.setattr(repository, "sign_release", lambda home, release: None)
    flat = repository.Repository(tmp_path, {"Label": "x"})
    for version, content in (("1", b"a"), ("2", b"b"), ("2", b"bb")):
        deb = tmp_path / f"tool_{version}_amd64.deb"
        deb.write_bytes(content)
        repository.add(flat, [(Package("tool", version, "t"), deb)], tmp_path)
    text = (tmp_path / "Packages").read_text()
    assert re.findall(r"^(?:Version|Size): (.*)$", text, re.M) == ["1", "1", "2", "2"]
    assert gzip.decompress((tmp_path / "Packages.gz").read_bytes()).decode() == text
    assert hashlib.sha256(text.encode()).hexdigest() in (tmp_path / "Release").read_text()
    assert text.count("\n\n") == 1 and text.endswith("\n")


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


def test_stamp_needs_a_placeholder_and_room():
    assert stamp(b"a@LABPROV-VERSION@" + b"\0" * 4 + b"z", {"VERSION": "1.2"}) == b"a1.2" + b"\0" * 18 + b"z"
    with pytest.raises(ValueError, match="no room"):
        stamp(b"nothing here", {"VERSION": "1.2"})
    with pytest.raises(ValueError, match="no room"):
        stamp(b"@LABPROV-VERSION@\0z", {"VERSION": "x" * 18})


def scripts() -> list[tuple[str, str]]:
    """Every shell script of the mirror: those in files, and the maintainer scripts that packages carry."""
    files = [p for p in (MIRROR / "files").rglob("*") if p.is_file() and p.read_bytes().startswith(b"#!/bin/sh")]
    maintainer = {text: f"{p.name} {name}" for _, p in FLAT for name, text in p.scripts.items()}
    return [(path.name, path.read_text()) for path in files] + [(name, text) for text, name in maintainer.items()]


@pytest.mark.parametrize(("name", "text"), scripts(), ids=lambda value: value if len(value) < 80 else "")
def test_shell_scripts_are_valid(name, text):
    done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name}: {done.stderr}"


def test_units_are_started_at_installation_and_stopped_at_removal():
    found = with_units(["a.service", "b.path"], {"postinst": "echo first\n"})
    assert found["postinst"].index("echo first") < found["postinst"].index("for unit in a.service b.path; do")
    assert "deb-systemd-invoke stop a.service b.path" in found["prerm"]
    assert set(found) == {"postinst", "prerm", "postrm"}


def test_settings_have_the_vendors_tails_and_fit_the_inventory():
    mirror = Mirror(Path("/nowhere"), Key(Path("/s"), Path("/p"), "A" * 40))
    found = mirror.settings("http://10.0.0.1:8000/")
    assert {name: value["url"] for name, value in found.items()} == {
        "docker": "http://10.0.0.1:8000/docker",
        "cuda": "http://10.0.0.1:8000/cuda/repos",
        "nvidia_container_toolkit": "http://10.0.0.1:8000/libnvidia-container",
        "miniconda": "http://10.0.0.1:8000/miniconda",
        "miniforge": "http://10.0.0.1:8000/miniforge",
        "conda": "http://10.0.0.1:8000/conda",
        "pytorch": "http://10.0.0.1:8000/pytorch",
    }
    signed = {name for name, value in found.items() if value.get("fingerprint") == "A" * 40}
    assert signed == {"docker", "cuda", "nvidia_container_toolkit"}
    assert Mirrors(**found).cuda.fingerprint == "A" * 40


def test_a_build_that_fails_leaves_nothing_that_counts(tmp_path, monkeypatch):
    key = Key(tmp_path / "s", tmp_path / "p", "A" * 40)
    monkeypatch.setattr(cache, "ensure_key", lambda folder: key)
    monkeypatch.setattr(cache.requirements, "ensure", lambda say: None)

    def broken(root, key, say):
        (root / "half").write_text("x")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "build_mirror", broken)
    with pytest.raises(KeyboardInterrupt):
        cache.ensure(tmp_path, print)
    assert not list(tmp_path.glob("mirror-*/"))
    calls = []
    monkeypatch.setattr(cache, "build_mirror", lambda root, key, say: calls.append(sorted(root.parent.rglob("*"))))
    assert cache.ensure(tmp_path, print).root.is_dir()
    assert cache.ensure(tmp_path, print).root.is_dir()
    assert calls == [[calls[0][0]]] and calls[0][0].name == "root", (
        "built once, in a folder without the first try's half"
    )


def test_the_recipe_follows_the_files(tmp_path, monkeypatch):
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a").write_text("1")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    first = cache.recipe()
    assert cache.recipe() == first
    (tmp_path / "files/a").write_text("2")
    assert cache.recipe() != first


def test_a_copy_shares_nothing_that_is_written_to(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/Packages").write_text("old")
    copied = Mirror(tmp_path / "one", Key(Path("/s"), Path("/p"), "A" * 40)).copy(tmp_path / "two")
    assert (copied.root / "Packages").stat().st_ino == (tmp_path / "one/Packages").stat().st_ino
    repository.replace(copied.root / "Packages", b"new")
    assert (tmp_path / "one/Packages").read_text() == "old"


def test_file_modes_are_kept(tmp_path):
    if not Path("/usr/bin/dpkg-deb").exists():
        pytest.skip("needs dpkg-deb")
    files = {"/usr/bin/x": File(b"#!/bin/sh\n", 0o4755), "/etc/x.conf": File(b"a\n")}
    deb = build(Package("x", "1:1-1", "x", files=files, scripts={"postinst": "#!/bin/sh\n"}), tmp_path)
    listed = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^-rwsr-xr-x root/root .* ./usr/bin/x$", listed, re.M)
    fields = subprocess.run(["dpkg-deb", "-I", deb], capture_output=True, text=True, check=True).stdout
    assert "conffiles" in fields and "postinst" in fields and STAND_IN in fields
    assert [path.name for path in tmp_path.iterdir()] == ["x_1-1_amd64.deb"]
