"""Secrets in what goes to a host, and hiding them in what comes back: a command may print what it was given."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from pyinfra.api import HiddenValue, QuoteString, StringCommand

MASK = "*MASKED*"


def secrets_in(*values: object) -> set[str]:
    """The hidden values in commands, lists and mappings, however deep."""
    found: set[str] = set()
    for value in values:
        match value:
            case HiddenValue():
                found.add(str(value.unmask()))
            case QuoteString():
                found |= secrets_in(value.obj)
            case StringCommand():
                found |= secrets_in(*value.bits)
            case Mapping():
                found |= secrets_in(*value.values())
            case list() | tuple():
                found |= secrets_in(*value)
    return found - {""}


def masked(text: str, secrets: Iterable[str]) -> str:
    """``text`` with each secret replaced, also where it stands quoted, or with only one of its lines."""
    forms = {form for secret in secrets for form in (secret, shlex.quote(secret), *secret.splitlines())}
    for form in sorted(forms - {""}, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text
