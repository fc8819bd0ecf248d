"""The one tree of errors, and the place in a file that an error points at. No other module prints or exits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a user's file: 1-based line, and the key there as a dotted path (may be empty)."""

    file: Path
    line: int = 0
    key: str = ""

    def __str__(self) -> str:
        place = str(self.file) if not self.line else f"{self.file}:{self.line}"
        return f"{place}: {self.key}" if self.key else place


class LabprovError(Exception):
    """Anything labprov reports without a traceback. ``exit_code`` is what the process ends with."""

    exit_code = 1


class UserError(LabprovError):
    """The user's mistake: what is wrong, where it was written, and what to write instead; one line."""

    exit_code = 2

    def __init__(self, message: str, where: Where | None = None, hint: str = "") -> None:
        self.message, self.where, self.hint = message, where, hint
        super().__init__(message)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class HostError(LabprovError):
    """A host's trouble: that host fails, others go on. ``str()`` is the likely cause in one line."""


class Unreachable(HostError):
    """The host could not be connected to, or let us in but not become root."""

    exit_code = 4


class Interrupted(LabprovError):
    """The run was stopped by Ctrl-C.

    ``busy``: for each host at work, what was being done; ``done``: what the work on other hosts gave; ``note``: what
    there is to say when no host was at work.
    """

    exit_code = 130

    def __init__(self, busy: Mapping[str, str], done: Mapping[str, object] | None = None, note: str = "") -> None:
        self.busy, self.done = dict(busy), dict(done or {})
        doing = "; ".join(f"{host}: {what}" for host, what in self.busy.items()) or note
        super().__init__(f"interrupted ({doing})" if doing else "interrupted")
