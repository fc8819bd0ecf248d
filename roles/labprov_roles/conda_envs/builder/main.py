"""Reads one job (JSON) from standard input and does it; what goes wrong is one line on standard error."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .building import build
from .complaints import full_disk
from .deciding import decide
from .places import LOCK, Place, Trouble
from .programs import Programs

PATIENCE = 1800
"""Seconds to wait for what an interrupted build left running."""


def main() -> int:
    """Exit code 0, or 1 after a line that begins with ``error:``."""
    os.umask(0o022)
    try:
        _do(json.load(sys.stdin))
    except Trouble as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            folder = os.path.dirname(str(error.filename or "")) or "the environments"  # noqa: PTH120  (it may be gone)
            print(f"error: {full_disk(folder, 0)}", file=sys.stderr)
            return 1
        print(f"error: {error.strerror}: {error.filename or ''} (is the disk full?)", file=sys.stderr)
        return 1
    return 0


def _do(job: dict[str, Any]) -> None:
    envs = Path(job["envs"]) if job["shared"] else Path.home() / ".conda/envs"
    place = Place(envs)
    with place.alone(PATIENCE):
        home = Path(tempfile.mkdtemp(prefix="home-", dir=place.builds))
        try:
            _work(job, place, home)
        finally:
            shutil.rmtree(home, ignore_errors=True)
            if job["shared"]:  # conda keeps indexes that only root can read, and the rest of its folder is everybody's
                _open_to_all(envs.parent / "pkgs")


def _work(job: dict[str, Any], place: Place, home: Path) -> None:
    prefix = Path(job["envs"]).parent
    packages = prefix / "pkgs" if job["shared"] else Path.home() / ".conda/pkgs"
    programs = Programs(f"{prefix}/bin/conda", packages, home)
    match job["do"]:
        case "build":
            build(job, place, programs)
        case "decide":
            lock = _known(job, place) or decide(job, programs, home / "trial")
            print(json.dumps(lock, indent=1, sort_keys=True))
        case "remove":
            if place.current(job["name"]):
                (place.envs / job["name"]).unlink()
            place.sweep(home)
        case "sweep":
            place.sweep(home)


def _open_to_all(folder: Path) -> None:
    wrong = "! -type l ( -perm /022 -o -type d ! -perm -055 -o -type f ! -perm -044 ) -exec chmod go-w,a+rX -- {} +"
    if folder.is_dir():
        subprocess.run(["find", str(folder), "-xdev", *wrong.split()], check=False)


def _known(job: dict[str, Any], place: Place) -> dict[str, Any] | None:
    """The lock of the environment that is there, when it answers the same request: nothing is solved twice."""
    current = place.current(job["name"]) if job["shared"] else None  # a user could have written in a user's own
    try:
        lock = json.loads((current / LOCK).read_text()) if current else None
    except (OSError, ValueError):
        return None
    return lock if isinstance(lock, dict) and lock.get("request") == job["request"] else None
