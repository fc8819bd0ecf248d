"""Checks in one round trip: the commands that a check ran last time are run on the host ahead of it, in their order.

A check of which no last time is known can be tried ahead too (``scouting``): then what it asks goes to the host.

A check asks for one command after the other. As long as it asks for what it asked for last time, the answers are there
already, in sequence, so that asking the same thing twice gives two answers. At the first command that differs, the rest
of that check goes to the host live. Commands of different checks do not mix.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from labprov.engine.batch import Completed, script, take_apart

Execute = Callable[[str, bytes], Completed]
"""Runs a command as root with standard input."""


class Replay:
    """One host's checks: what they ran, and answers fetched ahead. Keys name a check of a role as it stands now."""

    def __init__(self, execute: Execute) -> None:
        self.execute = execute
        self.ran: dict[str, list[str]] = {}
        """Check -> the commands it ran in this verification."""
        self._ahead: dict[str, deque[tuple[str, Completed]]] = {}
        self._had_ahead: set[str] = set()
        self._current = self._scouting = ""

    def fetch(self, expected: Mapping[str, Sequence[str]]) -> None:
        """Run the commands expected of each check, all in one round trip, in order."""
        flat = [(check, command) for check, commands in expected.items() for command in commands]
        if not flat:
            return
        nonce = secrets.token_hex(16)
        done = self.execute("sh", script([command for _, command in flat], nonce))
        for (check, command), answer in zip(flat, take_apart(done, nonce, len(flat)), strict=False):
            self._ahead.setdefault(check, deque()).append((command, answer))
            self._had_ahead.add(check)

    @contextmanager
    def scouting(self, check: str) -> Iterator[None]:
        """What is asked within goes to the host, and is kept for ``check`` as if it had been fetched ahead."""
        self._scouting = check
        self._ahead[check] = deque()
        try:
            yield
        finally:
            self._scouting = ""

    def begin(self, check: str) -> None:
        """The next commands are those of ``check``; begun a second time, it gets nothing that was fetched ahead."""
        if check in self.ran:
            self._ahead.pop(check, None)
            self._had_ahead.discard(check)
        self._current = check
        self.ran[check] = []

    def was_ahead(self, check: str) -> bool:
        """Whether commands of ``check`` were run ahead of it: then a failure may be theirs, not the host's."""
        return check in self._had_ahead

    def next(self) -> str:
        """The command that the check is expected to run now; empty when none is."""
        ahead = self._ahead.get(self._current) if not self._scouting else None
        return ahead[0][0] if ahead else ""

    def run(self, command: str, live: Callable[[], Completed]) -> Completed:
        """The answer to ``command``: fetched ahead when it is what was expected now, else ``live``."""
        if self._scouting:
            self._ahead[self._scouting].append((command, done := live()))
            return done
        self.ran.setdefault(self._current, []).append(command)
        ahead = self._ahead.get(self._current)
        if ahead and ahead[0][0] == command:
            return ahead.popleft()[1]
        if self._ahead.pop(self._current, None) is not None:
            self._had_ahead.add(self._current)  # answers of two moments, from here on
        return live()


def key(role: str, check: str, source: bytes) -> str:
    """Name a check so that another version of its code has another name.

    Other settings have the same: what a check still asks then is answered ahead, and the rest asked live.
    """
    return f"{role} {check} {hashlib.sha256(source).hexdigest()[:16]}"
