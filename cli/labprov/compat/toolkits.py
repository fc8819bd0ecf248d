"""CUDA toolkits against drivers, cards and repositories: the rules of NVIDIA's release notes, and the default."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from labprov.compat.answer import Cuda, RuledOut, Support
from labprov.compat.gpus import GpuModel
from labprov.compat.request import Request, number
from labprov.compat.rows import Source, Toolkit
from labprov.compat.tables import Tables


@lru_cache(maxsize=4096)
def builds_for(capability: str, targets: tuple[str, ...]) -> bool:
    """Whether machine code for one of the targets runs: the same major capability, and none newer."""
    major, minor = number(capability)
    return any(target[0] == major and target[1] <= minor for target in map(number, targets))


def dropped(card: GpuModel, toolkit: Toolkit) -> bool:
    """Whether a card is too old for a toolkit. A card that the tables do not know counts as new."""
    if card.architecture == "fermi or older":
        return True
    return bool(card.capability) and number(card.capability) < _oldest(toolkit.targets)


def too_new(card: GpuModel, toolkit: Toolkit) -> bool:
    """Whether a toolkit has no machine code for a card, which then compiles its PTX when a program starts."""
    return bool(card.capability) and not dropped(card, toolkit) and not builds_for(card.capability, toolkit.targets)


@lru_cache(maxsize=8192)
def supported(version: str, branch: int, driver: str | None, tables: Tables) -> Support | None:
    """How a driver supports a toolkit, forward compatibility aside. ``driver``: its exact version, where known."""
    toolkit, oldest = tables.toolkits[version], tables.oldest_driver(version)
    if driver:
        came_with = list(toolkit.updates.values())[-1] if toolkit.updates else str(toolkit.branch)
        full, runs = number(driver) >= number(came_with), oldest and number(driver) >= number(oldest)
    else:
        full, runs = branch >= toolkit.branch, oldest and branch >= number(oldest)[0]
    return "full" if full else "minor" if runs else None


def floor(version: str, tables: Tables) -> str:
    """The driver that a toolkit needs, in words."""
    full, oldest = tables.toolkits[version].branch, tables.oldest_driver(version)
    if oldest is None or number(oldest)[0] >= full:
        return f"{full} or newer"
    return f"{number(oldest)[0]} or newer ({full} for all of it)"


def forward_compatible(cards: Sequence[GpuModel]) -> bool:
    """Whether cuda-compat works: NVIDIA has it for data-centre cards only."""
    return bool(cards) and all(card.segment == "datacenter" for card in cards)


def missing(version: str, request: Request, tables: Tables) -> str:
    """Why a toolkit cannot be had for this system and these cards at all; empty when it can."""
    if version == "12.7":
        return "there is no CUDA 12.7: NVIDIA went from 12.6 to 12.8"
    toolkit = tables.toolkits.get(version)
    if toolkit is None:
        newest = max(tables.toolkits, key=number)
        return (
            f"CUDA {version} is not in the tables, whose newest is {newest} (compat.toolkits in the inventory adds one)"
        )
    if request.cards and all(dropped(card, toolkit) for card in request.cards):
        last = last_for(request.cards[0], tables)
        name = request.cards[0].name
        return f"CUDA {version} cannot build for {name}: {f'{last} is the last that does' if last else 'none does'}"
    return unavailable(version, request, tables)


def unavailable(version: str, request: Request, tables: Tables) -> str:
    """Why the wished source has no such toolkit for the system; empty when it has."""
    return _unavailable(version, request.system, request.wishes.cuda_source, tables)


@lru_cache(maxsize=4096)
def _unavailable(version: str, system: str, source: Source, tables: Tables) -> str:
    offer = tables.systems[system].drivers.get(source)
    if offer is None or offer.toolkits is None:
        return f"no CUDA toolkit from source {source} is known for {tables.systems[system].title}"
    oldest, newest = offer.toolkits
    if number(version) < number(oldest):
        return f"{offer.title} has no CUDA {version}: it starts at {oldest}"
    if newest and number(version) > number(newest):
        return f"{offer.title} has CUDA {newest} only, not {version}"
    return ""


def last_for(card: GpuModel, tables: Tables) -> str | None:
    """The newest toolkit that builds for a card, or None."""
    fitting = [version for version, row in tables.toolkits.items() if not dropped(card, row)]
    return max(fitting, key=number, default=None)


def default(request: Request, branch: int, tables: Tables) -> tuple[str | None, tuple[str, ...], tuple[RuledOut, ...]]:
    """The toolkit for a host that names none, the reasons, and the newer ones that were ruled out.

    The newest that the branch supports in full and that builds for every card which the branch drives, not only for
    this host's, so that servers with the same driver get the same toolkit; where there is none, for this host's cards.
    """
    for others, reason in (
        (tables.branches[branch].supports, "builds for every card that the branch drives"),
        ((), "builds for this server's cards"),
    ):
        ruled_out: list[RuledOut] = []
        for version in _newest_first(tables):
            why = _against_default(version, request, branch, others, tables)
            if not why:
                return (
                    version,
                    (f"the newest that branch {branch} supports in full and that {reason}",),
                    tuple(ruled_out),
                )
            ruled_out.append(RuledOut(f"CUDA {version}", why))
    return None, ("no toolkit that can be had here fits driver and cards",), tuple(ruled_out)


def cuda(version: str, support: Support, request: Request) -> Cuda:
    """The toolkit with its package's name."""
    dashed = version.replace(".", "-")
    package = f"cuda-toolkit-{dashed}" if request.wishes.cuda_source == "vendor" else "nvidia-cuda-toolkit"
    return Cuda(version, package, support, f"cuda-compat-{dashed}" if support == "forward" else "")


def _against_default(version: str, request: Request, branch: int, others: Sequence[str], tables: Tables) -> str:
    toolkit = tables.toolkits[version]
    if supported(version, branch, request.wishes.version, tables) != "full":
        return f"came with driver branch {toolkit.branch}; {branch} does not support all of it"
    if why := unavailable(version, request, tables):
        return why
    for card in request.cards:
        if dropped(card, toolkit) or too_new(card, toolkit):
            return f"does not build for {card.name}"
    if lost := _lost(tuple(others), version, tables):
        return f"does not build for {' and '.join(lost)}, which branch {branch} drives"
    return "uncertain" if toolkit.uncertain else ""


@lru_cache(maxsize=4096)
def _lost(architectures: tuple[str, ...], version: str, tables: Tables) -> tuple[str, ...]:
    """Those of the architectures for no chip of which the toolkit builds."""
    targets, chips = tables.toolkits[version].targets, tables.capabilities
    return tuple(name for name in architectures if not any(builds_for(chip, targets) for chip in chips.get(name, ())))


@lru_cache(maxsize=16)
def _newest_first(tables: Tables) -> tuple[str, ...]:
    return tuple(sorted(tables.toolkits, key=number, reverse=True))


@lru_cache(maxsize=256)
def _oldest(targets: tuple[str, ...]) -> tuple[int, ...]:
    return min(map(number, targets))
