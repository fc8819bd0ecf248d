"""What the resolver answers: a decision or a refusal, each with its reasons. Text is made in ``labprov.explain``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from labprov.compat.rows import Flavour, Source

Support = Literal["full", "minor", "forward"]
"""How a driver supports a toolkit: all of it; programs run, without what is newer in the driver (minor-version
compatibility); by the libraries of cuda-compat (forward compatibility, data-centre cards only)."""


@dataclass(frozen=True, slots=True)
class RuledOut:
    """Something that was not chosen, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the choices that make up a decision."""

    subject: str
    """``driver branch``, ``kernel modules``, ``CUDA``, ..."""
    value: str
    reasons: tuple[str, ...]
    ruled_out: tuple[RuledOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Packages:
    """What to ask the package manager for."""

    install: tuple[str, ...]
    """``name`` or ``name=version`` (the version may hold ``*``), for apt and dnf alike."""
    remove: tuple[str, ...] = ()
    """The other flavour's packages: they go in the same transaction."""
    headers: tuple[str, ...] = ()
    """Packages with the headers of a kernel, ``{}`` standing for its release or its metapackage's ending."""
    stream: str = ""
    """The dnf module stream to enable: ``nvidia-driver:580-open``."""
    lock: str = ""
    """What keeps the branch: apt preferences' version pattern, a pinning package, or a dnf version lock."""


@dataclass(frozen=True, slots=True)
class Cuda:
    """One toolkit."""

    version: str
    package: str
    support: Support
    compat: str = ""
    """The package of forward compatibility, where it is needed."""


@dataclass(frozen=True, slots=True)
class Framework:
    """A wheel that works with the cards and the driver."""

    name: str
    version: str
    cuda: str
    install: str
    """What to type."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a host gets."""

    cards: tuple[str, ...]
    system: str
    source: Source
    branch: int
    version: str | None
    """Exact version, where one was wished; None: the newest of the branch."""
    flavour: Flavour
    packages: Packages
    fabric_manager: tuple[str, ...]
    """Packages of the fabric manager, at exactly the driver's version; empty where none is needed."""
    cuda: tuple[Cuda, ...]
    frameworks: tuple[Framework, ...]
    choices: tuple[Choice, ...]
    warnings: tuple[str, ...]
    tables: str
    """The version of the tables that decided."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing works, and the nearest thing that would."""

    cards: tuple[str, ...]
    system: str
    reason: str
    nearest: tuple[str, ...] = ()
    """What to change, each enough by itself; nearest first."""
    ruled_out: tuple[RuledOut, ...] = field(default=())
    tables: str = ""

    def __str__(self) -> str:
        return f"{self.reason}; {', or '.join(self.nearest)}" if self.nearest else self.reason
