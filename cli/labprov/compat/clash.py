"""What can never work, whatever branch is taken: cards that exclude each other, wishes that exclude the cards. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from labprov.compat import flavour as flavours
from labprov.compat import toolkits
from labprov.compat.branch import SOURCES, offered
from labprov.compat.gpus import GpuModel
from labprov.compat.request import Request
from labprov.compat.tables import Tables


def impossible(request: Request, tables: Tables) -> str:
    """The reason, or empty."""
    return (
        _system(request, tables)
        or _cards(request.cards)
        or _flavour(request)
        or next((why for v in request.wishes.cuda if (why := toolkits.missing(v, request, tables))), "")
    )


def exclusive(cards: Sequence[GpuModel]) -> tuple[GpuModel, GpuModel] | None:
    """Two cards that no driver serves at the same time, the older one first; None when there are none."""
    closed, opened = flavours.named(cards, "unsupported"), flavours.named(cards, "required")
    if closed and opened:
        return closed[0], opened[0]
    ending = [card for card in cards if card.last_branch]
    for old in ending:
        for new in cards:
            if (new.first_branch or 0) > (old.last_branch or 0):
                return old, new
    return None


def _system(request: Request, tables: Tables) -> str:
    if request.system not in tables.systems:
        return f"no NVIDIA driver is known for {request.system}; known: {', '.join(tables.systems)}"
    sources = (request.wishes.source,) if request.wishes.source else SOURCES
    if any(offered(tables, request.system, request.machine, source) for source in sources):
        return ""
    where = f" from source {request.wishes.source}" if request.wishes.source else ""
    return f"no NVIDIA driver is known for {request.system} on {request.machine}{where}"


def _cards(cards: Sequence[GpuModel]) -> str:
    pair = exclusive(cards)
    if pair is None:
        return ""
    old, new = pair
    if old.open_module == "unsupported" and new.open_module == "required":
        return f"no kernel module drives both {old.name} (proprietary only) and {new.name} (open only)"
    return (
        f"no driver branch drives both {old.name} ({old.last_branch} or older) and {new.name} "
        f"({new.first_branch} or newer)"
    )


def _flavour(request: Request) -> str:
    wish, (needed, why) = request.wishes.flavour, flavours.needed(request.cards)
    return f"flavour {wish} does not fit this server: {why}" if wish and needed and wish != needed else ""
