"""A file to the nodes of its one YAML mapping: reads it, and says what is wrong with it as a file."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import yaml

from labprov.errors import UserError, Where
from labprov.inventory.compose import compose
from labprov.inventory.tree import Leaf, Map

_BRACES_OR_RANGE = re.compile(r"\{\{|\[\w+:\w+")


def read(path: Path) -> Map:
    """Read the YAML mapping in ``path``. Raises UserError for anything else, with the line where there is one."""
    text = _text(path)
    try:
        root = compose(path, text)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, path, text) from None
    except yaml.YAMLError as error:
        raise UserError(f"is not valid YAML: {' '.join(str(error).split())}", Where(path)) from None
    if root is None or (isinstance(root, Leaf) and root.value is None):
        raise UserError("is empty", Where(path), "an inventory has at least the key 'hosts'")
    if not isinstance(root, Map):
        raise UserError("should be a mapping (key: value)", replace(root.where, key=""))
    return root


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError("no such file", Where(path)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"cannot be read: {reason}", Where(path)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"is not UTF-8: byte 0x{error.object[error.start]:02x}", Where(path, line)) from None
    if bad := yaml.reader.Reader.NON_PRINTABLE.search(text):
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
    return UserError(f"is not valid YAML: {error.problem or error.context}", Where(path, number), hint)
