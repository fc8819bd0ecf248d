"""What can be said about environments. Not what follows from it: requests, locks and builds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from labprov.role import RoleSettings
from labprov.types import BesideFile, LocalPath, UnixName, Url, beside
from labprov_roles.conda_envs.requirements import Names, Requirement, ready_made
from labprov_roles.miniconda.settings import Channel, Prefix

LONGEST = 120
"""Characters of the path of an environment's Python: a kernel reads the first 127 of a script's first line."""


EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=32)]
"""An environment's name."""

PythonVersion = Annotated[str, StringConstraints(pattern=r"^3\.[0-9]{1,2}(\.[0-9]{1,2})?$")]
"""Python's version: `"3.12"`, in quotes in YAML."""


class Environment(BaseModel):
    """One environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["present", "absent"] = "present"
    """`absent` removes it. One that is no longer named is left alone."""
    user: UnixName | None = None
    """Whose it is, in that user's `~/.conda/envs`; without a user it is everybody's."""
    python: PythonVersion | None = None
    """Python's version, in quotes; the role's `python` when not set."""
    sets: tuple[EnvName, ...] = ()
    """Ready-made sets: `datascience`, `pytorch`, `tensorflow`, `jupyter`, `spyder`, `physics`, or your `own_sets`."""
    packages: tuple[Requirement, ...] = ()
    """What it should have: `numpy>=2`, or with who installs it: `{conda: ...}`, `{pip: ...}` (as each of them reads
    it). A plain one is conda's when a channel has it and it goes together with the rest, else pip's."""
    channels: tuple[Channel, ...] = ()
    """Conda channels, first preferred; the role's `channels` when empty."""
    pip_index: Url | None = None
    """Where pip looks; the role's `pip_index` when not set."""
    environment_file: BesideFile | None = None
    """An `environment.yml` to take instead of `python`, `sets`, `packages` and `channels`; the path is from the
    inventory's folder."""
    requirements_file: BesideFile | None = None
    """A `requirements.txt` to take instead of `sets` and `packages`: all of it by pip."""
    jupyter_kernel: bool = False
    """Offer it as a kernel in everybody's Jupyter (adds `ipykernel`). For shared environments only."""

    @field_validator("jupyter_kernel")
    @classmethod
    def _shared_kernel(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("user"):
            raise ValueError("is for shared environments: a kernel that all see would run what one user can change")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Environment:
        files = [key for key in ("environment_file", "requirements_file") if getattr(self, key)]
        if len(files) == 2 or (files and (self.sets or self.packages)):
            raise ValueError("should name either sets and packages, or an environment_file, or a requirements_file")
        return self


class Settings(RoleSettings):
    """Python environments by conda and pip."""

    prefix: Prefix = "/opt/conda"
    """Where conda is: the role `miniconda`'s `prefix`. Shared environments lie in its folder `envs`."""
    environments: dict[EnvName, Environment] = {}
    """The environments, by name. Without any this role does nothing."""
    python: PythonVersion = "3.12"
    """Python's version where an environment names none; in quotes."""
    channels: tuple[Channel, ...] = ("conda-forge",)
    """Conda channels where an environment names none, first preferred."""
    pip_index: Url | None = None
    """Where pip looks; when not set, `mirrors.pip`, or what the server's pip is configured for (`/etc/pip.conf`)."""
    own_sets: dict[EnvName, tuple[Requirement, ...]] = {}
    """Your own ready-made sets: name -> packages. One of a built-in set's name replaces it."""
    names: dict[EnvName, Names] = {}
    """Packages that conda and pip call by other names, beside those that labprov knows:
    name -> `{conda, pip, imports, also}`."""
    locks: LocalPath = "labprov-envs"
    """The folder on the controller where decisions are kept, beside the inventory when not set. Keep it under version
    control: it is what makes the next server the same."""

    @model_validator(mode="before")
    @classmethod
    def _beside_the_inventory(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict):
            return value
        return {**value, "locks": beside(value.get("locks", "labprov-envs"), info)}

    @field_validator("channels")
    @classmethod
    def _some_channel(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one channel")
        return value

    @model_validator(mode="after")
    def _known_sets_and_short_paths(self) -> Settings:
        known = {*ready_made(), *self.own_sets}
        for name, environment in self.environments.items():
            if name in ("base", "root"):
                raise ValueError(f"{name} is conda's own environment: give yours another name")
            unknown = [each for each in environment.sets if each not in known]
            if unknown:
                raise ValueError(
                    f"the environment {name} names the set {unknown[0]!r}; known: {', '.join(sorted(known))}"
                )
            if (
                not environment.user
                and len(f"{self.prefix}/envs/.labprov/{name}-12345678-000/bin/python3.12") > LONGEST
            ):
                raise ValueError(
                    f"the name {name} is too long below {self.prefix}: scripts could not name their Python"
                )
        return self
