"""A folder for the time of a check, of its own name: where a check tries what a user would do.

The name is random, and not ``mktemp``'s: then it would be known only when the host has answered, and what follows could
not be run in the same round trip. A verification that repeats one of before uses the name of before.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_PARENT = "/var/lib/labprov/verify"
"""Root's alone to write in, so that nobody can be there before us."""
_MADE = re.compile(rf"install -d -m 755 {_PARENT} && mkdir -m 700 ({_PARENT}/[0-9a-f]{{16}}) ")


@contextmanager
def folder_of(host: Any, user: str) -> Iterator[str]:
    """The path of a new folder that is ``user``'s alone, on a testinfra host; gone afterwards with all that is in it.

    Raises AssertionError when it cannot be made.
    """
    path = _again(host) or f"{_PARENT}/{secrets.token_hex(8)}"
    host.check_output(f"install -d -m 755 {_PARENT} && mkdir -m 700 {path} && chown %s: {path}", user)
    try:
        yield path
    finally:
        host.run(f"rm -rf -- {path}; rmdir --ignore-fail-on-non-empty {_PARENT}")


def _again(host: Any) -> str:
    """The name that is expected next; empty when nothing is, or where another backend than ours is at work."""
    replay = getattr(host.backend, "replay", None)
    made = _MADE.match(replay.next() if replay else "")
    return made[1] if made else ""
