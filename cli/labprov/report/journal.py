"""The journal of a run: JSON lines, written as things happen and read back into a Run, also after the run was killed.

One object a line: ``kind`` (``run``, ``planned``, ``applied``, ``check``, ``host``, ``end``), and the record's keys.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from labprov import __version__
from labprov.apply import HostResult, Status
from labprov.engine.learned import state_folder
from labprov.engine.outcome import Outcome, Result
from labprov.errors import Interrupted, UserError, Where
from labprov.report.summary import Run, exit_code
from labprov.verify.checks import Check, Verdict

KEEP = 200
"""How many journals are kept; older ones go."""


class Journal:
    """Writes one run, a line at a time, flushed; for the user alone.

    Where it cannot write it tells ``warn`` so, once, and writes nothing more: the run is not less done for that.
    """

    def __init__(self, run: Run, command: str, warn: Callable[[str], None] = lambda message: None) -> None:
        self._warn = warn
        self._file: TextIO | None = None
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{command}-{run.deploy}-{os.getpid()}.jsonl"
        try:
            self._file = _open(name)
        except OSError as error:
            self._give_up(error)
        about = {"deploy": run.deploy, "simulation": run.simulation, "inventory": run.inventory}
        about |= {"command": command, "version": __version__}
        self.write("run", about | {"targets": run.targets, "started": time.time()})

    def write(self, kind: str, record: dict[str, Any]) -> None:
        """Append one line."""
        if self._file:
            try:
                self._file.write(json.dumps({"kind": kind, **record}, ensure_ascii=False) + "\n")
                self._file.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._file = None
        self._warn(f"this run keeps no journal: {folder()}: {error.strerror or error}")

    def keep(self, kind: str, records: list[Any]) -> Callable[[Any], None]:
        """A function that takes a record, writes it, and appends it to ``records``."""

        def take(record: Any) -> None:
            records.append(record)
            self.write(kind, asdict(record))

        return take

    def end(self, run: Run) -> None:
        """Write how the hosts came out, and close."""
        for host in run.hosts:
            self.write("host", asdict(host))
        self.write("end", {"exit_code": exit_code(run), "ended": time.time()})
        if self._file:
            with contextlib.suppress(OSError):
                self._file.close()


def folder() -> Path:
    """Where journals are kept."""
    return state_folder() / "runs"


def latest() -> Path:
    """The journal of the last run. Raises UserError when there is none."""
    found = sorted(folder().glob("*.jsonl"))
    if not found:
        raise UserError(f"there is no run in {folder()}", hint="labprov apply or verify makes one")
    return found[-1]


def last_of(deploy: str, inventory: str) -> Run | None:
    """The last run of that deploy with that inventory (absolute path), or None."""
    for path in sorted(folder().glob(f"*-{deploy}-*.jsonl"), reverse=True):
        with contextlib.suppress(UserError):
            run = read(path)
            if (run.deploy, run.inventory) == (deploy, inventory):
                return run
    return None


def read(path: Path) -> Run:
    """Read a journal back; a last line that was cut off is dropped. Raises UserError for what is no journal."""
    try:
        # Not splitlines(): it also splits at characters that may stand within a line. The last one may be cut anywhere.
        lines = path.read_bytes().decode("utf-8", errors="replace").removesuffix("\n").split("\n")
    except OSError as error:
        raise UserError(f"cannot be read: {error}", Where(path)) from None
    run, records = None, []
    for number, line in enumerate(lines, 1):
        try:
            records.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise UserError("is not a journal of labprov", Where(path, number)) from None
    for record in records:
        run = _take(run, record, path)
    if run is None:
        raise UserError("is not a journal of labprov", Where(path))
    return run


def _take(run: Run | None, record: dict[str, Any], path: Path) -> Run:
    kind = record.pop("kind", None)
    if kind == "run":
        return Run(
            record["deploy"], record["simulation"], record["inventory"], tuple(record["targets"]), finished=False
        )
    if run is None:
        raise UserError("is not a journal of labprov", Where(path))
    match kind:
        case "planned" | "applied":
            outcome = Outcome(
                **record | {"result": Result(record["result"])} | _tuples(record, "commands", "diffs", "warnings")
            )
            (run.planned if kind == "planned" else run.applied).append(outcome)
        case "check":
            run.checks.append(Check(**record | {"verdict": Verdict(record["verdict"])}))
        case "host":
            host = record | {"status": Status(record["status"])} | _tuples(record, "not_run", "reboot", "unsafe")
            run.hosts.append(HostResult(**host))
        case "end":
            run.finished, run.interrupted = True, record["exit_code"] == Interrupted.exit_code
    return run


def _tuples(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: tuple(record.get(key, ())) for key in keys}


def _open(name: str) -> TextIO:
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in sorted(folder().glob("*.jsonl"))[: -KEEP + 1 or None]:
        with contextlib.suppress(OSError):
            old.unlink()
    descriptor = os.open(folder() / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")
