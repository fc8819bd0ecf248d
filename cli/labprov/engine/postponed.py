"""Modules that others import and hardly ever use, imported at their first use instead. Knows no host."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Postponed(ModuleType):
    """Stands for a module until something of it is used; importlib's LazyLoader loads at ``import`` in Python 3.11."""

    def __getattr__(self, attribute: str) -> Any:
        # The rest with underscores is asked by whoever walks through all modules, as inspect does.
        if attribute.startswith("__") and attribute != "__path__":
            raise AttributeError(attribute)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)


def postpone(name: str) -> None:
    """Have ``import NAME`` load nothing until something of the module is used; no effect when it is loaded already."""
    sys.modules.setdefault(name, _Postponed(name))
