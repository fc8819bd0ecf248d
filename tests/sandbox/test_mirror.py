"""The vendor mirror as apt and conda see it: signatures, added releases, kernel modules, installers. Needs root."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from labprov.sandbox.mirror import ensure
from labprov.sandbox.mirror.driver import FILES as NVIDIA_FILES
from labprov.sandbox.mirror.package import STAND_IN
from labprov.sandbox.mirror.signing import ensure_key
from labprov.sandbox.places import CACHE

REPOSITORIES = {
    "docker bookworm": ("docker/linux/debian", "bookworm stable", "docker-ce", "~debian.12~bookworm+labprov1"),
    "docker trixie": ("docker/linux/debian", "trixie stable", "docker-ce", "~debian.13~trixie+labprov1"),
    "cuda debian12": ("cuda/repos/debian12/x86_64/", "/", "nvidia-open", "595.91.07-1"),
    "cuda debian13": ("cuda/repos/debian13/x86_64/", "/", "cuda-toolkit-13-2", "13.2.1-1"),
    "container toolkit": ("libnvidia-container/stable/deb/$(ARCH)", "/", "nvidia-container-toolkit", "1.20.0-1"),
}
ANY = pytest.mark.parametrize("place", REPOSITORIES)


@dataclass
class Apt:
    """apt with nothing but one repository, in a folder of its own."""

    folder: Path

    def update(self, root: Path, path: str, suite: str, key: Path) -> subprocess.CompletedProcess[str]:
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        key_copy = self.folder / "key.asc"
        shutil.copy(key, key_copy)
        (self.folder / "x.list").write_text(f"deb [signed-by={key_copy}] copy:{root}/{path} {suite}\n")
        return self.run("apt-get", "update")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "Dir::State": self.folder,
            "Dir::State::lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::sourcelist": self.folder / "x.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Sandbox::User": "root",
            "APT::Architecture": "amd64",
        }
        options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        return subprocess.run([program, *options, *arguments], capture_output=True, text=True, check=False)

    def candidate(self, package: str) -> str:
        found = re.search(r"Candidate: (\S+)", self.run("apt-cache", "policy", package).stdout)
        return found[1] if found else ""


@pytest.fixture
def apt(tmp_path) -> Apt:
    return Apt(tmp_path / "apt")


def test_it_is_built_once(mirror):
    begun = time.monotonic()
    assert ensure(CACHE / "mirror", pytest.fail).root == mirror.root
    assert time.monotonic() - begun < 5, "building takes a minute"


@ANY
def test_apt_accepts_the_signature(mirror, apt, place):
    path, suite, package, version = REPOSITORIES[place]
    done = apt.update(mirror.root, path, suite, mirror.root / "libnvidia-container/gpgkey")
    assert (done.returncode, done.stderr) == (0, "")
    assert apt.candidate(package).endswith(version)


@ANY
def test_apt_refuses_another_key(mirror, apt, tmp_path, place):
    path, suite, package, _ = REPOSITORIES[place]
    other = ensure_key(tmp_path / "other")
    assert other.fingerprint != mirror.fingerprint
    done = apt.update(mirror.root, path, suite, other.public)
    assert done.returncode != 0 and f"NO_PUBKEY {mirror.fingerprint[-16:]}" in done.stderr
    assert apt.candidate(package) == ""


def test_apt_refuses_an_index_that_was_changed(mirror, apt, tmp_path):
    changed = mirror.copy(tmp_path / "changed")
    path, suite, package, _ = REPOSITORIES["container toolkit"]
    for name in ("Packages", "Packages.gz"):
        index = changed.root / "libnvidia-container/stable/deb/amd64" / name
        data = bytes(reversed(index.read_bytes()))
        index.unlink()  # a hard link to the cache's own
        index.write_bytes(data)
    done = apt.update(changed.root, path, suite, mirror.key.public)
    assert done.returncode != 0 and re.search("Hash Sum mismatch|unexpected size", done.stderr)
    assert apt.candidate(package) == ""


def test_nodes_of_both_releases_accept_it_and_refuse_another_key(mirror, sandbox, ssh, tmp_path):
    other = ensure_key(tmp_path / "other").public.read_text()
    for node, distribution in (("deb12", "debian12"), ("deb13", "debian13")):
        url = f"{sandbox.mirror_url}/cuda/repos/{distribution}/x86_64/"
        for key, wanted in ((mirror.key.public.read_text(), True), (other, False)):
            ssh(sandbox, node, "sudo tee /etc/apt/keyrings/try.asc >/dev/null", stdin=key)
            line = f"deb [signed-by=/etc/apt/keyrings/try.asc] {url} /"
            options = (
                "-o Dir::Etc::sourcelist=/tmp/try.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=/tmp/try"
            )
            ssh(sandbox, node, f"echo '{line}' | sudo tee /tmp/try.list >/dev/null")
            ssh(sandbox, node, "sudo rm -rf /tmp/try; sudo mkdir -p /tmp/try/partial")  # nothing to fall back on
            done = ssh(sandbox, node, f"sudo apt-get update -q {options}", check=False)
            assert (done.returncode == 0) is wanted, f"{node}: {done.stdout}{done.stderr}"
        ssh(sandbox, node, "sudo rm -rf /tmp/try /tmp/try.list /etc/apt/keyrings/try.asc")


def test_nobody_can_take_a_package_for_the_real_one(mirror):
    indexes = list(mirror.root.rglob("Packages"))
    stanzas = [text for index in indexes for text in index.read_text().split("\n\n")]
    assert len(indexes) == 5 and len(stanzas) > 100
    assert [text.splitlines()[0] for text in stanzas if STAND_IN not in text] == []


def test_every_key_file_is_the_mirrors_key_and_the_label_is_what_pins_look_for(mirror):
    keys = ["docker/linux/debian/gpg", "libnvidia-container/gpgkey"]
    keys += ["cuda/repos/debian12/x86_64/3bf863cc.pub", "cuda/repos/debian13/x86_64/8793F200.pub"]
    for name in keys:
        shown = subprocess.run(
            ["gpg", "--show-keys", "--with-colons", mirror.root / name], capture_output=True, text=True, check=True
        )
        assert f":{mirror.fingerprint}:" in shown.stdout, name
    assert "\nLabel: NVIDIA CUDA\n" in (mirror.root / "cuda/repos/debian12/x86_64/Release").read_text()


def test_a_release_can_be_added_to_a_copy(mirror, apt, tmp_path):
    path, suite, _, _ = REPOSITORIES["cuda debian12"]
    before = hashlib.sha256((mirror.root / path / "Packages").read_bytes()).hexdigest()
    copied = mirror.copy(tmp_path / "copy")
    copied.add_release("cuda", "debian12", ["595.99.01"])
    copied.add_release("nvidia_container_toolkit", "", ["1.21.0-1"])
    assert apt.update(copied.root, path, suite, mirror.key.public).returncode == 0
    assert apt.candidate("nvidia-open") == "595.99.01-1"
    listed = apt.run("apt-cache", "madison", "nvidia-open").stdout
    assert "595.91.07-1" in listed and "570.211.01-1" in listed
    assert hashlib.sha256((mirror.root / path / "Packages").read_bytes()).hexdigest() == before
    assert (copied.root / "libnvidia-container/stable/deb/amd64/nvidia-container-toolkit_1.21.0-1_amd64.deb").exists()
    assert not list(mirror.root.rglob("*1.21.0-1*"))


def test_a_killed_build_is_not_mistaken_for_a_mirror(tmp_path):
    script = (
        f"from pathlib import Path; from labprov.sandbox.mirror import ensure; ensure(Path({str(tmp_path)!r}), print)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".mirror-*/*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(tmp_path.glob(".mirror-*")), "the build was killed before it began"
    assert [path.name for path in tmp_path.glob("mirror-*/")] == ["mirror-key"]


def test_no_agent_keeps_the_secret_key(mirror):
    del mirror
    running = subprocess.run(["pgrep", "-fa", "gpg-agent.*labprov-gpg-"], capture_output=True, text=True, check=False)
    assert running.stdout == ""


def test_kernel_modules_of_both_flavours_say_what_they_are(mirror, tmp_path):
    licences = {}
    for flavour in ("nvidia-kernel-open-dkms", "nvidia-kernel-dkms"):
        deb = mirror.root / f"cuda/repos/debian13/x86_64/{flavour}_595.91.07-1_amd64.deb"
        subprocess.run(["dpkg-deb", "-x", deb, tmp_path / flavour], check=True)
        module = (tmp_path / flavour / "usr/src/nvidia-595.91.07/nvidia.ko").read_bytes()
        licences[flavour] = re.search(rb"\0license=([^\0]+)\0", b"\0" + module)[1].decode()
        assert b"\0version=595.91.07\0" in module and b"@" * 100 in module
    assert licences == {"nvidia-kernel-open-dkms": "Dual MIT/GPL", "nvidia-kernel-dkms": "NVIDIA"}
    assert (NVIDIA_FILES / "labprov-dkms").read_text().count("@\\{100\\}") == 1


def test_installer_installs_updates_and_refuses_what_is_there(mirror, tmp_path):
    folder, prefix = mirror.root / "miniconda", tmp_path / "conda"

    def install(version: str, *options: str) -> subprocess.CompletedProcess[str]:
        script = folder / f"Miniconda3-{version}-Linux-x86_64.sh"
        command = ["sh", script, "-b", *options, "-p", prefix]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def version() -> str:
        return subprocess.run([prefix / "bin/conda", "--version"], capture_output=True, text=True, check=True).stdout

    assert install("py313_26.5.3-2").returncode == 0 and version() == "conda 26.5.3\n"
    again = install("py313_26.7.1-1")
    assert again.returncode == 1 and "use the -u option" in again.stderr and version() == "conda 26.5.3\n"
    (prefix / "envs/kept").mkdir()
    assert install("py313_26.7.1-1", "-u").returncode == 0 and version() == "conda 26.7.1\n"
    assert (prefix / "envs/kept").is_dir() and len(list((prefix / "conda-meta").glob("conda-2*.json"))) == 1
    told = mirror.role_settings("http://x")["miniconda"]
    data = (folder / f"Miniconda3-{told['version']}-Linux-x86_64.sh").read_bytes()
    assert hashlib.sha256(data).hexdigest() == told["sha256"]


def test_conda_solves_links_and_runs_from_the_channel(mirror, tmp_path):
    prefix, home = tmp_path / "conda", tmp_path / "home"
    installer = mirror.root / "miniforge/26.3.2-3/Miniforge3-26.3.2-3-Linux-x86_64.sh"
    subprocess.run(["sh", installer, "-b", "-p", prefix], check=True, capture_output=True)
    home.mkdir()
    (home / ".condarc").write_text(f"channel_alias: file://{mirror.root}/conda\n")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home)}

    def conda(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [prefix / "bin/conda", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    made = conda("create", "-y", "-n", "x", "python=3.11", "hello-lab<1.1")
    assert made.returncode == 0, made.stderr
    assert conda("run", "-n", "x", "hello-lab").stdout == "hello from the sandbox's channel\n"
    where = conda(
        "run", "-n", "x", "python", "-c", "import sys, ssl, hello_lab; print(sys.prefix, hello_lab.__version__)"
    )
    assert where.stdout == f"{prefix}/envs/x 1.0.0\n"
    missing = conda("create", "-y", "-n", "y", "no-such-package")
    assert missing.returncode == 1 and "PackagesNotFoundError" in missing.stderr
    assert "SIMULATION" in conda("info").stdout
