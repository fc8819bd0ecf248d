"""What stands at a prefix, and what is to be done about it. Pure: the operations look and act."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from labprov_roles.miniconda.installers import Installer, conda_version

COMPLETE = ".labprov-complete"
"""In the prefix, written last: ``DISTRIBUTION VERSION SHA256`` of the installer that went through."""
STARTED = ".labprov-installing"
"""In the prefix, written first, renamed to ``COMPLETE`` at the end: beside it lies an unfinished installation."""


@dataclass(frozen=True)
class Installation:
    """What stands at a prefix."""

    used: bool = False
    """Whether anything is there."""
    link: bool = False
    """Whether the prefix is a symbolic link."""
    started: bool = False
    """Whether labprov began an installation here that did not end."""
    marker: str = ""
    """Text of the completion marker, or empty."""
    conda: str = ""
    """Version of the conda there, or empty."""
    asks_for_terms: bool = False
    """Whether that conda has the plugin that asks for Anaconda's terms."""


class Action(Enum):
    """What is to be done at a prefix."""

    KEEP = "keep"
    INSTALL = "install"
    ADOPT = "adopt"
    UPGRADE = "upgrade"


def marker(installer: Installer) -> str:
    """Text of the completion marker of an installer."""
    return f"{installer.distribution} {installer.version} {installer.sha256}"


def adopted(installer: Installer) -> str:
    """Text of the completion marker of a conda that labprov did not install and took over."""
    return f"{installer.distribution} adopted -"


def refusal(found: Installation, wanted: Installer, adopt: bool, prefix: str) -> str | None:
    """Say why nothing may be done at the prefix, and what to do about it, or None."""
    if found.link:
        return f"{prefix} is a symbolic link: write the folder it points to as prefix"
    if found.marker:
        there = found.marker.split(" ")[0]
        if there != wanted.distribution:
            return f"{prefix} holds {there} and the inventory says {wanted.distribution}: choose another prefix"
        return None
    if not found.used or found.started:
        return None
    if not found.conda:
        return f"{prefix} holds files and no conda: empty it or choose another prefix"
    if not adopt:
        return (
            f"{prefix} holds conda {found.conda} that labprov did not install: "
            "write adopt: true to take it over, or choose another prefix"
        )
    return None


def decide(found: Installation, wanted: Installer) -> Action:
    """Say what is to be done at a prefix about which there is no ``refusal``."""
    newer = bool(wanted.conda) and conda_version(found.conda) > wanted.conda
    if found.marker:
        complete = bool(found.conda) and found.marker == marker(wanted)
        return Action.KEEP if complete or newer else Action.UPGRADE
    if not found.used or found.started:
        return Action.INSTALL
    return Action.ADOPT if newer else Action.UPGRADE
