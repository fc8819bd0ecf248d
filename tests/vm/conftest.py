"""For the whole runs in this folder (``make test-vm``, ``make test-driver``): a log that says what took how long."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest


class Log:
    """Prints commands as a person would type them, what they said, and the time of each and of all."""

    def __init__(self) -> None:
        self.begun = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line with the time since the beginning."""
        seconds = int(time.monotonic() - self.begun)
        print(f"[{seconds // 60:2}:{seconds % 60:02}] {text}", flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print how long a step took."""
        self.say(title)
        started = time.monotonic()
        yield
        self.say(f"took {time.monotonic() - started:.0f} s\n")

    def run(
        self,
        command: Sequence[str | Path],
        *,
        title: str = "",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        code: int | None = 0,
        show: int = 40,
        stdin: str = "",
    ) -> str:
        """Run a command; its output (both streams), of which the last ``show`` lines are printed. Fails on the code."""
        words = [str(word) for word in command]
        with self.step(f"$ {title or ' '.join(words)}"):
            done = subprocess.run(
                words,
                cwd=cwd,
                env=dict(env) if env else None,
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
            # Vagrant draws progress with carriage returns; what is overwritten on a screen is no line of a log.
            lines = [line.rpartition("\r")[2].rstrip() for line in done.stdout.splitlines()]
            for line in lines[-show:] if show else []:
                print(f"          {line}".rstrip())
        if code is not None:
            assert done.returncode == code, f"exit code {done.returncode}: {title or words}\n{done.stdout[-6000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    """The log of one whole run."""
    made = Log()
    print()
    yield made
    made.say("end")
