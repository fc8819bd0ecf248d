"""Which driver a server gets: the one pure function ``choose``. Knows no host and runs nothing.

A plain default table with the refusals that no table may skip; whoever wants to weigh CUDA versions, frameworks and
ends of life replaces this function and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labprov.compat import gpus as cards
from labprov.compat.gpus import GpuModel, OpenModule
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.nvidia_driver.settings import Flavour, Settings, Source
from labprov_roles.nvidia_driver.systems import Offer, offer

OPEN_BY_DEFAULT = 560
"""First branch whose open modules NVIDIA itself recommends (facts: drivers, kernel_module_rules)."""

OPEN_ONLY = 615
"""First branch without proprietary modules (R615 packages)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to install, and why."""

    source: Source
    branch: int
    version: str | None
    """Exact version, or None: the newest of the branch."""
    flavour: Flavour
    reasons: tuple[str, ...]
    """One sentence a decision that was not the user's."""


def choose(settings: Settings, system: System, gpus: Sequence[Gpu]) -> Choice:
    """Choose branch and flavour for a system with these cards. Raises HostError when nothing drives all of them."""
    offered = offer(system, settings.source)
    models = [_known(gpu) for gpu in gpus]
    _require_one_flavour(models)
    branch, reason = _branch(settings, offered)
    for model in models:
        _require_branch(model, branch, offered)
    flavour, why = _flavour(settings, offered, branch, models)
    return Choice(settings.source, branch, settings.version, flavour, tuple(text for text in (reason, why) if text))


def _known(gpu: Gpu) -> GpuModel:
    """Look a card up; one that the table does not have is taken as newer than the table, without limits."""
    return cards.lookup(gpu.device) or GpuModel(
        gpu.device, f"NVIDIA GPU 10de:{gpu.device}", (), "", "unknown", "", "", None, None, "supported", False
    )


def _require_one_flavour(models: Sequence[GpuModel]) -> None:
    closed, opened = _names(models, "unsupported"), _names(models, "required")
    if closed and opened:
        raise HostError(
            f"no kernel module drives both {closed[0]} (proprietary only) and {opened[0]} (open only): "
            "put them into different servers"
        )


def _names(models: Sequence[GpuModel], open_module: OpenModule) -> list[str]:
    return [model.name for model in models if model.open_module == open_module]


def _branch(settings: Settings, offered: Offer) -> tuple[int, str]:
    asked = settings.branch or (int(settings.version.split(".")[0]) if settings.version else None)
    if asked is None:
        return offered.default, f"branch {offered.default}: the default of {offered.name}"
    if asked < offered.oldest:
        raise HostError(f"{offered.name} has no driver branch {asked}: it starts at {offered.oldest}")
    if offered.newest and asked > offered.newest:
        raise HostError(
            f"{offered.name} has no driver branch {asked}, only {offered.newest} (source: vendor has newer ones)"
        )
    return asked, ""


def _require_branch(model: GpuModel, branch: int, offered: Offer) -> None:
    who = f"{model.name} ({model.architecture})"
    if model.first_branch and branch < model.first_branch:
        hint = offered.instead or f"set branch: {model.first_branch} or newer"
        raise HostError(f"driver branch {branch} is too old for {who}, which needs {model.first_branch}: {hint}")
    if model.last_branch and branch > model.last_branch:
        if model.last_branch >= offered.oldest:
            hint = f"set branch: {model.last_branch}"
        else:
            hint = f"{offered.name} starts at {offered.oldest}{offered.older and f'; {offered.older}'}"
        raise HostError(f"driver branch {branch} dropped {who}, which needs {model.last_branch} or older: {hint}")


def _flavour(settings: Settings, offered: Offer, branch: int, models: Sequence[GpuModel]) -> tuple[Flavour, str]:
    closed, opened = _names(models, "unsupported"), _names(models, "required")
    flavour, reason = _suitable(branch, offered, closed, opened)
    if settings.flavour and settings.flavour != flavour and (closed or opened):
        raise HostError(f"flavour {settings.flavour} does not fit this server: {reason}")
    flavour, reason = (settings.flavour, "") if settings.flavour else (flavour, reason)
    if flavour == "open" and not offered.open_modules:
        raise HostError(f"{offered.name} has no open kernel modules that match its driver: set source: vendor")
    if flavour == "proprietary" and branch >= OPEN_ONLY:
        raise HostError(
            f"branch {branch} has no proprietary kernel modules any more: set flavour: open or branch: 610 or older"
        )
    return flavour, reason


def _suitable(branch: int, offered: Offer, closed: Sequence[str], opened: Sequence[str]) -> tuple[Flavour, str]:
    if closed:
        return "proprietary", f"proprietary modules: the open ones do not support {closed[0]} (older than Turing)"
    if opened:
        return "open", f"open modules: the proprietary ones do not support {opened[0]}"
    if offered.open_modules and branch >= OPEN_BY_DEFAULT:
        return "open", f"open modules: NVIDIA's default from branch {OPEN_BY_DEFAULT} for Turing and newer"
    return "proprietary", f"proprietary modules: the open ones of branch {branch} are not for every card"
