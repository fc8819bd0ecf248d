"""Unified diffs of files that an operation would write. Reads the host's file as a fact; writes nothing."""

from __future__ import annotations

import difflib

from pyinfra.api import FactBase, Host, QuoteString, StringCommand
from pyinfra.api.command import FileUploadCommand
from pyinfra.api.util import get_file_io

from labprov.engine.upload import Access

LARGEST = 262_144
"""Bytes of a file beyond which no diff is made."""


class TextOfFile(FactBase[list[str] | None]):
    """The lines of a file, of a large one the first; empty when there is none, None when not everybody may read it."""

    default = list

    def command(self, path: str) -> StringCommand:
        """``head`` bounds what travels; a private file does not travel at all."""
        file = QuoteString(path)
        mode = StringCommand("case $(stat -L -c %a --", file, ") in *[4567])")
        show = StringCommand(f"echo open; head -c {LARGEST} --", file)
        return StringCommand("[ ! -f", file, "] || {", mode, show, ";; *) echo private;; esac; }")

    def process(self, output: list[str]) -> list[str] | None:
        """The first line tells which."""
        return output[1:] if output[0] == "open" else None


def upload_diff(host: Host, command: FileUploadCommand, access: Access) -> str:
    """The unified diff between the host's file and what would be uploaded.

    A remark instead for a binary or large file, and for one that not everybody on the host may read, now or then: the
    diff goes to a terminal, a journal and reports.
    """
    with get_file_io(command.src, "rb") as file:
        data = file.read()
    data = data.encode() if isinstance(data, str) else data
    if b"\0" in data[:8192] or len(data) > LARGEST:
        return f"{command.dest}: {len(data)} bytes, not shown"
    text = data.decode("utf-8", errors="replace").removesuffix("\n")
    new = text.split("\n") if text else []  # not splitlines(), which finds more ends of lines than a host does
    old: list[str] | None = host.get_fact(TextOfFile, path=command.dest)
    if old is None or access.private:
        return f"{command.dest}: {len(data)} bytes, not shown: not everybody there may read it"
    before = command.dest if old else "/dev/null"
    return "\n".join(difflib.unified_diff(old, new, before, command.dest, lineterm=""))
