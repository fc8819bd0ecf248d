"""What differs between distributions: which branches there are, and what the packages are called. Pure.

Branches and names: NVIDIA's repositories as of 2026-09 (Getty/rex-gpu, checked against Packages.gz), the driver
installation guide r595, and Debian's archive of 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.nvidia_driver.settings import Flavour, Scope, Source


@dataclass(frozen=True, slots=True)
class Offer:
    """The driver branches that one source has for one system."""

    name: str
    """How people call the source."""
    default: int
    oldest: int
    newest: int | None = None
    """None: it follows NVIDIA's releases."""
    open_modules: bool = True
    older: str = ""
    """Where branches older than ``oldest`` are to be had."""
    instead: str = ""
    """Where branches newer than ``newest`` are to be had."""


# 580 drives everything from Maxwell to Blackwell and is supported until 2028; Debian 13's repository never had it.
# Debian 12's open modules (535.261.03) do not match its driver (535.309.01 in bookworm-security).
_INSTEAD = "set source: vendor"
_OLDER_13 = "Debian 13's own 550 drives Maxwell to Hopper: set source: distro"
_OFFERS: dict[tuple[str, str, Source], Offer] = {
    ("debian12", "amd64", "vendor"): Offer("NVIDIA's repository for Debian 12", 580, 545),
    ("debian12", "arm64", "vendor"): Offer("NVIDIA's repository for Debian 12 (arm64)", 595, 590),
    ("debian13", "amd64", "vendor"): Offer("NVIDIA's repository for Debian 13", 595, 590, older=_OLDER_13),
    ("debian13", "arm64", "vendor"): Offer("NVIDIA's repository for Debian 13 (arm64)", 595, 595, older=_OLDER_13),
    ("debian12", "amd64", "distro"): Offer("Debian 12", 535, 535, 535, open_modules=False, instead=_INSTEAD),
    ("debian13", "amd64", "distro"): Offer("Debian 13", 550, 550, 550, instead=_INSTEAD),
    ("debian13", "arm64", "distro"): Offer("Debian 13 (arm64)", 550, 550, 550, instead=_INSTEAD),
}


def offer(system: System, source: Source) -> Offer:
    """Return the branches of this source for this system. Raises HostError for a system without any."""
    found = _OFFERS.get((system.name, system.arch, source))
    if found is None:
        known = ", ".join(sorted({name for name, _, _ in _OFFERS}))
        raise HostError(
            f"no NVIDIA driver is known here for {system.name} on {system.arch} from source {source}; known: {known}"
        )
    return found


@dataclass(frozen=True, slots=True)
class DriverPackages:
    """What to ask the package manager for."""

    install: tuple[str, ...]
    """Names, with ``=version`` patterns."""
    remove: tuple[str, ...]
    """The other flavour's packages: they go in the same transaction."""
    headers: str
    """Name of the package with the headers of a kernel, ``{}`` being its release or its metapackage's ending."""


def driver_packages(
    system: System, source: Source, branch: int, version: str | None, flavour: Flavour, scope: Scope
) -> DriverPackages:
    """Name the packages of a driver. Raises HostError for a family of systems that is not known yet."""
    build = _BUILDERS.get((system.family, source))
    if build is None:
        raise HostError(f"NVIDIA driver packages of {system.id} are not known yet")
    # Debian's revisions differ by distribution, so an exact driver version still leaves the revision open.
    return build(f"{version}-*" if version else f"{branch}.*", flavour, scope)


def _vendor_deb(pattern: str, flavour: Flavour, scope: Scope) -> DriverPackages:
    modules = {"open": "nvidia-kernel-open-dkms", "proprietary": "nvidia-kernel-dkms"}
    complete = {"open": "nvidia-open", "proprietary": "cuda-drivers"}
    other: Flavour = "proprietary" if flavour == "open" else "open"
    names = ["nvidia-driver-cuda", modules[flavour], "nvidia-persistenced"]
    names += [complete[flavour]] if scope == "full" else []
    return DriverPackages(_at(names, pattern), (modules[other], complete[other]), "linux-headers-{}")


def _distro_deb(pattern: str, flavour: Flavour, scope: Scope) -> DriverPackages:
    modules = {"open": "nvidia-open-kernel-dkms", "proprietary": "nvidia-kernel-dkms"}
    other: Flavour = "proprietary" if flavour == "open" else "open"
    # Debian's nvidia-driver does not depend on libcuda1 and nvidia-smi: they are named in either case.
    names = [modules[flavour], "libcuda1", "nvidia-smi", *(["nvidia-driver"] if scope == "full" else [])]
    # nvidia-persistenced has a version of its own in Debian, and needs libnvidia-cfg1 of the driver's.
    install = (*_at([*names, "libnvidia-cfg1"], pattern), "nvidia-persistenced")
    return DriverPackages(install, (modules[other],), "linux-headers-{}")


def _at(names: list[str], pattern: str) -> tuple[str, ...]:
    return tuple(f"{name}={pattern}" for name in names)


_BUILDERS: dict[tuple[str, Source], Callable[[str, Flavour, Scope], DriverPackages]] = {
    ("debian", "vendor"): _vendor_deb,
    ("debian", "distro"): _distro_deb,
}
