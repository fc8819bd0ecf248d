"""Which driver a server gets: the one pure function ``choose``. Knows no host and runs nothing.

``labprov.compat`` decides; this asks it for what the settings say, and names what this role cannot install yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from labprov.compat import cards, tables
from labprov.compat.answer import Decision, Packages, Refusal
from labprov.compat.request import Policy, Request, Wishes
from labprov.compat.resolve import resolve
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.nvidia_driver.settings import Flavour, Settings, Source

SYSTEMS = ("debian12", "debian13")
"""What the role's operations speak to: apt, and Debian's packages."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to install, and why."""

    source: Source
    branch: int
    version: str | None
    """Exact version, or None: the newest of the branch."""
    flavour: Flavour
    packages: Packages
    reasons: tuple[str, ...]
    """One sentence a decision that was not the user's."""
    warnings: tuple[str, ...]
    """What a user should know of the branch, the cards and the source."""


def choose(settings: Settings, system: System, gpus: Sequence[Gpu]) -> Choice:
    """Choose branch and flavour for a system with these cards. Raises HostError when nothing drives all of them."""
    if system.name not in SYSTEMS:
        known = ", ".join(SYSTEMS)
        raise HostError(f"this role installs no NVIDIA driver on {system.name} yet; known: {known}")
    answer = resolve(_request(settings, system, gpus), tables.of(settings.compat))
    if isinstance(answer, Refusal):
        raise HostError(str(answer))
    legacy = [name for name in answer.packages.install if name.startswith("nvidia-tesla-")]
    if legacy:
        raise HostError(f"branch {answer.branch} comes as {legacy[0]} here, which this role does not install yet")
    return Choice(
        answer.source,
        answer.branch,
        answer.version,
        answer.flavour,
        answer.packages,
        _reasons(answer, settings),
        tuple(text for text in answer.warnings if "CUDA" not in text),  # toolkits are the role cuda's
    )


def _request(settings: Settings, system: System, gpus: Sequence[Gpu]) -> Request:
    known = tables.of(settings.compat)
    return Request(
        cards=tuple(known.card(gpu.device) or cards.unknown(gpu.device) for gpu in gpus),
        system=system.name,
        policy=Policy(date.today(), chosen_on=known.collected),
        machine=system.machine,
        wishes=Wishes(
            source=settings.source,
            branch=settings.branch,
            version=settings.version,
            flavour=settings.flavour,
            scope=settings.packages,
        ),
    )


def _reasons(answer: Decision, settings: Settings) -> tuple[str, ...]:
    said = {choice.subject: "; ".join(choice.reasons) for choice in answer.choices}
    reasons = []
    if settings.branch is None and settings.version is None:
        reasons.append(f"branch {answer.branch}: {said['driver branch']}")
    if settings.flavour is None:
        reasons.append(f"{answer.flavour} modules: {said['kernel modules']}")
    return tuple(reasons)
