"""What can be set about the shared conda. Not what follows from it: installers, condarc and shell files."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from labprov.role import RoleSettings
from labprov.types import AbsolutePath, Sha256, Url
from labprov_roles.miniconda.channels import is_anacondas
from labprov_roles.miniconda.installers import DEFAULT_VERSIONS, KNOWN, Distribution


def _a_folder_of_its_own(value: str) -> str:
    path = PurePosixPath(value)
    if len(path.parts) < 3:
        raise ValueError("must be a folder of its own at least two levels deep, like /opt/conda")
    if len(str(path)) > 80:
        raise ValueError("must have at most 80 characters (conda writes it into the first line of scripts)")
    return str(path)


Prefix = Annotated[AbsolutePath, AfterValidator(_a_folder_of_its_own)]
"""Where a conda lives."""

InstallerVersion = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
"""A version as it stands in an installer's file name."""

ChannelName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*$", max_length=128)
]
"""A conda channel's name, like ``conda-forge`` or ``pytorch/label/dev``."""

Channel = Annotated[
    str,
    StringConstraints(
        pattern=r"^((https?|file)://[A-Za-z0-9._~:/@%+-]+|[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*)$",
        max_length=512,
    ),
]
"""A conda channel: a name like ``conda-forge`` or ``pytorch/label/dev``, or a URL."""


class Settings(RoleSettings):
    """One conda for all users of a server."""

    distribution: Distribution = "miniforge"
    """`miniforge` (conda-forge's, no terms to accept) or `miniconda` (Anaconda's; its installer runs unattended, which
    means that whoever writes this accepts the installer's licence)."""
    version: InstallerVersion | None = None
    """Version of the installer, like `26.3.2-3` (Miniforge) or `py313_26.5.3-2` (Miniconda); the newest one that
    labprov knows by checksum when not set. A newer conda that is there is kept: labprov never goes back."""
    installer_url: Url | None = None
    """A custom installer of that distribution (made by conda's constructor); needs `sha256`."""
    sha256: Sha256 | None = Field(default=None, validate_default=True)
    """Checksum of the installer; needed for a version that labprov does not know and for `installer_url`."""
    prefix: Prefix = "/opt/conda"
    """Where conda is installed. It cannot be moved later."""
    adopt: bool = False
    """Take over a conda that stands at `prefix` and was not installed by labprov: it is upgraded in place when it is
    older, its base becomes root's, its environments stay. Without this such a conda is refused, untouched."""
    accept_anaconda_terms: bool = False
    """Whether your organisation has accepted Anaconda's terms of service. Only then can Anaconda's channels
    (`defaults`, `main`, `r`, ...) be used. Otherwise `defaults`, which many an `environment.yml` says, means
    `channels`."""
    channels: tuple[Channel, ...] = ("conda-forge",)
    """Where packages come from, first preferred. A user's own `~/.condarc` puts channels before these."""
    custom_channels: dict[ChannelName, Url] = {}
    """Channels that are found elsewhere than the rest: name -> base URL (conda appends the name), for a mirror that
    does not have all of them in one place. Where the rest is found is `mirrors.conda`."""
    default_channels: tuple[Url, ...] = ()
    """What `defaults` stands for, like a mirror's `.../pkgs/main`; when empty those of `mirrors.anaconda`, else
    Anaconda's own. Needs the terms."""
    auto_activate: bool = False
    """Whether the base environment is active as soon as somebody logs in. Starts Python twice at each login."""

    @property
    def anacondas_channels(self) -> tuple[str, ...]:
        """What ``defaults`` stands for; empty: Anaconda's own."""
        mirror = self.mirrors.anaconda if self.accept_anaconda_terms else None
        return self.default_channels or ((f"{mirror}/main", f"{mirror}/r") if mirror else ())

    @field_validator("sha256")
    @classmethod
    def _known_or_given(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            return value
        if info.data.get("installer_url"):
            raise ValueError("sha256 is missing: a custom installer_url needs the checksum of its installer")
        distribution, version = info.data.get("distribution"), info.data.get("version")
        if distribution and version and (distribution, version) not in KNOWN:
            known = DEFAULT_VERSIONS[distribution]
            raise ValueError(
                f"sha256 is missing: labprov knows no checksum of {distribution} {version}, only of {known}"
            )
        return value

    @field_validator("channels")
    @classmethod
    def _some_channel(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one channel: conda would use Anaconda's otherwise")
        return cls._only_accepted(value, info)

    @field_validator("default_channels")
    @classmethod
    def _only_accepted(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        theirs = [channel for channel in value if is_anacondas(channel)]
        if theirs and not info.data.get("accept_anaconda_terms"):
            raise ValueError(
                f"the channel {theirs[0]!r} is Anaconda's: when your organisation has accepted Anaconda's terms of "
                "service write accept_anaconda_terms: true, otherwise use conda-forge"
            )
        return value
