"""From a lock to an environment: built beside, checked, swapped in. Solves nothing and chooses nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .complaints import advice, unreached
from .deciding import conda_packages, indexes, plain
from .places import LOCK, STATE, Place, Trouble, complete, state
from .programs import Missing, Programs, Unsolvable

_STAY = '''"""Keeps this process in the build that it was started in, also when its name leads to a newer one."""

import os
import sys

_HERE = os.path.realpath(__file__)[: -len(os.path.join({below!r}, "_labprov_stay.py")) - 1]
_NAMED = os.path.dirname(os.path.dirname(_HERE))


def _stay(path):
    if isinstance(path, str) and path.startswith(_NAMED + os.sep):
        real = os.path.realpath(path)
        return real if real.startswith(_HERE + os.sep) else path
    return path


sys.path[:] = [_stay(path) for path in sys.path]
for _module in list(sys.modules.values()):
    if isinstance(getattr(_module, "__path__", None), list):
        _module.__path__[:] = [_stay(path) for path in _module.__path__]
'''


def build(job: dict[str, Any], place: Place, programs: Programs) -> None:
    """Have the name lead to an environment as the lock says; the old one is used until then. Raises Trouble."""
    name, digest = job["name"], job["digest"]
    now = place.current(name)
    if not (now and complete(now, digest)):
        place.sweep(programs.home)  # what a killed build left may be what fills the disk
        fresh = place.fresh(name, digest)
        try:
            _fill(fresh, job, programs)
            _seal(fresh, job)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        place.point(name, fresh)
    place.sweep(programs.home)


def _fill(fresh: Path, job: dict[str, Any], programs: Programs) -> None:
    lock, where = job["lock"], job["where"]
    explicit = programs.home / "explicit.txt"
    lines = [f"{_url(row['file'], where['conda'])}#sha256:{row['sha256']}" for row in lock["conda"]]
    explicit.write_text("\n".join(["@EXPLICIT", *lines, ""]))
    try:
        programs.create(fresh, "--file", str(explicit))
    except (Missing, Unsolvable) as error:
        raise Trouble(f"conda cannot install what the lock says: {error}") from None
    if conda_packages(fresh, where["conda"]) != lock["conda"]:
        raise Trouble("conda installed something else than the lock says")
    if lock["pip"]:
        _pip(fresh, lock["pip"], where, programs)


def _pip(fresh: Path, rows: list[dict[str, str]], where: dict[str, Any], programs: Programs) -> None:
    pinned = programs.home / "pinned.txt"
    pinned.write_text("".join(f"{row['name']}=={row['version']} --hash=sha256:{row['sha256']}\n" for row in rows))
    words = ["--no-deps", "--require-hashes", "--no-cache-dir", "-r", str(pinned)]
    code, said = programs.pip(fresh, *words, *indexes(where))
    if code != 0:
        if line := unreached(said):
            raise Trouble(f"pip cannot install what the lock says: {line}; {advice(line, 'pip_index or mirrors.pip')}")
        errors = [line for line in said.splitlines() if line.startswith("ERROR")] or [said.strip()[-300:]]
        told = Trouble(f"pip cannot install what the lock says: {' '.join(errors)[:300]}")
        raise programs.full_disk(said) or told
    if taken := overwritten(fresh, {row["name"] for row in rows}):
        raise Trouble(
            f"{taken[0]}, which pip installs, overwrites files of {taken[1]}, which conda installed: "
            "say in the inventory who installs it ({conda: ...} or {pip: ...})"
        )


def overwritten(prefix: Path, names: set[str]) -> tuple[str, str] | None:
    """The first of pip's packages that has a file which one of conda's has too, and that one; names can differ."""
    owners: dict[str, str] = {}
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        record = json.loads(path.read_text())
        owners |= {str(file): str(record["name"]) for file in record.get("files") or () if "__pycache__" not in file}
    wanted = {plain(name) for name in names}
    for path in sorted(prefix.glob("lib/python3*/site-packages/*.dist-info/RECORD")):
        name = path.parent.name.partition("-")[0]
        below = path.parent.parent.relative_to(prefix)
        for line in path.read_text(errors="replace").splitlines() if plain(name) in wanted else ():
            file = os.path.normpath(below / line.partition(",")[0].strip('"'))
            if file in owners:
                return name, owners[file]
    return None


def _url(file: str, alias: str) -> str:
    return file if "://" in file else f"{alias}/{file}"


def _seal(fresh: Path, job: dict[str, Any]) -> None:
    """Everything that makes it an environment of ours; the state comes last."""
    below = next((path.relative_to(fresh) for path in fresh.glob("lib/python3*/site-packages")), None)
    if below is None:
        raise Trouble("the environment has no Python")
    (fresh / below / "_labprov_stay.py").write_text(_STAY.format(below=str(below)))
    (fresh / below / "labprov_stay.pth").write_text("import _labprov_stay\n")
    (fresh / LOCK).write_text(json.dumps(job["lock"], indent=1, sort_keys=True) + "\n")
    message = {"message": "Made by labprov: change it in the inventory, or make an environment of your own."}
    (fresh / "conda-meta/frozen").write_text(json.dumps(message) + "\n")
    if job["shared"]:
        subprocess.run(["chmod", "-R", "go-w,a+rX", str(fresh)], check=True)
    with (fresh / STATE).open("w") as file:
        file.write(state(fresh, job["digest"]))
        file.flush()
        os.fsync(file.fileno())
