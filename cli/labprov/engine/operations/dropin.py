"""One whole file of ours in a folder of drop-ins (``/etc/sysctl.d``). Nobody else's lines are edited."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO

from pyinfra import host
from pyinfra.api import QuoteString, StringCommand
from pyinfra.api.exceptions import OperationValueError
from pyinfra.operations import files

from labprov.engine.facts.paths import Paths
from labprov.engine.operations import Commands

_SLUG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")


def write(folder: str, slug: str, lines: Sequence[str]) -> Commands:
    """Have ``FOLDER/SLUG.conf`` hold these lines and nothing else; without lines there is no such file.

    Raises OperationValueError for a slug that would be another file, or one that programs ignore.
    """
    if not _SLUG.fullmatch(slug):
        raise OperationValueError(f"{slug!r} should be a file name of letters, digits, _ and -")
    path = f"{folder}/{slug}.conf"
    if lines:
        yield from files.put._inner(src=StringIO(text(lines)), dest=path, mode="644", user="root", group="root")
    elif path in host.get_fact(Paths, paths=(path,)):
        yield StringCommand("rm -f --", QuoteString(path))
    else:
        host.noop(f"there is no {path}")


def text(lines: Sequence[str]) -> str:
    """The file's text."""
    return "".join(f"{line}\n" for line in ("# Managed by labprov.", *lines))
