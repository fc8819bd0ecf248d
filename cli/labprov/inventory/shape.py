"""What kind of value a node is: mapping, text, nothing. Every function raises UserError for another kind."""

from __future__ import annotations

from collections.abc import Mapping

from labprov.errors import UserError
from labprov.inventory.names import did_you_mean
from labprov.inventory.tree import Leaf, Map, Node


def is_null(node: Node | None) -> bool:
    """Whether nothing is written there: no key, or a key without a value."""
    return node is None or (isinstance(node, Leaf) and node.value is None)


def mapping(node: Node) -> Map:
    """Give a mapping; a key without a value is an empty one."""
    if isinstance(node, Map):
        return node
    if is_null(node):
        return Map({}, node.where)
    raise UserError("should be a mapping (key: value)", node.where)


def entries(owner: Map, key: str) -> Mapping[str, Node]:
    """Give what the mapping at ``key`` holds; nothing when the key is not there."""
    node = owner.entries.get(key)
    return mapping(node).entries if node is not None else {}


def text(node: Node, what: str) -> str:
    """Give text; ``what`` says in the error what it should be."""
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return node.value
    hint = "quote what looks like a number or yes/no" if isinstance(node, Leaf) and not is_null(node) else ""
    raise UserError(f"should be {what}", node.where, hint)


def known_keys(owner: Map, known: tuple[str, ...]) -> None:
    """Refuse a key that is not ``known``."""
    for key, node in owner.entries.items():
        if key not in known:
            raise UserError("unknown key", node.where, did_you_mean(key, known, f"known keys: {', '.join(known)}"))
