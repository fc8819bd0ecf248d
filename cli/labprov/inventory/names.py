"""Names of hosts and groups, and ranges of them. Pure text: knows no inventory."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from itertools import product

MAX_HOSTS = 10_000
"""What one name with ranges may stand for."""

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.:-]*[A-Za-z0-9_])?")
_RANGE = re.compile(r"\[([^\[\]]*)\]")
_NUMBERS = re.compile(r"([0-9]{1,9}):([0-9]{1,9})(?::([0-9]{1,9}))?")
_LETTERS = re.compile(r"([a-z]):([a-z])(?::([0-9]{1,2}))?|([A-Z]):([A-Z])(?::([0-9]{1,2}))?")


def is_name(text: str) -> bool:
    """Whether ``text`` can name a host or a group: letters and digits, and ``_ . : -`` in between."""
    return len(text) <= 253 and _NAME.fullmatch(text) is not None


def expand(pattern: str) -> list[str]:
    """Expand every range in ``pattern``, as in ``rack[a:c]-gpu-[01:12]`` or ``n[0:10:2]`` (both ends included).

    Numbers keep the width of the first one. Raises ValueError with the reason for a bad range.
    """
    pieces = _RANGE.split(pattern)
    if any("[" in text or "]" in text for text in pieces[::2]):
        raise ValueError("bad range: a bracket is not closed or not opened")
    choices = [[piece] if index % 2 == 0 else _members(piece) for index, piece in enumerate(pieces)]
    total = 1
    for choice in choices:
        total *= len(choice)
        if total > MAX_HOSTS:
            raise ValueError(f"bad range: more than {MAX_HOSTS} hosts")
    return ["".join(parts) for parts in product(*choices)]


def _members(inner: str) -> list[str]:
    if numbers := _NUMBERS.fullmatch(inner):
        first, last, step = numbers.groups()
        if first.startswith("0") and len(first) > len(last):
            raise ValueError(f"bad range [{inner}]: the last number has fewer digits than the first")
        return [f"{number:0{len(first)}d}" for number in _steps(inner, int(first), int(last), step)]
    if letters := _LETTERS.fullmatch(inner):
        first, last, step = letters.group(1, 2, 3) if letters[1] else letters.group(4, 5, 6)
        return [chr(code) for code in _steps(inner, ord(first), ord(last), step)]
    raise ValueError(f"bad range [{inner}]: write [first:last] or [first:last:step], numbers or single letters")


def _steps(inner: str, first: int, last: int, step: str | None) -> range:
    if last < first:
        raise ValueError(f"bad range [{inner}]: the last comes before the first")
    if step is not None and int(step) == 0:
        raise ValueError(f"bad range [{inner}]: the step is zero")
    numbers = range(first, last + 1, int(step or 1))
    if len(numbers) > MAX_HOSTS:
        raise ValueError(f"bad range [{inner}]: more than {MAX_HOSTS} hosts")
    return numbers


def did_you_mean(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Give the hint for a name that is not among ``known``: the nearest one, or ``otherwise``."""
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else otherwise
