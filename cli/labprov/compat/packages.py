"""What a driver's packages are called, for each way in which a repository names them. Pure; installs nothing.

Everywhere ``name=version``, as labprov's own operations take it.

Names: ``data/systems.yml`` and its sources; NVIDIA's installation and version locking guides r590/r595.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labprov.compat.answer import Packages
from labprov.compat.rows import Flavour, Scope

_OTHER: dict[Flavour, Flavour] = {"open": "proprietary", "proprietary": "open"}
UNVERSIONED = 590
"""First branch whose packages in NVIDIA's Ubuntu repositories have no branch in their name."""


@dataclass(frozen=True, slots=True)
class Driver:
    """What is to be named."""

    branch: int
    version: str | None
    flavour: Flavour
    scope: Scope = "compute"
    kernel: str = ""
    """``uname -r``; empty: not known."""
    own_kernel: str = ""
    """The distribution's own, like ``6.8``."""
    release: str = ""
    """The distribution's, ``24.04``: some names depend on it."""
    legacy: str = ""
    """The package of a legacy branch."""

    @property
    def deb(self) -> str:
        """A version pattern of apt: revisions differ by distribution, so they stay open."""
        return f"{self.version}-*" if self.version else f"{self.branch}.*"

    @property
    def rpm(self) -> str:
        """A version pattern of dnf; NVIDIA's driver packages have epoch 3."""
        return f"3:{self.version}" if self.version else f"3:{self.branch}.*"


def packages(scheme: str, driver: Driver) -> Packages:
    """Name the packages of a driver by the scheme of its repository."""
    return _SCHEMES[scheme](driver)


def fabric_manager(scheme: str, driver: Driver, nvlink5: bool) -> tuple[str, ...]:
    """Name the packages of the fabric manager; its version must be exactly the driver's."""
    rpm = scheme.startswith("rhel")
    verbs = ("nvlsm", "infiniband-diags", "libibumad" if rpm else "libibumad3") if nvlink5 else ()
    if rpm:
        name = "nvidia-fabricmanager" if driver.branch >= 580 else "nvidia-fabric-manager"
        return (f"{name}={driver.version or f'{driver.branch}.*'}", *verbs)
    numbered = scheme == "ubuntu_distro" or driver.branch < (UNVERSIONED if scheme == "ubuntu_vendor" else 580)
    name = f"nvidia-fabricmanager-{driver.branch}" if numbered else "nvidia-fabricmanager"
    return (f"{name}={driver.deb}", *verbs)


def _debian_vendor(driver: Driver) -> Packages:
    modules = {"open": "nvidia-kernel-open-dkms", "proprietary": "nvidia-kernel-dkms"}
    complete = {"open": "nvidia-open", "proprietary": "cuda-drivers"}
    other = _OTHER[driver.flavour]
    names = ["nvidia-driver-cuda", modules[driver.flavour], "nvidia-persistenced"]
    names += [complete[driver.flavour]] if driver.scope == "full" else []
    return Packages(_at(names, driver.deb), (modules[other], complete[other]), ("linux-headers-{}",), lock=driver.deb)


def _debian_distro(driver: Driver) -> Packages:
    if driver.legacy:
        install = (*_at(_debian_legacy(driver), driver.deb), "nvidia-persistenced")
        return Packages(install, headers=("linux-headers-{}",), lock=driver.deb)
    modules = {"open": "nvidia-open-kernel-dkms", "proprietary": "nvidia-kernel-dkms"}
    # Debian's nvidia-driver does not depend on libcuda1 and nvidia-smi: they are named in either case.
    names = [modules[driver.flavour], "libcuda1", "nvidia-smi", *(["nvidia-driver"] if driver.scope == "full" else [])]
    # nvidia-persistenced has a version of its own in Debian, and needs libnvidia-cfg1 of the driver's.
    install = (*_at([*names, "libnvidia-cfg1"], driver.deb), "nvidia-persistenced")
    return Packages(install, (modules[_OTHER[driver.flavour]],), ("linux-headers-{}",), lock=driver.deb)


def _debian_legacy(driver: Driver) -> list[str]:
    """Each has the branch in its name, so that branches exclude one another by name and not by version."""
    name = driver.legacy.removesuffix("-driver")
    names = [f"{name}-kernel-dkms", f"lib{name}-cuda1", f"{name}-smi"]
    return [*names, *([driver.legacy] if driver.scope == "full" else []), f"lib{name}-cfg1"]


def _ubuntu_vendor(driver: Driver) -> Packages:
    numbered = f"-{driver.branch}" if driver.branch < UNVERSIONED else ""
    complete = {"open": f"nvidia-open{numbered}", "proprietary": f"cuda-drivers{numbered}"}
    modules = {"open": f"nvidia-dkms{numbered}-open", "proprietary": f"nvidia-dkms{numbered}"}
    other = _OTHER[driver.flavour]
    # Only the branch-numbered packages leave nvidia-smi to a package that must be named.
    compute = [
        f"libnvidia-compute{numbered}",
        modules[driver.flavour],
        *([f"nvidia-utils{numbered}"] if numbered else []),
    ]
    names = [complete[driver.flavour]] if driver.scope == "full" else compute
    pinning = f"nvidia-driver-pinning-{driver.version or driver.branch}"
    return Packages(_at(names, driver.deb), (modules[other], complete[other]), ("linux-headers-{}",), lock=pinning)


def _ubuntu_distro(driver: Driver) -> Packages:
    """The -server packages with modules that Canonical signed, for the kernel that runs and those that follow it."""
    kinds = {"open": f"{driver.branch}-server-open", "proprietary": f"{driver.branch}-server"}
    kind, other = kinds[driver.flavour], kinds[_OTHER[driver.flavour]]
    modules = [f"linux-modules-nvidia-{kind}-{_kernel_line(driver)}"]
    if driver.kernel:
        modules.append(f"linux-modules-nvidia-{kind}-{driver.kernel}")
    if driver.scope == "full":
        names = [f"nvidia-driver-{kind}"]
    else:
        utils = [f"nvidia-{name}-{driver.branch}-server" for name in ("utils", "compute-utils")]
        names = [f"nvidia-headless-no-dkms-{kind}", *utils]
    remove = (f"nvidia-headless-no-dkms-{other}", f"nvidia-driver-{other}", f"linux-modules-nvidia-{other}-*")
    return Packages((*modules, *_at(names, driver.deb)), remove, lock=driver.deb)


def _kernel_line(driver: Driver) -> str:
    """The metapackages that follow a kernel: of the release, or of its hardware enablement."""
    parts = driver.kernel.split("-")
    line = "-".join(parts[2:]) or "generic"
    own = not driver.kernel or driver.kernel.startswith(f"{driver.own_kernel}.")
    return line if own else f"{line}-hwe-{driver.release}"


def _rhel_streams(driver: Driver) -> Packages:
    stream = {"open": f"nvidia-driver:{driver.branch}-open", "proprietary": f"nvidia-driver:{driver.branch}-dkms"}
    chosen, remove = _rhel(driver)
    # The versions too: enabling another stream changes nothing that is installed.
    names = _at(chosen, driver.rpm)
    return Packages(names, remove, _rhel_headers(driver), stream[driver.flavour], stream[driver.flavour])


def _rhel_versionlock(driver: Driver) -> Packages:
    chosen, remove = _rhel(driver)
    lock = f"*nvidia*{driver.version or driver.branch}*"
    return Packages(_at(chosen, driver.rpm), remove, _rhel_headers(driver), lock=lock)


def _rhel(driver: Driver) -> tuple[list[str], tuple[str, ...]]:
    modules = {"open": "kmod-nvidia-open-dkms", "proprietary": "kmod-nvidia-latest-dkms"}
    names = [modules[driver.flavour], "nvidia-driver-cuda", *(["nvidia-driver"] if driver.scope == "full" else [])]
    return names, (modules[_OTHER[driver.flavour]],)


def _rhel_headers(driver: Driver) -> tuple[str, ...]:
    return (
        ("kernel-devel-{}", "kernel-headers") if driver.release == "8" else ("kernel-devel-matched", "kernel-headers")
    )


def _at(names: Sequence[str], pattern: str) -> tuple[str, ...]:
    return tuple(f"{name}={pattern}" for name in names)


_SCHEMES: dict[str, Callable[[Driver], Packages]] = {
    "debian_vendor": _debian_vendor,
    "debian_distro": _debian_distro,
    "ubuntu_vendor": _ubuntu_vendor,
    "ubuntu_distro": _ubuntu_distro,
    "rhel_streams": _rhel_streams,
    "rhel_versionlock": _rhel_versionlock,
}
