"""Unified diffs of files that an operation would write. Reads the host's file as a fact; writes nothing."""

from __future__ import annotations

import difflib

from pyinfra.api import FactBase, Host, QuoteString, StringCommand
from pyinfra.api.command import FileUploadCommand
from pyinfra.api.util import get_file_io

LARGEST = 262_144
"""Bytes of a file beyond which no diff is made."""


class TextOfFile(FactBase[list[str]]):
    """The lines of a file; empty when there is none or it is larger than ``LARGEST``."""

    default = list

    def command(self, path: str) -> StringCommand:
        """``head`` bounds what travels."""
        quoted = QuoteString(path)
        return StringCommand("[ ! -f", quoted, f"] || head -c {LARGEST} --", quoted)

    def process(self, output: list[str]) -> list[str]:
        """As it is."""
        return output


def upload_diff(host: Host, command: FileUploadCommand) -> str:
    """The unified diff between the host's file and what would be uploaded; a remark for a binary or large file."""
    with get_file_io(command.src, "rb") as file:
        data = file.read()
    data = data.encode() if isinstance(data, str) else data
    if b"\0" in data[:8192] or len(data) > LARGEST:
        return f"{command.dest}: {len(data)} bytes, not shown"
    new = data.decode("utf-8", errors="replace").splitlines()
    old: list[str] = host.get_fact(TextOfFile, path=command.dest)
    before = command.dest if old else "/dev/null"
    return "\n".join(difflib.unified_diff(old, new, before, command.dest, lineterm=""))
