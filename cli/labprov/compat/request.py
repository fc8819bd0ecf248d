"""What the resolver is asked: the cards, the system, what somebody wishes, and the policy. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Literal

from labprov.compat.gpus import GpuModel
from labprov.compat.rows import Flavour, Scope, Source


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an inventory names; what it leaves open, the resolver chooses."""

    source: Source | None = None
    branch: int | None = None
    version: str | None = None
    """One exact driver version."""
    flavour: Flavour | None = None
    scope: Scope = "compute"
    cuda: tuple[str, ...] = ()
    """Toolkits, ``major.minor``."""
    cuda_source: Source = "vendor"
    torch: str | None = None
    """A release or the beginning of one: ``2.14``."""
    tensorflow: str | None = None

    @property
    def wanted_branch(self) -> int | None:
        """The branch that is named, by itself or by a version."""
        return self.branch or (int(self.version.partition(".")[0]) if self.version else None)


@dataclass(frozen=True, slots=True)
class Policy:
    """What to prefer where several things work."""

    today: date
    """Today: warnings of ends of life go by it, and so does the choice unless ``chosen_on`` is set."""
    prefer: Literal["long-term", "newest"] = "long-term"
    allow_end_of_life: bool = False
    chosen_on: date | None = None
    """The day on which a branch must not have ended. Roles give the tables' own, so that the calendar alone never
    changes what a server gets."""

    @property
    def day(self) -> date:
        """The day by which branches are chosen."""
        return self.chosen_on or self.today


@dataclass(frozen=True, slots=True)
class Request:
    """One host."""

    cards: tuple[GpuModel, ...]
    system: str
    """As the tables name it: ``ubuntu2404``."""
    policy: Policy
    machine: str = "x86_64"
    """``uname -m``."""
    kernel: str = ""
    """``uname -r``; empty: the distribution's own kernel."""
    nvswitches: bool = False
    """Whether the host has NVSwitches on its PCI bus."""
    secure_boot: bool = False
    wishes: Wishes = field(default_factory=Wishes)

    @property
    def end_of_life_allowed(self) -> bool:
        """Naming a branch, a version or a source is to accept its age."""
        named = self.wishes.wanted_branch or self.wishes.source == "distro"
        return self.policy.allow_end_of_life or bool(named)

    def wishing(self, **changes: object) -> Request:
        """The same host with other wishes."""
        return replace(self, wishes=replace(self.wishes, **changes))  # type: ignore[arg-type]  # checked by replace


@lru_cache(maxsize=4096)  # the same few hundred versions are compared over and over
def number(version: str) -> tuple[int, ...]:
    """``12.10`` as numbers, so that it is newer than 12.9."""
    return tuple(int(part) for part in version.split("."))
