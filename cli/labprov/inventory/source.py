"""The text of a YAML file to nodes that know their lines. It knows YAML, and nothing about inventories.

Stricter than YAML 1.1 where that surprises: a key may be written once, keys are text as written (``on`` stays ``on``),
and dates, ``22:30`` and numbers with a leading zero (``0644``) stay text. Built from the parser's events, because
composing recurses in C and crashes the interpreter on deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from labprov.errors import UserError, Where
from labprov.inventory.tree import Items, Leaf, Map, Node

MAX_DEPTH = 64
MAX_VALUES = 200_000
"""Values in one file, aliases counted as often as they are used."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_BRACES_OR_RANGE = re.compile(r"\{\{|\[\w+:\w+")
_NOT_TEXT = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STAYS_TEXT = re.compile(r"[-+]?0[0-9]|.*:")


def read(path: Path) -> Map:
    """Read the YAML mapping in ``path``. Raises UserError for anything else, with the line where there is one."""
    text = _text(path)
    try:
        root = _Builder(path, text).document()
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, path, text) from None
    except yaml.YAMLError as error:
        raise UserError(f"is not valid YAML: {' '.join(str(error).split())}", Where(path)) from None
    if root is None or (isinstance(root, Leaf) and root.value is None):
        raise UserError("is empty", Where(path), "an inventory has at least the key 'hosts'")
    if not isinstance(root, Map):
        raise UserError("must be a mapping (key: value)", replace(root.where, key=""))
    return root


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError("no such file", Where(path)) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", Where(path)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"is not UTF-8: byte 0x{data[error.start]:02x}", Where(path, line)) from None
    if bad := _NOT_TEXT.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise UserError(f"holds the control character U+{ord(bad[0]):04X}", Where(path, line))
    return text


def _not_yaml(error: yaml.MarkedYAMLError, path: Path, text: str) -> UserError:
    mark = error.problem_mark or error.context_mark
    number = mark.line + 1 if mark else 0
    lines = text.splitlines()[max(number - 2, 0) : number]
    hint = ""
    if any(_BRACES_OR_RANGE.search(line) for line in lines):
        hint = 'quote a value that begins with {{ and a range within [...]: "gpu-[01:12]"'
    elif any("\t" in line[: len(line) - len(line.lstrip())] for line in lines):
        hint = "indent with spaces, not with tabs"
    return UserError(f"is not valid YAML: {error.problem}", Where(path, number), hint)


class _Builder:
    """Nodes from the parser's events; one use a file."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self.anchors: dict[str, Node] = {}
        self.scalars = SafeConstructor()
        self.resolver: Any = Resolver()
        self.count = 0
        self.depth = 0

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
        where = Where(self.path, line or _line(event), key)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), where)
        node = self.fresh(event, where)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def fresh(self, event: Any, where: Where) -> Node:
        self.counted(where)
        if isinstance(event, yaml.ScalarEvent):
            return Leaf(self.scalar(event, where), where)
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
        if event.tag not in (None, "!", _TAG + kind):
            raise _unknown_tag(event.tag, where)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UserError(f"is nested deeper than {MAX_DEPTH} levels", replace(where, key=""))
        node = self.mapping(where) if kind == "map" else self.sequence(where)
        self.depth -= 1
        return node

    def counted(self, where: Where) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            raise UserError(f"holds more than {MAX_VALUES} values, aliases included", Where(where.file, where.line))

    def alias(self, anchor: str, where: Where) -> Node:
        if anchor not in self.anchors:
            raise UserError(f"the alias '*{anchor}' has no complete anchor '&{anchor}' before it", where)
        return self.moved(self.anchors[anchor], where)

    def moved(self, node: Node, where: Where) -> Node:
        """Give ``node`` as used at ``where``: other keys, its values still on the lines where they are written."""
        self.counted(where)
        match node:
            case Map():
                entries = {name: self.moved(child, _below(where, name, child)) for name, child in node.entries.items()}
                return Map(entries, where)
            case Items():
                parts = (self.moved(child, _below(where, str(i), child)) for i, child in enumerate(node.items))
                return Items(tuple(parts), where)
            case Leaf():
                return Leaf(node.value, where)

    def sequence(self, where: Where) -> Items:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, f"{where.key}.{len(items)}"))
        return Items(tuple(items), where)

    def mapping(self, where: Where) -> Map:
        entries: dict[str, Node] = {}
        merged: list[Map] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            name, line = self.key(event, where), _line(event)
            path = f"{where.key}.{name}" if where.key else name
            value = self.node(next(self.events), path, line)
            if name == "<<" and event.implicit[0]:
                merged += _merge_sources(value)
            elif name in entries:
                first = entries[name].where.line
                raise UserError(f"is written twice (first on line {first})", Where(self.path, line, path))
            else:
                entries[name] = value
        for source in merged:
            for name, child in source.entries.items():
                if name not in entries:
                    entries[name] = self.moved(child, _below(where, name, child))
        return Map(entries, where)

    def key(self, event: Any, where: Where) -> str:
        place = replace(where, line=_line(event))
        if isinstance(event, yaml.AliasEvent):
            raise UserError("an alias cannot be a key", place)
        if not isinstance(event, yaml.ScalarEvent):
            raise UserError("a key must be text", place, 'quote a template: "{{ ... }}"')
        if not event.value or event.tag not in (None, "!", _TAG + "str"):
            raise UserError("a key must be plain text that is not empty", place)
        return str(event.value)

    def scalar(self, event: Any, where: Where) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self.resolver.resolve(yaml.ScalarNode, event.value, event.implicit) if event.implicit[0] else "str"
            if tag.removeprefix(_TAG) not in ("bool", "null", "int", "float") or _is_text(tag, event.value):
                return event.value
        return self.constructed(tag, event.value, where)

    def constructed(self, tag: str, text: str, where: Where) -> Any:
        kind = tag.removeprefix(_TAG)
        if kind not in ("str", "bool", "null", "int", "float"):
            raise _unknown_tag(tag, where)
        try:
            return getattr(self.scalars, f"construct_yaml_{kind}")(yaml.ScalarNode(tag, text))
        except (ValueError, KeyError, IndexError):
            raise UserError(f"is not a value of the kind {kind}", where) from None


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _is_text(tag: str, text: str) -> bool:
    return tag in (_TAG + "int", _TAG + "float") and bool(_STAYS_TEXT.match(text))


def _below(where: Where, name: str, child: Node) -> Where:
    return Where(where.file, child.where.line, f"{where.key}.{name}" if where.key else name)


def _merge_sources(value: Node) -> list[Map]:
    parts = value.items if isinstance(value, Items) else (value,)
    if not all(isinstance(part, Map) for part in parts):
        raise UserError("'<<' takes a mapping or a list of mappings", value.where)
    return [part for part in parts if isinstance(part, Map)]


def _unknown_tag(tag: str, where: Where) -> UserError:
    shown = f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag
    return UserError(f"the YAML tag {shown} is not allowed", where)
