"""A command that is ended in time, by the shell of this machine; on hosts: tests/sandbox/faults."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

from labprov.engine.travel import bounded


def marked_processes(mark: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"LABPROV_COMMAND={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_what_outlives_its_time_is_ended_also_while_other_processes_come_and_go(tmp_path):
    """grep, looking through /proc, exits with 2 for each process that ends meanwhile."""
    grep = tmp_path / "grep"
    grep.write_text('#!/bin/sh\n/usr/bin/env -u LABPROV_COMMAND PATH=/usr/bin:/bin grep "$@"\nexit 2\n')
    grep.chmod(0o755)
    mark = secrets.token_hex(8)
    command = bounded("setsid sleep 71 & sleep 72", 0.5, mark)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, timeout=60)
    assert done.returncode == 124
    assert marked_processes(mark) == []


def test_what_ends_in_time_keeps_its_status_and_what_it_left_running():
    mark = secrets.token_hex(8)
    command = bounded("setsid sleep 2 >/dev/null 2>&1 & exit 3", 20, mark)
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60)
    assert done.returncode == 3
    assert len(marked_processes(mark)) == 1
