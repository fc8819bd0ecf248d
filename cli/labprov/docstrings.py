"""The texts that stand below the fields of a settings class: its documentation. Imported for the reference only."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TypeGuard

from pydantic import BaseModel


class _Field(ast.AnnAssign):
    target: ast.Name


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Field -> the text below it, in one line; empty where there is none.

    pydantic reads them too (``use_attribute_docstrings``), at each import of the class: 50 ms of every command.
    """
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            found |= _below(cls)
    return {name: found.get(name, "") for name in model.model_fields}


def _below(cls: type[BaseModel]) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    pairs = zip(tree.body, tree.body[1:], strict=False)
    return {field.target.id: _text(below) for field, below in pairs if _is_field(field)}


def _is_field(node: ast.stmt) -> TypeGuard[_Field]:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def _text(node: ast.stmt) -> str:
    value = node.value if isinstance(node, ast.Expr) else None
    return " ".join(value.value.split()) if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
