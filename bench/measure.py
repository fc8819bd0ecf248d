"""Running one program and taking its figures: wall time, CPU of it and all it started, peak memory. No tables."""

from __future__ import annotations

import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_STEP = 0.01
"""Seconds between two looks whether a program has ended: how exact its wall time is."""

_ORDINARY = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As for an installed program, whose modules are compiled once and not at each start."""


@dataclass(frozen=True)
class Sample:
    """One run."""

    seconds: float
    """Wall time, the start of the program included."""
    cpu: float
    """CPU seconds of the program and its children on this side."""
    peak_mb: float
    """Peak resident memory of the program itself, without its children, in MB (10^6 bytes)."""


@dataclass(frozen=True)
class Series:
    """Several runs of the same."""

    samples: Sequence[Sample]

    def seconds(self) -> dict[str, float]:
        """Median, least and most wall time."""
        times = [sample.seconds for sample in self.samples]
        return {"median": round(statistics.median(times), 3), "min": round(min(times), 3), "max": round(max(times), 3)}

    @property
    def cpu(self) -> float:
        """Median CPU seconds."""
        return statistics.median(sample.cpu for sample in self.samples)

    @property
    def peak_mb(self) -> float:
        """Median of the peak memory, MB."""
        return statistics.median(sample.peak_mb for sample in self.samples)


class Failed(Exception):
    """A program that was to be measured did not do its work."""


def run(command: Sequence[str], environment: Mapping[str, str], must_say: str = "", timeout: float = 1800) -> Sample:
    """Run ``command`` to its end. Raises Failed when it fails, or its output lacks ``must_say`` (a regular expression).

    ``timeout`` in seconds.
    """
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        # start_new_session: nothing of it may ask this terminal for a password
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**_ORDINARY, **environment},
            start_new_session=True,
        )
        try:
            code, usage, peak = _wait(process.pid, timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        process.returncode, seconds = code, time.monotonic() - started
        output.seek(0)
        said = output.read().decode(errors="replace")
    if code or not re.search(must_say, said):
        raise Failed(f"{' '.join(command)}: exit code {code}\n{said[-3000:]}")
    return Sample(seconds, usage.ru_utime + usage.ru_stime, peak)


def _wait(pid: int, timeout: float) -> tuple[int, resource.struct_rusage, float]:
    """Wait for a child: exit code, resources of it and its children, peak memory in MB. Raises Failed when late."""
    # The peak is read while it runs: what wait4 tells begins with the peak of this process, from which it was forked.
    peak, deadline = 0.0, time.monotonic() + timeout
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage, peak
        peak = max(peak, _peak(pid))
        if time.monotonic() > deadline:
            raise Failed(f"no end after {timeout:g} s")
        time.sleep(_STEP)


def _peak(pid: int) -> float:
    """Highest resident memory of a process so far, in MB; 0 when it cannot be told any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return max((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")), default=0.0)


def labprov(*arguments: str, state: Path) -> Sample:
    """Run labprov with ``state`` as the folder for what it learns. Raises Failed."""
    command = [str(Path(sys.executable).with_name("labprov")), *arguments]
    return run(command, {"XDG_STATE_HOME": str(state), "NO_COLOR": "1"})
