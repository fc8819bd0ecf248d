"""Which kernel modules drive the cards: NVIDIA's open ones or the proprietary ones. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from labprov.compat.gpus import GpuModel, OpenModule
from labprov.compat.rows import Branch, Flavour, Offer

OPEN_BY_DEFAULT = 560
"""First branch whose open modules NVIDIA itself takes by default (its blog on the transition, 2024)."""


def named(cards: Sequence[GpuModel], module: OpenModule) -> list[GpuModel]:
    """The cards of which that is true."""
    return [card for card in cards if card.open_module == module]


def needed(cards: Sequence[GpuModel]) -> tuple[Flavour | None, str]:
    """The only flavour that fits the cards and why, or None when either does."""
    if closed := named(cards, "unsupported"):
        return "proprietary", f"the open ones do not support {closed[0].name} (older than Turing)"
    if opened := named(cards, "required"):
        return "open", f"the proprietary ones do not support {opened[0].name}"
    return None, ""


def choose(
    cards: Sequence[GpuModel], wish: Flavour | None, branch: int, row: Branch, offer: Offer
) -> tuple[Flavour, str]:
    """The flavour for a branch, and the reason. The caller has made sure that the wish fits the cards."""
    flavour, why = needed(cards)
    if wish:
        return wish, "asked for"
    if flavour:
        return flavour, why
    if row.open == "only":
        return "open", f"branch {branch} has no others"
    if offer.open and branch >= OPEN_BY_DEFAULT:
        return "open", f"NVIDIA's default from branch {OPEN_BY_DEFAULT} for Turing and newer"
    if not offer.open:
        return "proprietary", f"{offer.title} has no open ones that match its driver"
    return "proprietary", f"the open ones of branch {branch} are not for every card"


def against(flavour: Flavour, branch: int, row: Branch, offer: Offer) -> str:
    """Why a branch does not have a flavour there; empty when it has."""
    if flavour == "proprietary" and row.open == "only":
        return f"branch {branch} has no proprietary kernel modules any more"
    if flavour == "open" and row.open == "none":
        return f"branch {branch} has no open kernel modules yet"
    if flavour == "open" and not offer.open:
        return f"{offer.title} has no open kernel modules that match its driver"
    return ""
