"""Places in a JSON object, by path: finding, putting, taking out. Pure; knows nothing of Docker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

KeyPath = tuple[str, ...]
"""A place in an object: ``("runtimes", "nvidia", "path")``."""

MISSING = object()
"""What ``find`` gives where there is nothing."""


def leaves(tree: Mapping[str, Any]) -> dict[KeyPath, Any]:
    """Every value that is not a (filled) object, by its place.

    >>> leaves({"features": {"cdi": True}, "debug": False})
    {('features', 'cdi'): True, ('debug',): False}
    """
    return dict(_walk(tree, ()))


def find(tree: Any, path: KeyPath) -> Any:
    """The value at a place, or ``MISSING``."""
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return MISSING
        tree = tree[key]
    return tree


def put(tree: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Set the value at a place, making the objects on the way."""
    for key in path[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[path[-1]] = value


def take_out(tree: dict[str, Any], path: KeyPath) -> None:
    """Remove a place, and the objects that this leaves empty."""
    parent = find(tree, path[:-1])
    if isinstance(parent, dict) and path[-1] in parent:
        del parent[path[-1]]
        if not parent and len(path) > 1:
            take_out(tree, path[:-1])


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON (``1`` and ``true`` are not)."""
    if one is MISSING or other is MISSING:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def overlap(one: KeyPath, other: KeyPath) -> bool:
    """Whether one place is the other, or lies within it."""
    return all(a == b for a, b in zip(one, other, strict=False))


def _walk(tree: Mapping[str, Any], above: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _walk(value, (*above, key))
        else:
            yield (*above, key), value
