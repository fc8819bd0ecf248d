"""YAML text to nodes that know their lines. It knows YAML, and nothing about inventories.

Stricter than YAML: a key may be written once, keys are text as written (``on`` stays ``on``), only YAML's own tags.
Built from the parser's events, because PyYAML's composer recurses in C and crashes the interpreter on deep nesting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from labprov.errors import UserError, Where
from labprov.inventory import scalars
from labprov.inventory.tree import Items, Leaf, Map, Node

MAX_DEPTH = 64
MAX_VALUES = 200_000
"""Values in one file, aliases counted as often as they are used."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(path: Path, text: str) -> Node | None:
    """Compose the one document in ``text``, None when there is none; ``path`` is for places only.

    Raises UserError, or yaml.YAMLError when it is not YAML.
    """
    return _Composer(path, yaml.parse(text, Loader=_Loader)).document()


class _Composer:
    """Nodes from the parser's events; one use a file."""

    def __init__(self, path: Path, events: Iterator[Any]) -> None:
        self.path, self.events = path, events
        self.anchors: dict[str, Node] = {}
        self.count = self.depth = 0

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    where = Where(self.path, _line(event))
                    raise UserError("holds a second YAML document", where, "an inventory is one document")
                root = self.node(next(self.events), "")
        return root

    def node(self, event: Any, key: str, line: int = 0) -> Node:
        """Build what begins with ``event``; ``line`` is that of its key, when it has one."""
        where = Where(self.path, line or _line(event), key)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), where)
        node = self.written(event, where)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def written(self, event: Any, where: Where) -> Node:
        self.counted(where)
        if isinstance(event, yaml.ScalarEvent):
            return Leaf(scalars.value(event, where), where)
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
        if event.tag not in (None, "!", scalars.TAG + kind):
            raise scalars.unknown_tag(event.tag, where)
        with self.deeper(where):
            return self.mapping(where) if kind == "map" else self.sequence(where)

    def counted(self, where: Where) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            raise UserError(f"holds more than {MAX_VALUES} values, aliases included", replace(where, key=""))

    @contextmanager
    def deeper(self, where: Where) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UserError(f"is nested deeper than {MAX_DEPTH} levels", replace(where, key=""))
        yield
        self.depth -= 1

    def alias(self, anchor: str, where: Where) -> Node:
        if anchor not in self.anchors:
            raise UserError(f"the alias '*{anchor}' has no complete anchor '&{anchor}' before it", where)
        return self.moved(self.anchors[anchor], where)

    def moved(self, node: Node, where: Where) -> Node:
        """Give ``node`` as used at ``where``: below other keys, its values still on the lines that they stand on."""
        self.counted(where)
        if isinstance(node, Leaf):
            return Leaf(node.value, where)
        with self.deeper(where):
            if isinstance(node, Map):
                pairs = node.entries.items()
                return Map({name: self.moved(child, _below(where, name, child)) for name, child in pairs}, where)
            parts = (self.moved(child, _below(where, str(i), child)) for i, child in enumerate(node.items))
            return Items(tuple(parts), where)

    def sequence(self, where: Where) -> Items:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, _join(where.key, str(len(items)))))
        return Items(tuple(items), where)

    def mapping(self, where: Where) -> Map:
        entries: dict[str, Node] = {}
        merged: list[Map] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            name, line = _key(event, where), _line(event)
            value = self.node(next(self.events), _join(where.key, name), line)
            if name == "<<" and event.implicit[0]:
                merged += _merge_sources(value)
            elif name in entries:
                raise UserError(f"is written twice (first on line {entries[name].where.line})", value.where)
            else:
                entries[name] = value
        for source in merged:
            for name, child in source.entries.items():
                if name not in entries:
                    entries[name] = self.moved(child, _below(where, name, child))
        return Map(entries, where)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _below(where: Where, name: str, child: Node) -> Where:
    return Where(where.file, child.where.line, _join(where.key, name))


def _key(event: Any, owner: Where) -> str:
    where = replace(owner, line=_line(event))
    if not isinstance(event, yaml.ScalarEvent):
        raise UserError("a key should be text", where, 'quote a template: "{{ ... }}"')
    name: str = event.value
    if not name or not name.isprintable() or event.tag not in (None, "!", scalars.TAG + "str"):
        raise UserError("a key should be one line of plain text", where)
    return name


def _merge_sources(value: Node) -> list[Map]:
    sources: list[Map] = []
    for part in value.items if isinstance(value, Items) else (value,):
        if not isinstance(part, Map):
            raise UserError("'<<' takes a mapping or a list of mappings", value.where)
        sources.append(part)
    return sources
