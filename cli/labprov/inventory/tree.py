"""Values that know where they were written: the nodes of a YAML file, and ``Tree``, a host's merged view of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from labprov.errors import Where


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar, or whatever plain data a template gave."""

    value: Any
    where: Where


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class Map:
    """A mapping; its keys are text as written. ``where`` is the line of the key that it belongs to."""

    entries: Mapping[str, Node]
    where: Where


Node = Leaf | Items | Map


def plain(node: Node) -> Any:
    """Give the node as dicts, lists and scalars that the caller may change."""
    match node:
        case Map():
            return {key: plain(child) for key, child in node.entries.items()}
        case Items():
            return [plain(child) for child in node.items]
        case Leaf():
            return deepcopy(node.value) if isinstance(node.value, dict | list) else node.value


def same(one: Node, other: Node) -> bool:
    """Whether two nodes are written alike: ``1``, ``1.0``, ``true`` and ``"1"`` all differ."""
    match one, other:
        case Map(), Map():
            return one.entries.keys() == other.entries.keys() and all(
                same(child, other.entries[key]) for key, child in one.entries.items()
            )
        case Items(), Items():
            return len(one.items) == len(other.items) and all(map(same, one.items, other.items))
        case Leaf(), Leaf():
            return type(one.value) is type(other.value) and bool(one.value == other.value)
    return False


@dataclass(frozen=True, slots=True)
class Tree:
    """A mapping, merged and rendered for one host, that still knows where each value was written."""

    root: Map

    @classmethod
    def empty(cls, where: Where) -> Tree:
        """Give a tree without values; every path in it points at ``where``."""
        return cls(Map({}, where))

    def plain(self) -> dict[str, Any]:
        """Give the values as dicts, lists and scalars that the caller may change."""
        return {key: plain(child) for key, child in self.root.entries.items()}

    def value(self, key: str, otherwise: Any = None) -> Any:
        """Give one value as ``plain`` does, without looking at the others."""
        return plain(self.root.entries[key]) if key in self.root.entries else otherwise

    def where(self, *path: str | int) -> Where:
        """Give the place of the value at ``path``, or of the nearest thing above it that was written."""
        node: Node = self.root
        for part in path:
            match node:
                case Map() if part in node.entries:
                    node = node.entries[str(part)]
                case Items() if isinstance(part, int) and 0 <= part < len(node.items):
                    node = node.items[part]
                case _:
                    break
        return node.where

    def sub(self, key: str) -> Tree:
        """Give the mapping at ``key`` as a tree of its own; an empty one when there is none."""
        child = self.root.entries.get(key)
        return Tree(child) if isinstance(child, Map) else Tree.empty(self.where(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self.root.entries)
