"""What the vendor mirror carries: which vendors, which versions, where. Data; not how any of it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labprov.sandbox.mirror.conda.installer import Installer
from labprov.sandbox.mirror.docker import Release
from labprov.sandbox.mirror.repository import Repository

RELEASES = {"debian12": Release("12", "bookworm"), "debian13": Release("13", "trixie")}
"""Distributions by the name that NVIDIA gives their folder."""

DRIVERS = {
    "debian12": ("570.211.01", "580.126.09", "580.178.04", "595.91.07"),
    "debian13": ("590.48.01", "595.71.05", "595.91.07"),
}
"""Driver versions in each CUDA repository, oldest first."""

CUDA_KEYS = {"debian12": "3bf863cc.pub", "debian13": "8793F200.pub"}
"""The file name under which NVIDIA publishes each CUDA repository's key."""

TOOLKITS = {
    "12-4": ("12.4.1", "12.4.131", "550.54.15"),
    "12-8": ("12.8.1", "12.8.93", "570.124.06"),
    "12-9": ("12.9.1", "12.9.86", "575.57.08"),
    "13-0": ("13.0.2", "13.0.88", "580.95.05"),
    "13-1": ("13.1.1", "13.1.115", "590.48.01"),
    "13-2": ("13.2.1", "13.2.51", "595.58.03"),
}
"""CUDA toolkits: full version, the compiler's build (of 13-1 and 13-2 a guess), the driver that came with it."""

TOOLKITS_OF = {"debian12": ("12-4", "12-8", "12-9", "13-0", "13-1", "13-2"), "debian13": ("13-1", "13-2")}
"""CUDA toolkits in each CUDA repository."""

CONTAINER_TOOLKITS = ("1.19.1-1", "1.20.0-1")
"""Container toolkit versions in their own repository."""

CONTAINER_TOOLKIT_IN_CUDA = "1.17.8-1"
"""The older container toolkit that the CUDA repositories carry as well: what a role's pin is for."""

INSTALLERS = (
    Installer("miniconda", "py313_26.5.3-2", "26.5.3"),
    Installer("miniconda", "py313_26.7.1-1", "26.7.1"),
    Installer("miniforge", "26.3.2-3", "26.3.2"),
)
"""conda installers; of each distribution the last one is what an inventory of the sandbox asks for."""

_SIMULATION = {"Description": "labprov sandbox: stand-ins, not the vendor's software"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each vendor's things are below the mirror's root, as at the vendor."""

    root: Path

    def docker(self, release: Release) -> Repository:
        """Docker's repository for a Debian release."""
        labels = {
            "Origin": "Docker",
            "Label": "Docker CE",
            "Suite": release.codename,
            "Codename": release.codename,
            "Architectures": "amd64",
            "Components": "stable",
        }
        dist = f"dists/{release.codename}"
        folder = self.root / "docker/linux/debian"
        return Repository(
            folder, labels | _SIMULATION, dist, f"{dist}/stable/binary-amd64", f"{dist}/pool/stable/amd64"
        )

    def cuda(self, distribution: str) -> Repository:
        """NVIDIA's driver and CUDA repository; its label is what the vendor's own pin looks for."""
        labels = {"Origin": "NVIDIA", "Label": "NVIDIA CUDA", "Architectures": "amd64"}
        return Repository(self.root / f"cuda/repos/{distribution}/x86_64", labels | _SIMULATION)

    def container_toolkit(self) -> Repository:
        """The container toolkit's repository, the same for every distribution."""
        origin = "https://nvidia.github.io/libnvidia-container"
        labels = {"Origin": origin, "Label": "NVIDIA CORPORATION <cudatools@nvidia.com>", "Architectures": "amd64"}
        return Repository(self.root / "libnvidia-container/stable/deb/amd64", labels | _SIMULATION)

    @property
    def channel(self) -> Path:
        """The conda channel; its name is conda-forge's, for that is what roles ask for."""
        return self.root / "conda/conda-forge"

    def key_files(self) -> list[Path]:
        """Every place at which a vendor publishes the key that signs its repository."""
        cuda = [self.root / f"cuda/repos/{name}/x86_64/{key}" for name, key in CUDA_KEYS.items()]
        return [self.root / "docker/linux/debian/gpg", self.root / "libnvidia-container/gpgkey", *cuda]


def urls(base_url: str) -> Mapping[str, str]:
    """Return each upstream location as an inventory names it, below ``base_url`` (no slash at its end)."""
    paths = {
        "docker": "docker",
        "cuda": "cuda/repos",
        "nvidia_container_toolkit": "libnvidia-container",
        "miniconda": "miniconda",
        "miniforge": "miniforge",
        "conda": "conda",
        "pytorch": "pytorch",
    }
    return {name: f"{base_url}/{path}" for name, path in paths.items()}
