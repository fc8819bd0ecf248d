"""The texts that stand below the fields of a settings class: its documentation. Imported for the reference only."""

from __future__ import annotations

import ast
import inspect
import textwrap

from pydantic import BaseModel


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
    texts: dict[str, str] = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            if isinstance(text.value, ast.Constant) and isinstance(text.value.value, str):
                texts[field.target.id] = " ".join(text.value.value.split())
    return texts
