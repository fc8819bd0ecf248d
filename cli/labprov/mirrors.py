"""Where everything is downloaded from, and whose key must have signed it. Not the layout below: roles know that.

A mirror keeps the vendor's layout below its ``url``; what a role appends is documented at each field.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from labprov.types import Fingerprint, Url


class Mirror(BaseModel):
    """One upstream location. In an inventory a plain URL stands for ``{url: URL}``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url
    """The base URL, without a slash at its end."""
    fingerprint: Fingerprint | None = None
    """The OpenPGP key that must have signed the repository; the vendor's own key when not set."""
    key: Url | None = None
    """Where the key is fetched from when that is not the vendor's path below ``url``."""

    @model_validator(mode="before")
    @classmethod
    def _from_url(cls, value: Any) -> Any:
        data = {"url": value} if isinstance(value, str) else value
        if isinstance(data, dict) and isinstance(data.get("url"), str):
            return {**data, "url": data["url"].rstrip("/")}
        return data


def _vendor(url: str) -> Any:
    return Field(default_factory=lambda: Mirror(url=url))


class Mirrors(BaseModel):
    """Every upstream location that roles download from; the defaults are the vendors' own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    docker: Mirror = _vendor("https://download.docker.com")
    """Docker Engine packages; roles append ``/linux/<debian|ubuntu|...>``."""
    cuda: Mirror = _vendor("https://developer.download.nvidia.com/compute/cuda/repos")
    """NVIDIA's driver and CUDA packages; roles append ``/<distribution>/<architecture>/``."""
    nvidia_container_toolkit: Mirror = _vendor("https://nvidia.github.io/libnvidia-container")
    """NVIDIA Container Toolkit packages; roles append ``/stable/deb/$(ARCH)`` and the like."""
    epel: Mirror = _vendor("https://dl.fedoraproject.org/pub/epel")
    """Extra packages for RHEL and its rebuilds; roles append ``/<release>/Everything/<machine>/``."""
    miniconda: Mirror = _vendor("https://repo.anaconda.com/miniconda")
    """Miniconda installers; roles append the installer's file name."""
    miniforge: Mirror = _vendor("https://github.com/conda-forge/miniforge/releases/download")
    """Miniforge installers; roles append ``/<version>/<file name>``."""
    conda: Mirror = _vendor("https://conda.anaconda.org")
    """Conda channels; conda appends ``/<channel>`` (conda's ``channel_alias``)."""
    pytorch: Mirror = _vendor("https://download.pytorch.org/whl")
    """PyTorch's wheels; roles append ``/cu126``, ``/cpu`` and the like."""
