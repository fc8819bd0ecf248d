"""What earlier runs asked of each host, kept on the controller so that the next run asks it all at once.

A hint, never a truth: a wrong or lost file costs a round trip, nothing else. Only questions are kept, no answers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from labprov import __version__


def state_folder() -> Path:
    """Where labprov keeps its state: ``$XDG_STATE_HOME/labprov``, by default ``~/.local/state/labprov``."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "labprov"


class Learned:
    """Lists of commands by host and purpose, for one subject (an inventory and a deploy), kept under ``folder``."""

    def __init__(self, subject: str, folder: Path | None = None) -> None:
        digest = hashlib.sha256(subject.encode()).hexdigest()[:24]
        self.path = (folder or state_folder()) / "learned" / f"{digest}.json"
        self._lists: dict[str, list[str]] = self._read()
        self._kept = dict(self._lists)
        self._touched: set[str] = set()

    def get(self, host: str, purpose: str) -> Sequence[str]:
        """The commands asked last time; empty when there was none."""
        return self._lists.get(f"{purpose} {host}", [])

    def put(self, host: str, purpose: str, commands: Sequence[str]) -> None:
        """Remember what was asked this time."""
        self._lists[f"{purpose} {host}"] = list(commands)
        self._touched.add(f"{purpose} {host}")

    def save(self) -> None:
        """Write what is new, atomically, for the user alone; a folder that cannot be written to is no error."""
        if self._current() == self._kept:
            return
        text = json.dumps({"version": __version__, "lists": self._current()})
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, temporary = tempfile.mkstemp(dir=self.path.parent)
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            Path(temporary).replace(self.path)

    def _current(self) -> dict[str, list[str]]:
        """All lists but those that this run's took the place of: same role and host, another state of its code."""
        replaced = {(key.split()[0], key.split()[-1]) for key in self._touched}
        kept = {k: v for k, v in self._lists.items() if (k.split()[0], k.split()[-1]) not in replaced}
        return kept | {key: self._lists[key] for key in self._touched}

    def _read(self) -> dict[str, list[str]]:
        try:
            kept: Mapping[str, object] = json.loads(self.path.read_text())
            lists = kept["lists"] if kept["version"] == __version__ else {}
            assert isinstance(lists, dict)
            return {str(key): [str(command) for command in value] for key, value in lists.items()}
        except (OSError, ValueError, KeyError, TypeError, AssertionError):
            return {}
