"""What differs between distributions, and what the role wants in daemon.json. Pure: touches no host.

Names, URLs and fingerprints: NVIDIA's installation guide (2026-08), the repository's own list file, and public
provisioning code that verifies the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from labprov.engine.facts.system import System
from labprov.engine.operations.repository_places import Signed
from labprov.errors import HostError
from labprov_roles.docker.daemon import Wanted
from labprov_roles.nvidia_container_toolkit.settings import Settings

SLUG = "nvidia-container-toolkit"
"""File name of its key and its source, and its id for dnf."""
NVIDIAS_KEY = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"

PACKAGES = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)
"""All of exactly the same version."""

RIVALS = ("nvidia-docker2", "nvidia-container-runtime")
"""What the toolkit replaces."""

OLD_SOURCES = "https://nvidia.github.io/"
"""Where older guides have apt look: libnvidia-container, nvidia-docker, nvidia-container-runtime. Beside ours, with
another key, apt would refuse to work ("Conflicting values set for option Signed-By")."""

SYSTEMS = ("debian12", "debian13", "ubuntu2204", "ubuntu2404", "ubuntu2604", "rhel8", "rhel9", "rhel10")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the toolkit comes from on one system."""

    url: str
    suite: str
    key_url: str
    fingerprint: str
    signed: Signed
    """NVIDIA signs the index of its rpm repository, not the packages: its own .repo file says ``gpgcheck=0``."""
    pin: str
    """Apt preferences that keep the CUDA repository from overriding it; for dnf that one leaves them out. Or empty."""
    packages: tuple[str, ...]
    """As names or ``name=version``."""


def source(system: System, settings: Settings) -> Source:
    """Where the toolkit comes from. Raises HostError for a system that this role does not know."""
    if system.name not in SYSTEMS:
        raise HostError(
            f"the NVIDIA Container Toolkit on {system.id} {system.version} is not supported yet: "
            f"{', '.join(SYSTEMS)} are"
        )
    mirror = settings.mirrors.nvidia_container_toolkit
    kind = "deb" if system.family == "debian" else "rpm"
    return Source(
        url=f"{mirror.url}/stable/{kind}/{system.arch}",
        suite="/",
        signed="metadata",
        key_url=mirror.key or f"{mirror.url}/gpgkey",
        fingerprint=mirror.fingerprint or NVIDIAS_KEY,
        pin=pin(urlsplit(mirror.url).hostname or "") if kind == "deb" else "",
        packages=tuple(f"{name}={settings.version}" if settings.version else name for name in PACKAGES),
    )


def pin(origin: str) -> str:
    """Apt preferences: the four packages come from ``origin`` (a host name), never from the CUDA repository.

    That one carries them too, often older, and its own pin (600, for everything) beats an unpinned repository (500).
    It comes first here, because the first stanza that fits decides: a mirror may serve both from one host.
    """
    names = f"Package: {' '.join(PACKAGES)}"
    cuda = f"{names}\nPin: release l=NVIDIA CUDA\nPin-Priority: 100\n"
    return f"{cuda}\n{names}\nPin: origin {origin}\nPin-Priority: 1001\n"


def daemon_keys(settings: Settings) -> Wanted:
    """What the toolkit needs in Docker's configuration: what ``nvidia-ctk runtime configure`` would write, merged."""
    keys: dict[str, Any] = {"runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}}}
    if settings.default_runtime:
        keys["default-runtime"] = "nvidia"
    if settings.cdi:
        keys["features"] = {"cdi": True}
    return Wanted("nvidia_container_toolkit", keys, since={"features.cdi": 25})
