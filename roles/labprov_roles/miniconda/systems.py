"""What differs between distributions: where interactive shells that are no login shells are set up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from labprov.engine.facts.system import System
from labprov.errors import HostError

MACHINES = ("x86_64", "aarch64")
"""Machines (``uname -m``) that conda-forge and Anaconda build for, as far as labprov knows them."""


@dataclass(frozen=True)
class Platform:
    """A family of distributions, as this role sees it."""

    interactive_rc: str | None
    """Read by every interactive bash that is no login shell; None where that already reads /etc/profile.d."""


# Debian's bash: /etc/bash.bashrc(5). On RHEL /etc/bashrc reads /etc/profile.d itself.
_FAMILIES = {"debian": Platform("/etc/bash.bashrc"), "rhel": Platform(None)}


def platform(system: System) -> Platform:
    """Look up a system's family. Raises HostError for one that this role does not know."""
    if system.family not in _FAMILIES:
        raise HostError(f"the role miniconda does not know {system.id} {system.version} yet")
    if system.machine not in MACHINES:
        raise HostError(f"there is no conda for {system.machine}: {' and '.join(MACHINES)} are supported")
    return _FAMILIES[system.family]
