"""Layers to one tree by precedence: mappings are merged key by key, everything else replaces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from labprov.errors import UserError
from labprov.inventory.tree import Map, Node, same

HINT = "both have the same precedence: keep one, or decide it on the host"

Layer = tuple[int, Node]
"""A level (a higher one wins) and what it says."""


def merge(layers: Sequence[tuple[int, Map]], who: str) -> Map:
    """Merge ``layers``; ``who`` names the host in messages.

    Raises UserError when two layers of the same level give a key different values and no higher level decides it.
    """
    merged = _merge(sorted(layers, key=_level, reverse=True), who)
    assert isinstance(merged, Map)
    return merged


def _level(layer: Layer) -> int:
    return layer[0]


def _merge(layers: Sequence[Layer], who: str) -> Node:
    """Merge what the layers, highest level first, say about one key."""
    maps: list[tuple[int, Map]] = []
    for _, group in groupby(layers, key=_level):
        level = list(group)
        here = [(number, node) for number, node in level if isinstance(node, Map)]
        if len(here) < len(level):
            # A value that is no mapping ends the search: it replaces what is below, and mappings above replace it.
            if here or not maps:
                _agreed(level, who)
            if not maps:
                return level[0][1]
            break
        maps += here
    return maps[0][1] if len(maps) == 1 else _merge_maps(maps, who)


def _merge_maps(maps: Sequence[tuple[int, Map]], who: str) -> Map:
    keys: dict[str, list[Layer]] = {}
    for level, node in reversed(
        maps
    ):  # the order of keys is that of the lowest level: what all hosts share comes first
        for key, child in node.entries.items():
            keys.setdefault(key, []).insert(0, (level, child))
    entries = {key: _merge(found, who) if len(found) > 1 else found[0][1] for key, found in keys.items()}
    return Map(entries, maps[0][1].where)


def _agreed(level: Sequence[Layer], who: str) -> None:
    first = level[0][1]
    for _, other in level[1:]:
        if not same(first, other):
            early, late = sorted((first.where, other.where), key=lambda where: where.line)
            raise UserError(f"conflicts with {early} for host {who!r}", late, HINT)
