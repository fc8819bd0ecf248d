"""NVIDIA's driver packages as its repository names them, as simulations. Not how the simulated GPUs are shown.

What acts like the real thing: which package needs, excludes or pins which; kernel modules that appear for every
kernel with headers, that ``modinfo`` reads, and that go with their package; ``nvidia-smi`` and the libraries, which
answer when the sandbox's simulated kernel side has loaded the same version and fail as the real ones do otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from labprov.sandbox.mirror.compiled import compile_c, stamp
from labprov.sandbox.mirror.package import File, Link, Package
from labprov.sandbox.mirror.scripts import shell, with_units

FILES = Path(__file__).parent / "files/nvidia"
MAX_CUDA = {535: "12.2", 570: "12.8", 580: "13.0", 590: "13.1", 595: "13.2", 610: "13.3", 615: "13.4"}
"""The newest CUDA version that a driver branch supports."""

_LIB = "/usr/lib/x86_64-linux-gnu"
_UNITS = "/usr/lib/systemd/system"
_MODULES = {"nvidia": "", "nvidia-uvm": "nvidia", "nvidia-modeset": "nvidia", "nvidia-drm": "nvidia-modeset"}
_LICENCES = {"open": "Dual MIT/GPL", "proprietary": "NVIDIA"}


class Programs:
    """The compiled stand-ins, before a version is stamped into them."""

    @cached_property
    def smi(self) -> bytes:
        """``nvidia-smi``, static: it must run in any container image."""
        return compile_c(FILES / "nvidia-smi.c", "-static")

    @cached_property
    def modprobe(self) -> bytes:
        """``nvidia-modprobe``."""
        return compile_c(FILES / "nvidia-modprobe.c", "-static")

    @cached_property
    def library(self) -> bytes:
        """``libcuda`` and NVML in one file."""
        return compile_c(FILES / "libcuda.c", "-shared", "-fPIC")

    @cached_property
    def modules(self) -> dict[tuple[str, str], bytes]:
        """Kernel modules by flavour and name."""
        return {
            (flavour, name): compile_c(FILES / "module.c", "-c", *_defines(name, needs, licence))
            for flavour, licence in _LICENCES.items()
            for name, needs in _MODULES.items()
        }


def _defines(name: str, needs: str, licence: str) -> list[str]:
    values = {"NAME": name.replace("-", "_"), "DEPENDS": needs, "LICENSE": licence}
    return [*(f'-D{key}="{value}"' for key, value in values.items()), *(["-DALIASES"] if name == "nvidia" else [])]


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver version, such as ``580.178.04``, and the programs to make its packages of."""

    number: str
    programs: Programs

    @property
    def branch(self) -> int:
        """The driver branch: 580 of 580.178.04."""
        return int(self.number.split(".")[0])

    @property
    def version(self) -> str:
        """The packages' version."""
        return f"{self.number}-1"

    def packages(self) -> list[Package]:
        """Return every package of this driver version."""
        return [
            *self._kernel(),
            *self._user_space(),
            *self._metapackages(),
            *self._pins(),
            self._fabric_manager(),
        ]

    def _package(self, name: str, summary: str, **parts: object) -> Package:
        return Package(name, self.version, summary, **parts)  # type: ignore[arg-type]

    def _stamped(self, program: bytes) -> bytes:
        return stamp(program, {"VERSION": self.number, "CUDA": MAX_CUDA[self.branch]})

    def _kernel(self) -> list[Package]:
        return [
            self._kernel_package("nvidia-kernel-open-dkms", "open", "nvidia-kernel-dkms"),
            self._kernel_package("nvidia-kernel-dkms", "proprietary", "nvidia-kernel-open-dkms"),
        ]

    def _kernel_package(self, name: str, flavour: str, other: str) -> Package:
        folder = f"/usr/src/nvidia-{self.number}"
        modules = {
            f"{folder}/{module}.ko": File(stamp(self.programs.modules[flavour, module], {"VERSION": self.number}))
            for module in _MODULES
        }
        files: dict[str, File | Link] = {
            **modules,
            f"{folder}/dkms.conf": File(_dkms_conf(self.number).encode()),
            "/usr/lib/nvidia/labprov-dkms": File(FILES / "labprov-dkms", 0o755),
            "/etc/kernel/postinst.d/nvidia-labprov-dkms": File(FILES / "kernel-hook", 0o755),
            "/etc/kernel/header_postinst.d/nvidia-labprov-dkms": File(FILES / "kernel-hook", 0o755),
        }
        relations = {
            "Depends": f"kmod, nvidia-modprobe (= {self.version})",
            "Conflicts": f"{other}, nvidia-open-kernel-dkms",
            "Replaces": f"{other}, nvidia-open-kernel-dkms",
            "Provides": f"nvidia-kernel-{self.number}",
        }
        scripts = {
            "postinst": shell(f'if [ "$1" = configure ]; then /usr/lib/nvidia/labprov-dkms add {self.number}; fi'),
            "prerm": shell(f"/usr/lib/nvidia/labprov-dkms remove {self.number}"),
        }
        return self._package(
            name, f"NVIDIA kernel modules, {flavour} flavour", relations=relations, files=files, scripts=scripts
        )

    def _user_space(self) -> list[Package]:
        same = f"(= {self.version})"
        needs = f"libcuda1 {same}, libnvidia-ml1 {same}, nvidia-modprobe {same}, nvidia-persistenced {same}"
        return [
            self._package(
                "nvidia-driver-cuda",
                "NVIDIA driver for computing: nvidia-smi",
                files={"/usr/bin/nvidia-smi": File(self._stamped(self.programs.smi), 0o755)},
                relations={
                    "Depends": needs,
                    "Conflicts": "nvidia-smi",
                    "Replaces": "nvidia-smi",
                    "Provides": "nvidia-smi",
                },
            ),
            self._library("libcuda1", "libcuda.so"),
            self._library("libnvidia-ml1", "libnvidia-ml.so"),
            self._package(
                "nvidia-modprobe",
                "NVIDIA kernel module loader",
                files={"/usr/bin/nvidia-modprobe": File(self.programs.modprobe, 0o4755)},
            ),
            self._persistenced(),
        ]

    def _library(self, package: str, name: str) -> Package:
        files: dict[str, File | Link] = {
            f"{_LIB}/{name}.{self.number}": File(self._stamped(self.programs.library)),
            f"{_LIB}/{name}.1": Link(f"{name}.{self.number}"),
        }
        if name == "libcuda.so":
            files[f"{_LIB}/{name}"] = Link(f"{name}.1")
        relations = {"Depends": "libc6 (>= 2.34)", "Provides": f"{package.rstrip('1')}.so.1 (= {self.number})"}
        scripts = {"postinst": shell("ldconfig"), "postrm": shell("ldconfig")}
        return self._package(
            package, f"NVIDIA driver library {name}.1", relations=relations, files=files, scripts=scripts
        )

    def _persistenced(self) -> Package:
        files: dict[str, File | Link] = {
            "/usr/bin/nvidia-persistenced": File(FILES / "nvidia-persistenced", 0o755),
            f"{_UNITS}/nvidia-persistenced.service": File(FILES / "nvidia-persistenced.service"),
        }
        relations = {"Depends": f"nvidia-modprobe (= {self.version})"}
        scripts = with_units(["nvidia-persistenced.service"])
        return self._package(
            "nvidia-persistenced", "NVIDIA persistence daemon", relations=relations, files=files, scripts=scripts
        )

    def _metapackages(self) -> list[Package]:
        same = f"(= {self.version})"
        full = f"nvidia-driver {same}, nvidia-driver-cuda {same}"
        depends = {
            "nvidia-driver": f"nvidia-driver-cuda {same}, nvidia-kernel-open-dkms {same} | nvidia-kernel-dkms {same}",
            "nvidia-open": f"{full}, nvidia-kernel-open-dkms {same}",
            "cuda-drivers": f"{full}, nvidia-kernel-dkms {same}",
        }
        return [
            self._package(name, "NVIDIA driver metapackage", relations={"Depends": text})
            for name, text in depends.items()
        ]

    def _pins(self) -> list[Package]:
        patterns = {f"{self.branch}": f"{self.branch}.*", self.number: f"{self.number}-*"}
        relations = {name: "nvidia-driver-pinning" for name in ("Provides", "Conflicts", "Replaces")}
        return [
            Package(
                f"nvidia-driver-pinning-{suffix}",
                self.version,
                f"Keeps the NVIDIA driver at {suffix}",
                relations,
                {"/etc/apt/preferences.d/nvidia-driver-pin": File(pin(pattern).encode())},
                architecture="all",
            )
            for suffix, pattern in patterns.items()
        ]

    def _fabric_manager(self) -> Package:
        name = "nvidia-fabricmanager" if self.branch >= 580 else f"nvidia-fabricmanager-{self.branch}"
        files: dict[str, File | Link] = {
            "/usr/bin/nv-fabricmanager": File(FILES / "nvidia-fabricmanager", 0o755),
            f"{_UNITS}/nvidia-fabricmanager.service": File(FILES / "nvidia-fabricmanager.service"),
        }
        scripts = with_units(["nvidia-fabricmanager.service"])
        return self._package(name, "NVIDIA fabric manager for NVSwitch systems", files=files, scripts=scripts)


_PINNED = (
    "cuda-drivers* nvidia-open* nvidia-driver nvidia-driver-cuda nvidia-kernel-open-dkms nvidia-kernel-dkms "
    "nvidia-modprobe nvidia-persistenced libcuda1 libnvidia-ml1 nvidia-fabricmanager*"
)


def pin(pattern: str) -> str:
    """Return the preferences that keep every driver package at the versions that match ``pattern``."""
    head = "# labprov sandbox: stand-in for NVIDIA's pinning package\n"
    return f"{head}Package: {_PINNED}\nPin: version {pattern}\nPin-Priority: 1000\n"


def _dkms_conf(number: str) -> str:
    fields = {"PACKAGE_NAME": "nvidia", "PACKAGE_VERSION": number, "AUTOINSTALL": "yes"}
    fields |= {"BUILT_MODULE_NAME[0]": "nvidia", "DEST_MODULE_LOCATION[0]": "/updates/dkms"}
    return "".join(f'{key}="{value}"\n' for key, value in fields.items())
