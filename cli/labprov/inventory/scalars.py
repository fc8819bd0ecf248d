"""A YAML scalar to its value.

As YAML 1.1 (``yes`` is true), but what surprises there stays text as written: dates, ``22:30``, and numbers with a
leading zero (``0644``).
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from labprov.errors import UserError, Where

TAG = "tag:yaml.org,2002:"
_KINDS = ("str", "bool", "null", "int", "float")
_STAYS_TEXT = re.compile(r"[-+]?0[0-9]|.*:")
_constructor = SafeConstructor()
_resolver: Any = Resolver()


def value(event: Any, where: Where) -> Any:
    """Give the value of a scalar event. Raises UserError for a tag other than YAML's own scalars, or a misfit."""
    tag = event.tag
    if tag is None or tag == "!":
        return _untagged(event)
    kind = tag.removeprefix(TAG)
    if kind not in _KINDS:
        raise unknown_tag(tag, where)
    try:
        return _construct(kind, event.value)
    except (ValueError, KeyError, IndexError):
        raise UserError(f"is not a value of the kind {kind}", where) from None


def _untagged(event: Any) -> Any:
    if not event.implicit[0]:
        return event.value
    kind = _resolver.resolve(yaml.ScalarNode, event.value, event.implicit).removeprefix(TAG)
    if kind not in _KINDS or (kind in ("int", "float") and _STAYS_TEXT.match(event.value)):
        return event.value
    try:
        return _construct(kind, event.value)
    except ValueError:  # looks like a number, but is none that Python takes: "_", or thousands of digits
        return event.value


def _construct(kind: str, text: str) -> Any:
    return getattr(_constructor, f"construct_yaml_{kind}")(yaml.ScalarNode(TAG + kind, text))


def unknown_tag(tag: str, where: Where) -> UserError:
    """Make the error for a tag that is not allowed."""
    shown = f"!!{tag.removeprefix(TAG)}" if tag.startswith(TAG) else tag
    return UserError(f"the YAML tag {shown!r} is not allowed", where)
