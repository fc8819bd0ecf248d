"""What can be said about container images. Not what follows from it: digests, contexts, commands."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator

from labprov.role import RoleSettings
from labprov.types import BesideFile, Line, LocalPath, beside
from labprov_roles.images.references import ImageName, Tag, parse

BuildName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$", max_length=64)]
"""A name of an image that is built: small letters, digits, and ``. _ -`` between them."""

GitUrl = Annotated[str, StringConstraints(pattern=r"^(https?|ssh)://[A-Za-z0-9._~:/@%+-]+$", max_length=1024)]
"""Where a git repository is: https, http or ssh."""

GitRef = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/+-]*$", max_length=200)]
"""A branch, a tag or a commit (all 40 digits)."""

Seconds = Annotated[int, Field(ge=10, le=86_400)]
"""A time in seconds, at most a day."""

_SECRET = re.compile("password|passwd|secret|token|credential|api_?key", re.IGNORECASE)


def _inside(value: str) -> str:
    if ".." in value.split("/"):
        raise ValueError("should be a path within the folder, without '..'")
    return value


InnerPath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_.][A-Za-z0-9_./+-]*$", max_length=500), AfterValidator(_inside)
]
"""A path within a folder."""

ArgumentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
"""A name of a build argument."""


def _without_password(value: str) -> str:
    user, at, _ = value.partition("://")[2].partition("/")[0].rpartition("@")
    if at and ":" in user:
        raise ValueError("should be without a password: give root on the server access to the repository")
    return value


class Build(BaseModel):
    """An image that is built on the server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: BesideFile | None = None
    """A folder on the controller with all that the build takes; the path is from the inventory's folder. All of it
    counts as content, and is sent to the server."""
    git: Annotated[GitUrl, AfterValidator(_without_password)] | None = None
    """Instead of a folder, a git repository that the server fetches from."""
    ref: GitRef | None = None
    """Branch, tag or commit of the repository; its default branch when not set. The commit is decided once, and
    locked."""
    dockerfile: InnerPath = "Dockerfile"
    """The Dockerfile, from the folder or the top of the repository."""
    args: dict[ArgumentName, Line] = {}
    """Build arguments. Never secrets: they stay in the image's history, and in the plan."""
    tag: Tag | None = None
    """What the image is called, like `lab/jupyter:2`; NAME:latest when not set."""

    @model_validator(mode="after")
    def _one_source(self) -> Build:
        if (self.folder is None) == (self.git is None):
            raise ValueError("should name either a folder or a git repository")
        if self.ref and not self.git:
            raise ValueError("ref goes with git")
        for name in self.args:
            if _SECRET.search(name):
                raise ValueError(f"args: {name} looks like a secret, and would stay readable in the image's history")
        return self


class Settings(RoleSettings):
    """Container images."""

    pull: list[ImageName] = []
    """Images from registries: `pytorch/pytorch:2.10.0-cuda12.8-cudnn9-runtime`. What a tag means is decided once, and
    locked; a digest (`name:tag@sha256:...`) decides it here. Private ones need `docker login` as root on the server."""
    build: dict[BuildName, Build] = {}
    """Images that are built on the server, by name; again when their content or arguments change."""
    prune: bool = False
    """Remove images that this role once pulled or built, that are no longer declared, and that nobody uses: no
    container has them and nobody gave them a name of their own. Never an image that somebody else pulled or built."""
    min_free_gb: Annotated[int, Field(ge=0, le=100_000)] = 10
    """Gigabytes that must be free where Docker keeps images; with less, nothing is pulled or built."""
    pull_timeout: Seconds = 3600
    """Seconds after which one pull is given up. What was loaded by then is loaded again."""
    build_timeout: Seconds = 3600
    """Seconds after which one build is given up."""
    locks: LocalPath = "labprov-images"
    """The folder on the controller where decisions are kept (`images.lock`), beside the inventory when not set. Keep it
    under version control: it is what makes the next server the same."""

    @model_validator(mode="before")
    @classmethod
    def _beside_the_inventory(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict):
            return value
        return {**value, "locks": beside(value.get("locks", "labprov-images"), info)}

    @model_validator(mode="after")
    def _each_name_once(self) -> Settings:
        seen: set[str] = set()
        for name in (*(parse(text).here for text in self.pull), *(self.tag_of(name) for name in self.build)):
            if name in seen:
                raise ValueError(f"two images would be called {name}")
            seen.add(name)
        return self

    def tag_of(self, name: str) -> str:
        """What a built image is called on a server."""
        return parse(self.build[name].tag or name).here
