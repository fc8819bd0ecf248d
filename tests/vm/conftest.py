"""For the whole runs in this folder (``make test-vm``, ``make test-driver``): a log that says what took how long."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


class Log:
    """Prints commands as a person would type them, what they said, and the time of each and of all; keeps it."""

    def __init__(self) -> None:
        self.begun, self.kept = time.monotonic(), [_machine()]
        self.hidden: dict[str, str] = {}
        """What is of this machine only -> what stands for it in the log."""

    def say(self, text: str) -> None:
        """Print a line with the time since the beginning."""
        seconds = int(time.monotonic() - self.begun)
        self.line(f"[{seconds // 60:2}:{seconds % 60:02}] {text}")

    def line(self, text: str) -> None:
        """Print a line as it is."""
        for secret, shown in self.hidden.items():
            text = text.replace(secret, shown)
        self.kept.append(text.rstrip())
        print(text, flush=True)

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
    ) -> str:
        """Run a command; its output (both streams), of which the last ``show`` lines are printed. Fails on the code."""
        words = [str(word) for word in command]
        with self.step(f"$ {title or ' '.join(words)}"):
            done = subprocess.run(
                words,
                cwd=cwd,
                env=dict(env) if env else None,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            # Vagrant draws progress with carriage returns: what is overwritten on a screen is no line of a log.
            said = done.stdout.decode(errors="replace")
            lines = [line.rstrip("\r").rpartition("\r")[2].replace("\033[K", "") for line in said.split("\n")]
            lines = [line for line in lines if not line.startswith("Progress:")]
            for line in "\n".join(lines).strip("\n").split("\n")[-show:] if show else []:
                self.line(f"          {line}")
        if code is not None:
            assert done.returncode == code, f"exit code {done.returncode}: {title or words}\n{said[-6000:]}"
        return said


def _machine() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    busy = f"load {os.getloadavg()[0]:.1f} from others at the start"
    return f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory:.0f} GiB, {busy}\n"


@pytest.fixture(scope="module")
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    """The log of one whole run; when every test passed it is put into docs/, as ``vm-run.log`` for ``vm_run.py``."""
    failed, made = request.session.testsfailed, Log()
    print(f"\n{made.kept[0]}")
    yield made
    made.say("end")
    if request.session.testsfailed == failed and len(made.kept) > 10:  # a story that was skipped is short
        name = f"{request.path.stem.replace('_', '-')}.log"
        (DOCS / name).write_text("\n".join(made.kept) + "\n")
