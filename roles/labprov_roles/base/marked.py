"""Lines of ours in a file that is somebody else's, each after a comment that says so. Pure.

The comment holds a digest of the line below it and, where that stands in another one's place, the other one. So what
we wrote can be taken back without a record elsewhere, and a line that a person changed since is known as theirs:

    # labprov 1f3870be instead of: URIs: http://ftp.de.debian.org/debian
    URIs: https://mirror.example/debian
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

WORD = "# labprov "
"""What every mark begins with."""
_MARK = re.compile(r"^# labprov ([0-9a-f]{8}) (?:instead of: (?P<old>.*)|added)$")


def mark(line: str, old: str | None) -> list[str]:
    """The mark and our line, in place of ``old``, or as a line that was not there."""
    return [f"{WORD}{_digest(line)} {'added' if old is None else f'instead of: {old}'}", line]


def taken_back(lines: Sequence[str]) -> list[str]:
    """The lines without us: what stood there before; a line that a person changed since stays, as theirs."""
    found: list[str] = []
    for index, line in enumerate(lines):
        above = _MARK.match(lines[index - 1]) if index else None
        if above and _digest(line) == above[1]:
            found += [above["old"]] if above["old"] is not None else []
        elif not _MARK.match(line):
            found.append(line)
    return found


def changed_by_hand(lines: Sequence[str]) -> list[str]:
    """Lines below a mark of ours that are not what we wrote there."""
    marks = [(_MARK.match(above), line) for above, line in pairwise(lines)]
    return [line for above, line in marks if above and _digest(line) != above[1]]


def rewritten(text: str, change: Callable[[list[str]], list[str]]) -> str:
    """``change`` on the lines as they were before us; every line ends, and nothing is nothing."""
    return "".join(f"{line}\n" for line in change(taken_back(text.splitlines())))


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:8]
