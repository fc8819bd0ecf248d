"""What is at many paths, by one ``stat`` process. Not what is in the files.

pyinfra's ``files.File``, ``Directory`` and ``Link`` ask for one path each, with several processes.
"""

from __future__ import annotations

import codecs
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_LINE = re.compile(rf"([0-9a-f]+):(\d+):([^:]*):([^:]*):{_QUOTED}(?: -> {_QUOTED})?")


@dataclass(frozen=True)
class PathState:
    """What is at a path; a symbolic link is not followed."""

    kind: str
    """``file``, ``folder``, ``link`` or ``other``."""
    mode: str
    """Octal digits as an operation takes them: ``644``, ``2755``."""
    owner: str
    """A name; ``UNKNOWN`` where the id has none."""
    group: str
    """A name; ``UNKNOWN`` where the id has none."""
    size: int
    """Bytes."""
    target: str = ""
    """Where a link points, as it is written there."""


class Paths(FactBase[dict[str, PathState]]):
    """What is at each of the paths named; those where nothing is are absent."""

    default = dict

    def command(self, paths: Sequence[str]) -> StringCommand:
        """Names in C's notation: a link's target can hold anything, a line end and the text of another answer too."""
        if not paths:
            return StringCommand("true")
        quoted = [QuoteString(path) for path in paths]
        return StringCommand("LC_ALL=C QUOTING_STYLE=c stat -c %f:%s:%U:%G:%N --", *quoted, "2>/dev/null || true")

    def process(self, output: list[str]) -> dict[str, PathState]:
        """Lines like ``a1ff:7:root:root:"/bin" -> "usr/bin"``."""
        rows = [match.groups(default="") for line in output if (match := _LINE.fullmatch(line))]
        return {_plain(row[4]): _state(row[0], row[1], row[2], row[3], row[5]) for row in rows}


def _state(raw: str, size: str, owner: str, group: str, target: str) -> PathState:
    mode = int(raw, 16)
    kind = _KINDS.get(stat.S_IFMT(mode), "other")
    return PathState(kind, f"{stat.S_IMODE(mode):o}", owner, group, int(size), _plain(target))


def _plain(quoted: str) -> str:
    r"""Undo C's notation (``\n``, ``\"``, ``\303\244``)."""
    data, _ = codecs.escape_decode(quoted.encode())
    return str(data.decode("utf-8", "surrogateescape"))
