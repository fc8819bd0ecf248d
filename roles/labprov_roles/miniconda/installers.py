"""The installers that labprov knows by checksum, and what is asked for by a host's settings. Pure: knows no host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from labprov.errors import HostError

Distribution = Literal["miniforge", "miniconda"]

DEFAULT_VERSIONS: Mapping[Distribution, str] = MappingProxyType(
    {"miniforge": "26.3.2-3", "miniconda": "py313_26.5.3-2"},
)
"""The version of each distribution that is installed when an inventory names none."""

_FILES: Mapping[Distribution, str] = MappingProxyType(
    {
        "miniforge": "{version}/Miniforge3-{version}-Linux-{machine}.sh",
        "miniconda": "Miniconda3-{version}-Linux-{machine}.sh",
    }
)


@dataclass(frozen=True)
class Known:
    """A checksum that labprov brings along, and how it is known."""

    sha256: str
    source: str
    uncertain: bool
    """Whether it was never compared with the vendor's own list by whoever wrote it down here."""


_RELEASE = "several public files that name the release conda-forge/miniforge 26.3.2-3 agree"
_INDEX = "public files that cite the index page of repo.anaconda.com/miniconda agree"

# (distribution, version) -> machine (``uname -m``) -> checksum. A wrong one does no harm: the download is refused.
KNOWN: Mapping[tuple[Distribution, str], Mapping[str, Known]] = MappingProxyType(
    {
        ("miniforge", "26.3.2-3"): {
            "x86_64": Known("848194851a98903134187fbb4ab50efe87b003e0c0f808f97644b7524a62bf2c", _RELEASE, True),
            "aarch64": Known("2c113a69297e612b01ca0f320c22a3107a11f2ab9b573d79ac868a175945ce29", "one such file", True),
        },
        ("miniconda", "py313_26.5.3-2"): {
            "x86_64": Known("66f7c434bbdc7a4c5687b7e56cde724f73954d1322ffb273c6e387f12fbcdc03", _INDEX, True),
        },
    }
)


@dataclass(frozen=True)
class Installer:
    """An installer to be run on a host."""

    distribution: str
    version: str
    """The installer's version (``26.3.2-3``, ``py313_26.5.3-2``), or ``custom``."""
    url: str
    sha256: str

    @property
    def conda(self) -> tuple[int, ...]:
        """The version of conda that it brings, as far as its own version tells; empty when it does not."""
        return conda_version(self.version)


def conda_version(text: str) -> tuple[int, ...]:
    """Read the three numbers of conda's version out of an installer's version or a file name; empty without any."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


def choose(
    distribution: Distribution, version: str | None, machine: str, base_url: str, url: str | None, sha256: str | None
) -> Installer:
    """Choose the installer for a machine (``uname -m``); a given ``url`` and ``sha256`` come before what is known.

    Raises HostError when no checksum is known for that machine.
    """
    named = version or DEFAULT_VERSIONS[distribution]
    checksum = sha256
    if checksum is None:
        known = KNOWN.get((distribution, named), {}).get(machine)
        if known is None:
            raise HostError(
                f"labprov knows no sha256 of {distribution} {named} for {machine}: write sha256 for this host"
            )
        checksum = known.sha256
    label = named if url is None else version or "custom"
    path = _FILES[distribution].format(version=named, machine=machine)
    return Installer(distribution, label, url or f"{base_url}/{path}", checksum)
