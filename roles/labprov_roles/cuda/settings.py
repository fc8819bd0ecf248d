"""What can be set about CUDA."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, StringConstraints, model_validator

from labprov.role import RoleSettings


def _as_text(value: Any) -> Any:
    # YAML reads 12.8 and 13.0 as numbers. Nothing is lost: no minor version has had two digits.
    return str(value) if isinstance(value, float) else value


CudaVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}\.[0-9]$"), BeforeValidator(_as_text)]
"""A CUDA version, ``major.minor``: ``12.8``."""


class Settings(RoleSettings):
    """CUDA toolkits."""

    versions: tuple[CudaVersion, ...] = ()
    """The toolkits to install side by side, like ``[12.4, 12.8]``. Empty: the newest that the distribution's
    default driver supports in full and that builds for every card it drives. A toolkit that is taken off the list
    stays installed."""

    default: CudaVersion | None = None
    """The toolkit that ``/usr/local/cuda`` and ``nvcc`` mean. Not set: the newest of ``versions``."""

    source: Literal["vendor", "distro"] = "vendor"
    """``vendor``: NVIDIA's own repository. ``distro``: the distribution's nvidia-cuda-toolkit (one version, older;
    where no driver is installed it brings the distribution's libcuda1 and libnvidia-ml1)."""

    cudnn: bool = False
    """Install cuDNN 9, libraries and headers, for the default toolkit: the newest that has code for every card of the
    server, in place of one for another major version of CUDA. Only from NVIDIA's repository, held against upgrades.
    Without this again it stays. Python environments bring their own: this is for what is compiled on the server."""

    nccl: bool = False
    """The same for NCCL: the newest that was built with the default toolkit's CUDA version, or an older one of the same
    major version."""

    force: bool = False
    """Install even where no NVIDIA GPU is found, as on a server that only builds."""

    @model_validator(mode="after")
    def _default_is_installed(self) -> Self:
        if len(set(self.versions)) != len(self.versions):
            raise ValueError("versions lists one twice")
        if self.default and self.versions and self.default not in self.versions:
            raise ValueError(f"default {self.default} is not one of versions: {', '.join(self.versions)}")
        return self

    @model_validator(mode="after")
    def _libraries_are_nvidias(self) -> Self:
        asked = [name for name, wanted in {"cudnn": self.cudnn, "nccl": self.nccl}.items() if wanted]
        if asked and self.source == "distro":
            raise ValueError(f"{' and '.join(asked)}: only NVIDIA's repository has what fits: source: vendor")
        return self
