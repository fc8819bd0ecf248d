"""Names of container images: ``registry/name:tag@digest``. Pure.

The grammar is that of the distribution project (https://github.com/distribution/reference), which Docker uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_REGISTRY}/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_WHAT = "an image like pytorch/pytorch:2.10.0-cuda12.8-cudnn9-runtime or registry.example.org:5000/lab/image:1.0"
DIGEST = r"sha256:[0-9a-f]{64}"


@dataclass(frozen=True)
class Reference:
    """An image by its name, as Docker shows it: without ``docker.io/`` and ``library/``."""

    name: str
    tag: str
    """Empty where only a digest was given."""
    digest: str = ""
    """Empty: what the lock says."""

    @property
    def here(self) -> str:
        """What it is called on a server."""
        return f"{self.name}:{self.tag}" if self.tag else f"{self.name}@{self.digest}"

    def at(self, digest: str) -> str:
        """Exactly that content."""
        return f"{self.name}@{digest}"

    @property
    def moves(self) -> bool:
        """Whether the tag says nothing of a version."""
        return self.tag == "latest" and not self.digest


def parse(text: str) -> Reference:
    """Read a reference. Raises ValueError.

    >>> parse("docker.io/library/debian").here
    'debian:latest'
    """
    found = _REFERENCE.fullmatch(text)
    if not found or len(found["name"]) > 255:
        raise ValueError(f"should be {_WHAT}")
    digest = found["digest"] or ""
    return Reference(_familiar(found["name"]), found["tag"] or ("" if digest else "latest"), digest)


def _familiar(name: str) -> str:
    first, _, rest = name.partition("/")
    if first in ("docker.io", "index.docker.io") and rest:
        name = rest
    registry = "." in first or ":" in first or first == "localhost"
    if name.startswith("library/") and not (registry and name == f"{first}/{rest}"):
        name = name.removeprefix("library/")
    return name


def _valid(text: str) -> str:
    parse(text)
    return text


def _taggable(text: str) -> str:
    if parse(text).digest:
        raise ValueError("should be a name and a tag: the digest is known once it is built")
    return text


ImageName = Annotated[str, StringConstraints(max_length=500), AfterValidator(_valid)]
"""A reference to an image: ``pytorch/pytorch:2.10.0-cuda12.8-cudnn9-runtime``."""

Tag = Annotated[str, StringConstraints(max_length=400), AfterValidator(_taggable)]
"""A name and a tag, without a digest: ``lab/jupyter:2``."""
