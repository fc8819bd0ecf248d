"""What images are built from, read from the settings: folders as archives, commits of repositories. Touches no host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from labprov_roles.images import content, pins
from labprov_roles.images.settings import Build


@dataclass(frozen=True)
class FolderSource:
    """A folder on the controller."""

    build: Build
    archive: bytes

    def content(self, _locks: str) -> str:
        """What an image is compared by."""
        return content.digest(content.of_folder(self.archive), self.build)


@dataclass(frozen=True)
class GitSource:
    """A git repository."""

    build: Build
    url: str

    @property
    def key(self) -> str:
        """What is decided on; empty where the inventory names a commit."""
        ref = self.build.ref or "HEAD"
        return "" if re.fullmatch(pins.COMMIT, ref) else f"{self.url}#{ref}"

    def commit(self, locks: str) -> str:
        """The commit to build; empty: not decided yet."""
        return pins.read(locks).of(self.key) if self.key else self.build.ref or ""

    def content(self, locks: str) -> str:
        """What an image is compared by; empty while the commit is not decided."""
        commit = self.commit(locks)
        return content.digest(f"commit {commit}", self.build) if commit else ""


def of(build: Build) -> FolderSource | GitSource:
    """The source of a declared build. Raises UserError for a folder that cannot be sent."""
    if build.git:
        return GitSource(build, build.git)
    return FolderSource(build, content.archive(Path(build.folder or ""), build.dockerfile))
