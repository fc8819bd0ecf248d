"""How a driver came onto a host: what its files and packages say."""

from __future__ import annotations

import re
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from pyinfra.context import ctx_host

from labprov_roles.nvidia_driver.facts_packages import DriverPackages, Installation, Installations, installed_drivers


def test_installations_are_told_apart_by_maintainer():
    output = [
        "ii  libcuda1 595-1 Debian NVIDIA Maintainers <pkg-nvidia-devel@lists.alioth.debian.org>",
        "ii  nvidia-driver-cuda 595-1 NVIDIA CORPORATION <cudatools@nvidia.com>",
        "rc  nvidia-smi 595-1 Debian NVIDIA Maintainers <pkg-nvidia-devel@lists.alioth.debian.org>",
        "un  nvidia-open  ",
        "iF  nvidia-kernel-dkms 595-1 Ubuntu Core Developers <ubuntu-devel-discuss@lists.ubuntu.com>",
    ]
    traces = Installations().process(["ours", "file /usr/bin/nvidia-uninstall"])
    facts = {Installations: traces, DriverPackages: DriverPackages().process(output)}
    with ctx_host.use(SimpleNamespace(get_fact=lambda fact, **_: facts[fact])):
        assert installed_drivers() == Installation(
            runfile=("/usr/bin/nvidia-uninstall",),
            vendor=("nvidia-driver-cuda",),
            distro=("libcuda1", "nvidia-kernel-dkms"),
            ours=True,
        )


@pytest.mark.parametrize("manager", ["dpkg", "rpm"])
def test_files_that_a_package_owns_are_no_installation_of_their_own(tmp_path, manager):
    """The command on a tree of its own, with a package manager that knows one of two libraries."""
    usr, info, programs = tmp_path / "usr/lib/arch", tmp_path / "var/lib/dpkg/info", tmp_path / "programs"
    for folder in (usr, info, programs):
        folder.mkdir(parents=True)
    owned, nobodys = usr / "libnvidia-ml.so.595.91.07", usr / "libcuda.so.580.10.01"
    owned.touch()
    nobodys.touch()
    command = re.sub(r"/(usr|var|etc)/", rf"{tmp_path}/\1/", Installations().command())
    if manager == "dpkg":
        (programs / "dpkg-query").touch(0o755)
        (info / "libnvidia-ml1:amd64.list").write_text(f"/.\n{owned}\n")
        (info / "other.list").write_text(f"{nobodys}\n")
    else:
        (programs / "rpm").write_text(f'#!/bin/sh\n[ "$1 $2" = "-qf {owned}" ]\n')
        (programs / "rpm").chmod(0o755)
    (programs / "grep").symlink_to(shutil.which("grep"))
    output = subprocess.check_output(["/bin/sh", "-c", command], env={"PATH": str(programs)}, text=True)
    assert Installations().process(output.splitlines()) == Installation(runfile=(str(nobodys),))


def test_a_library_of_nobody_is_no_runfile_after_an_interrupted_change_of_ours():
    library = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.595.91.07"
    assert Installations().process(["ours", f"file {library}"]) == Installation(ours=True, orphans=(library,))
    assert Installations().process([f"file {library}"]) == Installation(runfile=(library,))
    uninstaller = "/usr/bin/nvidia-uninstall"
    both = Installations().process(["ours", f"file {uninstaller}", f"file {library}"])
    assert both.runfile == (uninstaller, library)


def test_installations_of_rhel_by_name():
    output = ["package ii kmod-nvidia-open-dkms (none)", "package ii akmod-nvidia RPM Fusion"]
    assert Installations().process(output) == Installation(vendor=("kmod-nvidia-open-dkms",), distro=("akmod-nvidia",))
