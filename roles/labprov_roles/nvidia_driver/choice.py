"""Which driver a server gets: the one pure function ``choose``. Knows no host and runs nothing.

``labprov.compat`` decides; this asks it for what the settings say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from labprov.compat import cards, tables
from labprov.compat.answer import Decision, Packages, Refusal
from labprov.compat.request import Policy, Request, Wishes
from labprov.compat.resolve import resolve
from labprov.engine.facts.board import Machine
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.nvidia_driver.settings import Flavour, Settings, Source

UNKNOWN = Machine()
"""A machine of which nothing is known: the distribution's own kernel, no NVSwitch, no Secure Boot."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to install, and why."""

    source: Source
    branch: int
    version: str | None
    """Exact version, or None: the newest of the branch."""
    flavour: Flavour
    packages: Packages
    fabric_manager: tuple[str, ...]
    """Packages of the fabric manager; empty where none is needed."""
    signed: bool
    """Whether the distribution signed the modules, so that they are not built on the server."""
    reasons: tuple[str, ...]
    """One sentence a decision that was not the user's."""
    warnings: tuple[str, ...]
    """What a user should know of the branch, the cards and the source."""

    @property
    def pattern(self) -> str:
        """The versions that the packages of this choice may have, as apt and dnf match them."""
        return f"{self.version}-*" if self.version else f"{self.branch}.*"


def choose(settings: Settings, system: System, gpus: Sequence[Gpu], machine: Machine = UNKNOWN) -> Choice:
    """Choose source, branch and flavour that drive these cards. Raises HostError when nothing does."""
    known = tables.of(settings.compat)
    answer = resolve(_request(settings, system, gpus, machine), known)
    if isinstance(answer, Refusal):
        raise HostError(str(answer))
    return Choice(
        answer.source,
        answer.branch,
        answer.version,
        answer.flavour,
        replace(answer.packages, install=settings.exact(answer.packages.install)),
        settings.exact(answer.fabric_manager),
        known.systems[system.name].drivers[answer.source].signed,
        _reasons(answer, settings),
        tuple(text for text in answer.warnings if "CUDA" not in text),  # toolkits are the role cuda's
    )


def _request(settings: Settings, system: System, gpus: Sequence[Gpu], machine: Machine) -> Request:
    known = tables.of(settings.compat)
    return Request(
        cards=tuple(known.card(gpu.device) or cards.unknown(gpu.device) for gpu in gpus),
        system=system.name,
        policy=Policy(date.today(), chosen_on=known.collected),
        machine=system.machine,
        kernel=machine.kernel,
        nvswitches=bool(machine.nvswitches),
        secure_boot=machine.secure_boot,
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
    if settings.source is None and answer.source != "vendor":
        reasons.append(f"from {said['source']}")
    if settings.branch is None and settings.version is None:
        reasons.append(f"branch {answer.branch}: {said['driver branch']}")
    if settings.flavour is None:
        reasons.append(f"{answer.flavour} modules: {said['kernel modules']}")
    return tuple(reasons)
