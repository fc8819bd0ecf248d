"""CUDA toolkits as NVIDIA's repository packages them, as simulations. Not the driver, which they must not drag in.

Only ``cuda``, ``cuda-X-Y`` and ``cuda-runtime-X-Y`` depend on the driver, as in the vendor's repository, so that a
test can see that nobody installs those by mistake.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from labprov.sandbox.mirror.compiled import compile_c, stamp
from labprov.sandbox.mirror.package import File, Link, Package
from labprov.sandbox.mirror.scripts import shell

FILES = Path(__file__).parent / "files/cuda"


class Runtime:
    """The compiled runtime library, before a version is stamped into it."""

    @cached_property
    def library(self) -> bytes:
        """``libcudart``."""
        return compile_c(FILES / "cudart.c", "-shared", "-fPIC")


@dataclass(frozen=True, slots=True)
class Toolkit:
    """One toolkit: its full version (``12.8.1``), the compiler's build (``12.8.93``), the driver it came with."""

    full: str
    compiler: str
    driver: str
    runtime: Runtime

    @property
    def name(self) -> str:
        """``12.8``."""
        return ".".join(self.full.split(".")[:2])

    @property
    def suffix(self) -> str:
        """``12-8``, as in package names."""
        return self.name.replace(".", "-")

    @property
    def major(self) -> str:
        """``12``."""
        return self.full.split(".")[0]

    @property
    def number(self) -> int:
        """128 for 12.8: the priority of its alternative."""
        major, minor = self.name.split(".")
        return int(major) * 10 + int(minor)

    @property
    def prefix(self) -> str:
        """Where it is installed."""
        return f"/usr/local/cuda-{self.name}"

    @property
    def _cuda_version(self) -> int:
        major, minor = self.name.split(".")
        return int(major) * 1000 + int(minor) * 10

    def packages(self) -> list[Package]:
        """Return every package of this toolkit."""
        return [self._toolkit(), self._config(), self._nvcc(), self._cudart(), *self._dragging_a_driver()]

    def _toolkit(self) -> Package:
        parts = [f"cuda-nvcc-{self.suffix}", f"cuda-cudart-{self.suffix}", f"cuda-toolkit-{self.suffix}-config-common"]
        version_json = {"cuda": {"name": "CUDA SDK (labprov sandbox simulation)", "version": self.full}}
        version_json["cuda_nvcc"] = {"name": "CUDA NVCC", "version": self.compiler}
        files: dict[str, File | Link] = {
            f"{self.prefix}/version.json": File(json.dumps(version_json, indent=3).encode() + b"\n")
        }
        summary = f"CUDA Toolkit {self.name}"
        return Package(f"cuda-toolkit-{self.suffix}", f"{self.full}-1", summary, {"Depends": ", ".join(parts)}, files)

    def _config(self) -> Package:
        install = "".join(
            f"    update-alternatives --install /usr/local/{link} {link} {self.prefix} {self.number}\n"
            for link in ("cuda", f"cuda-{self.major}")
        )
        remove = "".join(
            f"    update-alternatives --remove {link} {self.prefix}\n" for link in ("cuda", f"cuda-{self.major}")
        )
        scripts = {
            "postinst": shell(f'if [ "$1" = configure ]; then\n{install}fi'),
            "prerm": shell(f'if [ "$1" = remove ]; then\n{remove}fi'),
        }
        files: dict[str, File | Link] = {
            f"/etc/ld.so.conf.d/{self.number:03}_cuda-{self.name}.conf": File(
                f"{self.prefix}/targets/x86_64-linux/lib\n".encode()
            )
        }
        name = f"cuda-toolkit-{self.suffix}-config-common"
        return Package(name, f"{self.full}-1", "Common config package for CUDA Toolkit", {}, files, scripts, "all")

    def _nvcc(self) -> Package:
        text = (FILES / "nvcc").read_text()
        for key, value in {"RELEASE": self.name, "BUILD": self.compiler, "MAJOR": self.major}.items():
            text = text.replace(f"@{key}@", value)
        files: dict[str, File | Link] = {f"{self.prefix}/bin/nvcc": File(text.encode(), 0o755)}
        return Package(f"cuda-nvcc-{self.suffix}", f"{self.compiler}-1", "CUDA nvcc", {}, files)

    def _cudart(self) -> Package:
        lib, include = f"{self.prefix}/targets/x86_64-linux/lib", f"{self.prefix}/targets/x86_64-linux/include"
        header = f"/* labprov sandbox simulation, not NVIDIA software */\n#define CUDA_VERSION {self._cuda_version}\n"
        files: dict[str, File | Link] = {
            f"{include}/cuda.h": File(header.encode()),
            f"{include}/cuda_runtime.h": File(FILES / "cuda_runtime.h"),
            f"{lib}/libcudart.so.{self.full}": File(stamp(self.runtime.library, {"VERSION": self.full})),
            f"{lib}/libcudart.so.{self.major}": Link(f"libcudart.so.{self.full}"),
            f"{lib}/libcudart.so": Link(f"libcudart.so.{self.major}"),
            f"{self.prefix}/lib64": Link("targets/x86_64-linux/lib"),
            f"{self.prefix}/include": Link("targets/x86_64-linux/include"),
        }
        scripts = {"postinst": shell("ldconfig"), "postrm": shell("ldconfig")}
        relations = {"Depends": f"libc6 (>= 2.34), cuda-toolkit-{self.suffix}-config-common"}
        return Package(f"cuda-cudart-{self.suffix}", f"{self.full}-1", "CUDA Runtime", relations, files, scripts)

    def _dragging_a_driver(self) -> list[Package]:
        runtime = {"Depends": f"cuda-drivers (>= {self.driver}), cuda-cudart-{self.suffix}"}
        whole = {"Depends": f"cuda-runtime-{self.suffix}, cuda-toolkit-{self.suffix}"}
        return [
            Package(
                f"cuda-runtime-{self.suffix}", f"{self.full}-1", "CUDA Runtime meta-package with a driver", runtime
            ),
            Package(f"cuda-{self.suffix}", f"{self.full}-1", "CUDA meta-package with a driver", whole),
            Package("cuda", f"{self.full}-1", "CUDA meta-package with a driver", {"Depends": f"cuda-{self.suffix}"}),
        ]
