"""Where everything is downloaded from, and whose key must have signed it. Not the layout below: roles know that.

A mirror keeps the vendor's layout below its ``url``; what a role appends is documented at each field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from labprov.mirrors import presets
from labprov.types import Fingerprint, Url

BaseUrl = Annotated[Url, AfterValidator(lambda url: url.rstrip("/"))]
"""A URL without a slash at its end."""


def _known(name: str) -> str:
    if name not in presets.load().presets:
        raise ValueError(f"no preset is called so: there are {', '.join(sorted(presets.load().presets))}")
    return name


Preset = Annotated[str, AfterValidator(_known)]
"""The name of a row in presets.yml."""


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


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

    preset: Preset | None = None
    """A public mirror by name (`labprov mirrors presets` lists them): the locations below that it offers and that are
    not set. `mirrors: tuna` is short for `mirrors: {preset: tuna}`."""
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
    anaconda: BaseUrl | None = None
    """Anaconda's own channels, where their terms are accepted (role `miniconda`); conda appends ``/main``, ``/r``."""
    pytorch: Mirror = _vendor("https://download.pytorch.org/whl")
    """PyTorch's wheels; roles append ``/cu126``, ``/cpu`` and the like."""
    pip: BaseUrl | None = None
    """The Python package index, as in ``https://mirror.example/pypi/simple``: written to `/etc/pip.conf` (role `base`),
    so that everybody's `pip install` uses it."""
    registry: Annotated[tuple[BaseUrl, ...], BeforeValidator(_several)] = ()
    """Mirrors of Docker Hub, tried in this order, where `docker.registry_mirrors` names none."""
    debian: BaseUrl | None = None
    """Debian's archive: put in place of Debian's own locations in apt's sources (role `base`)."""
    debian_security: BaseUrl | None = None
    """Debian's security updates. Presets leave them with Debian: a mirror has them later."""
    ubuntu: BaseUrl | None = None
    """Ubuntu's archive (amd64)."""
    ubuntu_security: BaseUrl | None = None
    """Ubuntu's security updates (amd64). Presets leave them with Ubuntu."""
    ubuntu_ports: BaseUrl | None = None
    """Ubuntu's archive for other architectures, with its security updates."""
    rocky: BaseUrl | None = None
    """Rocky Linux' archive; its layout begins below with ``/<release>/BaseOS``."""
    almalinux: BaseUrl | None = None
    """AlmaLinux' archive; its layout begins below with ``/<release>/BaseOS``."""

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, value: Any) -> Any:
        """What is written wins over the preset; a key without a value is the vendor's, whatever the preset has."""
        data = {"preset": value} if isinstance(value, str) else value
        if not isinstance(data, Mapping):
            return data
        offered = presets.offered(data.get("preset"))
        return {key: each for key, each in {**offered, **data}.items() if each is not None}


ARCHIVES = ("debian", "debian_security", "ubuntu", "ubuntu_security", "ubuntu_ports", "rocky", "almalinux")
"""Those that are a distribution's archive."""
