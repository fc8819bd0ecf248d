"""cuDNN, NCCL and DCGM as NVIDIA's repository packages them, as simulations: they tell their versions, no more."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path

from labprov.sandbox.mirror.compiled import compile_c, stamp
from labprov.sandbox.mirror.package import File, Link, Package
from labprov.sandbox.mirror.scripts import shell

FILES = Path(__file__).parent / "files"
CUDNN = {"12": ("9.10.2.21", "9.23.0.39"), "13": ("9.23.0.39",)}
"""Versions by the major version of CUDA, oldest first. 9.10 is the last with code for cards before Turing."""
NCCL = (
    "2.27.3+cuda12.4",
    "2.27.3+cuda12.9",
    "2.29.7+cuda12.9",
    "2.29.7+cuda13.0",
    "2.29.7+cuda13.2",
    "2.31.2+cuda13.3",
)
"""Versions as the library itself says them; those of packages have a revision before the plus."""
DCGM = "1:4.7.0-1"

_LIB, _INCLUDE = "/usr/lib/x86_64-linux-gnu", "/usr/include/x86_64-linux-gnu"
_LINKED = {"postinst": shell("ldconfig"), "postrm": shell("ldconfig")}


class Sources:
    """The compiled libraries, before a version is stamped into them."""

    @cached_property
    def cudnn(self) -> bytes:
        """``libcudnn``."""
        return compile_c(FILES / "cuda/cudnn.c", "-shared", "-fPIC", "-Wl,-soname,libcudnn.so.9")

    @cached_property
    def nccl(self) -> bytes:
        """``libnccl``."""
        return compile_c(FILES / "cuda/nccl.c", "-shared", "-fPIC", "-Wl,-soname,libnccl.so.2")


def packages(majors: Collection[str], sources: Sources) -> list[Package]:
    """Return every package for these major versions of CUDA."""
    cudnn = [package for major in majors for number in CUDNN[major] for package in _cudnn(major, number, sources.cudnn)]
    nccl = [package for said in NCCL if _major(said) in majors for package in _nccl(said, sources.nccl)]
    return [*cudnn, *nccl, _dcgm_core(), *(_dcgm(major) for major in majors)]


def _major(said: str) -> str:
    return said.partition("+cuda")[2].partition(".")[0]


def _cudnn(major: str, number: str, library: bytes) -> list[Package]:
    version, same = f"{number}-1", f"(= {number}-1)"
    file = f"libcudnn.so.{number.rpartition('.')[0]}"
    stamped = stamp(library, {"VERSION": number, "CUDA": f"{major}.0"})
    runtime: dict[str, File | Link] = {f"{_LIB}/{file}": File(stamped), f"{_LIB}/libcudnn.so.9": Link(file)}
    headers: dict[str, File | Link] = {f"{_INCLUDE}/cudnn.h": File(FILES / "cuda/cudnn.h")}
    link: dict[str, File | Link] = {f"{_LIB}/libcudnn.so": Link("libcudnn.so.9")}
    need = {"Depends": f"libcudnn9-cuda-{major} {same}, libcudnn9-headers-cuda-{major} {same}"}
    # The stand-ins for two majors have the same files. Of the real ones programs may find the wrong one and abort.
    other = {"Conflicts": ", ".join(f"libcudnn9-cuda-{m}" for m in CUDNN if m != major)}
    return [
        Package(f"libcudnn9-cuda-{major}", version, f"cuDNN libraries for CUDA {major}", other, runtime, _LINKED),
        Package(f"libcudnn9-headers-cuda-{major}", version, f"cuDNN headers for CUDA {major}", {}, headers),
        Package(f"libcudnn9-dev-cuda-{major}", version, f"cuDNN development files for CUDA {major}", need, link),
    ]


def _nccl(said: str, library: bytes) -> list[Package]:
    number, cuda = said.split("+")
    version = f"{number}-1+{cuda}"
    file = f"libnccl.so.{number}"
    runtime: dict[str, File | Link] = {
        f"{_LIB}/{file}": File(stamp(library, {"VERSION": said})),
        f"{_LIB}/libnccl.so.2": Link(file),
    }
    develop: dict[str, File | Link] = {
        f"{_LIB}/libnccl.so": Link("libnccl.so.2"),
        "/usr/include/nccl.h": File(FILES / "cuda/nccl.h"),
    }
    need = {"Depends": f"libnccl2 (= {version})"}
    return [
        Package("libnccl2", version, "NVIDIA Collective Communication Library", {}, runtime, _LINKED),
        Package("libnccl-dev", version, "NVIDIA Collective Communication Library, headers", need, develop),
    ]


def _dcgm_core() -> Package:
    """As NVIDIA's it starts no daemon by itself."""
    files: dict[str, File | Link] = {
        "/usr/bin/dcgmi": File(FILES / "nvidia/dcgmi", 0o755),
        "/usr/bin/nv-hostengine": File(FILES / "nvidia/nv-hostengine", 0o755),
        "/usr/lib/systemd/system/nvidia-dcgm.service": File(FILES / "nvidia/nvidia-dcgm.service"),
    }
    older = {"Conflicts": "datacenter-gpu-manager", "Replaces": "datacenter-gpu-manager"}
    reload = {"postinst": shell("[ ! -d /run/systemd/system ] || systemctl daemon-reload")}
    return Package("datacenter-gpu-manager-4-core", DCGM, "NVIDIA DCGM: daemon and dcgmi", older, files, reload)


def _dcgm(major: str) -> Package:
    need = {"Depends": f"datacenter-gpu-manager-4-core (= {DCGM})"}
    return Package(f"datacenter-gpu-manager-4-cuda{major}", DCGM, f"NVIDIA DCGM: what is built for CUDA {major}", need)
