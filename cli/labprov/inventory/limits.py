"""``--limit``: patterns that choose hosts. Pure: names in, names out.

Patterns are separated by commas: a host or group, a glob (``gpu-*``), a range (``gpu-[01:03]``); ``!PATTERN`` takes
hosts away and ``&PATTERN`` keeps only these, whatever their position. Without a pattern that adds, all hosts are meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from labprov.errors import UserError
from labprov.inventory.names import did_you_mean, expand
from labprov.inventory.schema import ALL

_GLOB = re.compile(r"[*?\[]")


def select(limit: Sequence[str], groups: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Give the hosts that ``limit`` leaves, in the order of ``groups["all"]``; all of them when it has no elements.

    Raises UserError for a pattern that matches nothing, and when no host is left.
    """
    if not limit:
        return list(groups[ALL])
    patterns = [part.strip() for text in limit for part in text.split(",") if part.strip()]
    if not patterns:
        raise UserError("the limit is empty", hint="leave it out to mean all hosts")
    added = [_match(text, groups) for text in patterns if text[0] not in "!&"]
    chosen = set().union(*added) if added else set(groups[ALL])
    for text in patterns:
        if text[0] == "&":
            chosen &= _match(text[1:], groups)
    for text in patterns:
        if text[0] == "!":
            chosen -= _match(text[1:], groups)
    if not chosen:
        raise UserError(f"the limit {','.join(patterns)!r} leaves no host")
    return [name for name in groups[ALL] if name in chosen]


def _match(pattern: str, groups: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Give the hosts that one pattern without its sign means."""
    try:
        wanted = expand(pattern) if "[" in pattern and ":" in pattern else [pattern]
    except ValueError as error:
        raise UserError(f"the limit {pattern!r}: {error}") from None
    names = {*groups, *groups[ALL]}
    found = names.intersection(wanted)
    found |= {name for text in wanted if _GLOB.search(text) for name in names if fnmatchcase(name, text)}
    if not found:
        known = f"groups: {', '.join(groups)}" if len(groups) > 1 else ""
        raise UserError(f"the limit {pattern!r} matches no host or group", hint=did_you_mean(pattern, names, known))
    return {host for name in found for host in groups.get(name, (name,))}
