"""Modules that others import and hardly ever use, imported at their first use instead. Knows no host."""

from __future__ import annotations

import importlib.util
import sys


def postpone(name: str) -> None:
    """Have ``import NAME`` load nothing until something of the module is used; no effect when it is loaded already."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
