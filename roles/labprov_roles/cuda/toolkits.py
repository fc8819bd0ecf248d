"""Which toolkits a server gets, and which drivers and cards they work with. Pure: knows no host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labprov.compat.gpus import GpuModel
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.cuda.settings import Settings

# Toolkit -> the driver branch that it came with: that branch and newer ones support all of it.
# Source: CUDA 13.2 Update 2 release notes, table 3; 13.3 and 13.4 from their own notes; 13.5 is uncertain (redist
# manifest of 620.70.06).
DRIVER_BRANCHES = {
    **{"11.0": 450, "11.1": 455, "11.2": 460, "11.3": 465, "11.4": 470, "11.5": 495, "11.6": 510, "11.7": 515},
    **{"11.8": 520, "12.0": 525, "12.1": 530, "12.2": 535, "12.3": 545, "12.4": 550, "12.5": 555, "12.6": 560},
    **{"12.8": 570, "12.9": 575, "13.0": 580, "13.1": 590, "13.2": 595, "13.3": 610, "13.4": 615, "13.5": 620},
}

# Major version -> the oldest driver branch on which its programs run at all, with limits (minor-version compatibility).
# Source: the same notes, table 2.
_OLDEST_BRANCHES = {11: 450, 12: 525, 13: 580}

# Architecture -> the newest toolkit that builds for it. Source: CUDA 13.0 release notes; CMake's architectures.
_LAST_TOOLKITS = {"kepler": "11.8", "maxwell": "12.9", "pascal": "12.9", "volta": "12.9"}


@dataclass(frozen=True, slots=True)
class Toolkits:
    """What to install, and what to make the default."""

    versions: tuple[str, ...]
    default: str
    packages: tuple[str, ...]
    prefix: str
    """Where a version is installed, ``{}`` standing for it; empty when it lies in /usr as any package."""


# 12.9 is the newest that builds for every card which the default branch 580 drives (13.0 dropped Maxwell to Volta).
# 13.2 is the newest that the default branch 595 supports in full, and the one that mends 12.8's miscompilation.
_VENDOR_DEFAULTS = {"debian12": "12.9", "debian13": "13.2"}
# The oldest driver in each repository came with the oldest toolkit there (545 and 12.3, 590 and 13.1).
_VENDOR_OLDEST = {"debian12": "12.3", "debian13": "13.1"}
_DISTRO = {"debian12": "11.8", "debian13": "12.4"}


def toolkits(settings: Settings, system: System) -> Toolkits:
    """Decide on toolkits and packages. Raises HostError when the source does not have them for this system."""
    if settings.source == "distro":
        return _distro(settings, system)
    if system.name not in _VENDOR_DEFAULTS:
        raise HostError(f"no CUDA toolkit of NVIDIA's is known here for {system.name}")
    versions = settings.versions or (settings.default or _VENDOR_DEFAULTS[system.name],)
    oldest = _VENDOR_OLDEST[system.name]
    for version in versions:
        if version == "12.7":
            raise HostError("there is no CUDA 12.7: NVIDIA went from 12.6 to 12.8")
        if number(version) < number(oldest):
            raise HostError(f"NVIDIA's repository for {system.name} has no CUDA {version}: it starts at {oldest}")
    names = tuple(f"cuda-toolkit-{version.replace('.', '-')}" for version in versions)
    return Toolkits(versions, settings.default or max(versions, key=number), names, "/usr/local/cuda-{}")


def _distro(settings: Settings, system: System) -> Toolkits:
    version = _DISTRO.get(system.name)
    if version is None:
        raise HostError(f"no CUDA toolkit of {system.name}'s own is known here")
    other = [asked for asked in (*settings.versions, settings.default) if asked and asked != version]
    if other:
        raise HostError(f"{system.name} itself has CUDA {version} only, not {other[0]}: set source: vendor")
    return Toolkits((version,), version, ("nvidia-cuda-toolkit",), "")


def number(version: str) -> tuple[int, int]:
    """``12.8`` as a pair, so that 12.10 is newer than 12.9."""
    major, minor = version.split(".")
    return int(major), int(minor)


def driver_limits(version: str, branch: int) -> str:
    """Say how a driver branch limits a toolkit; empty when it does not. Raises HostError when nothing would run."""
    full = DRIVER_BRANCHES.get(version)
    oldest = _OLDEST_BRANCHES.get(number(version)[0])
    if full is None or branch >= full:
        return ""
    if oldest is None or branch < oldest:
        needs = f"{full} or newer" if oldest in (None, full) else f"{oldest} or newer ({full} for all of it)"
        raise HostError(f"CUDA {version} does not run on driver branch {branch}: it needs {needs}")
    return (
        f"CUDA {version} came with driver branch {full}: on {branch} programs run by minor-version compatibility, "
        "without what is newer in the driver (PTX from this toolkit is not compiled at run time)"
    )


def require_targets(versions: Sequence[str], models: Sequence[GpuModel | None]) -> None:
    """Raise HostError when a toolkit builds for none of the cards; cards that are not in the table count as newer."""
    for version in versions:
        limits = [_LAST_TOOLKITS.get(model.architecture) if model else None for model in models]
        if limits and all(limit and number(version) > number(limit) for limit in limits):
            newest = max((limit for limit in limits if limit), key=number)
            name = next(model.name for model in models if model)
            raise HostError(f"CUDA {version} cannot build for {name}: {newest} is the last that does")
