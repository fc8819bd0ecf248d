"""Watches pyinfra's operations as they happen and turns each into an Outcome. Decides nothing about hosts or roles.

Two modes of pyinfra, one place to look: an operation's data is handed to the State when it is called.

* apply: pyinfra's immediate mode (``is_executing``): the operation runs at once; its meta is completed; we record it.
* plan: nothing runs. The command list is enumerated, uploads are compared with the host's files, and the meta is
  completed with what *would* be done, so that ``_if=op.did_change`` of later operations answers as it will later.
"""

from __future__ import annotations

import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyinfra
from pyinfra import context
from pyinfra.api import Host, State, StringCommand
from pyinfra.api.command import FileUploadCommand, FunctionCommand, PyinfraCommand
from pyinfra.api.state import StateOperationHostData
from pyinfra.connectors.util import CommandOutput

from labprov.engine.asked import access
from labprov.engine.diff import upload_diff
from labprov.engine.hidden import masked, secrets_in
from labprov.engine.outcome import Outcome, Result

OUTPUT_LINES = 200
OUTPUT_SIZE = 65_536
"""How much of a command's output a record keeps: lines, and characters."""
REASON_SIZE = 500
_HELD = re.compile(
    r"Could not get lock \S+\. It is held by process \d+ \([^)]*\)|dpkg: error: .* was locked by .* with pid \d+"
    r"|\S+ already locked by \d+\s+The application with PID \d+ is: \S+"
)
"""Who holds a lock, as apt, dpkg and dnf say it: among their other words, and not always on stderr."""


@dataclass
class Progress:
    """Where one host is: the role being run, and what came of its operations so far."""

    role: str
    report: Callable[[Outcome], None]
    planning: bool
    round_trips: Callable[[], int]
    operation: str = ""
    """The operation being run now, or run last."""
    busy: bool = False
    """Whether it is being run now."""
    reason: str = ""
    """Why the operation that failed last did."""
    said: list[str] = field(default_factory=list)
    """What the role warned of since the last record."""

    def warnings(self) -> tuple[str, ...]:
        """Take what the role warned of since the last record."""
        said, self.said = tuple(dict.fromkeys(self.said)), []
        return said


class RecordingState(State):
    """pyinfra's State, with every operation recorded."""

    progress: dict[str, Progress]
    """Host name -> where it is; set by the run before a role starts."""
    warnings: dict[str, list[str]]
    """Host name -> what pyinfra told its logger; some causes are told nowhere else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.progress, self.warnings = {}, defaultdict(list)
        super().__init__(*args, **kwargs)

    def set_op_data_for_host(self, host: Host, op_hash: str, op_data: StateOperationHostData) -> None:
        """Called by pyinfra for each operation, just before it runs (apply) or instead of running it (plan)."""
        super().set_op_data_for_host(host, op_hash, op_data)
        progress = self.progress[host.name]
        name = operation_name(self, op_hash)
        progress.operation, progress.busy = name, True
        if progress.planning:
            _plan(host, name, op_data, progress)
            progress.busy = False
        else:
            _watch(self, host, name, op_data, progress)


def operation_name(state: State, op_hash: str) -> str:
    """The operation's own name, without the title of the deploy it belongs to."""
    return next(iter(state.op_meta[op_hash].names)).rpartition(" | ")[2]


def _plan(host: Host, name: str, op_data: StateOperationHostData, progress: Progress) -> None:
    started, trips = time.time(), progress.round_trips()
    commands = list(op_data.command_generator()) if _condition_holds(op_data) else []
    diffs = tuple(upload_diff(host, c, access(op_data)) for c in commands if isinstance(c, FileUploadCommand))
    op_data.operation_meta.set_complete(True, commands, CommandOutput([]))
    result = Result.CHANGED if commands else Result.UNCHANGED
    spent = time.time() - started
    progress.report(
        Outcome(
            host.name,
            progress.role,
            name,
            result,
            tuple(map(describe, commands)),
            diffs,
            started=started,
            seconds=spent,
            round_trips=progress.round_trips() - trips,
            warnings=progress.warnings(),
        )
    )


def _condition_holds(op_data: StateOperationHostData) -> bool:
    conditions = op_data.global_arguments.get("_if") or []
    conditions = conditions if isinstance(conditions, list) else [conditions]
    return all(condition() for condition in conditions)


def _watch(state: RecordingState, host: Host, name: str, op_data: StateOperationHostData, progress: Progress) -> None:
    """Record the operation at the moment when pyinfra completes its meta (its callbacks come before that)."""
    started, trips, told = time.time(), progress.round_trips(), len(state.warnings[host.name])
    meta = op_data.operation_meta
    complete = meta.set_complete

    def set_complete(success: bool, commands: list[Any], output: CommandOutput, *args: Any, **kwargs: Any) -> None:
        complete(success, commands, output, *args, **kwargs)
        progress.busy = False
        result = Result.FAILED if not success else Result.CHANGED if commands else Result.UNCHANGED
        hidden = secrets_in(commands, op_data.global_arguments)
        text = masked("\n".join(output.output_lines[-OUTPUT_LINES:]), hidden)[-OUTPUT_SIZE:]
        reason = "" if success else _reason(output, commands, state.warnings[host.name][told:])
        progress.reason = reason = masked(reason, hidden)[:REASON_SIZE]
        progress.report(
            Outcome(
                host.name,
                progress.role,
                name,
                result,
                tuple(map(describe, commands)),
                output=text,
                reason=reason,
                started=started,
                seconds=time.time() - started,
                retries=meta.retry_attempts,
                round_trips=progress.round_trips() - trips,
                warnings=progress.warnings(),
            )
        )

    meta.set_complete = set_complete  # type: ignore[method-assign, assignment]  # pyinfra offers no hook at this point


def describe(command: PyinfraCommand) -> str:
    """One line that says what a command does, secrets masked."""
    match command:
        case FileUploadCommand():
            return f"write {command.dest}"
        case FunctionCommand():
            return f"call {command.function.__name__}"
        case StringCommand():
            return command.get_masked_value()
        case _:
            return repr(command)


def _reason(output: CommandOutput, commands: list[Any], told: list[str]) -> str:
    """The line that most likely says why: of stderr the last that tells, else what pyinfra logged, else the command."""
    said = [line.strip() for line in output.stderr_lines if line.strip()] or [line for line in told if line]
    telling = [line for line in said if line.startswith(("E:", "error", "Error", "ERROR", "fatal"))]
    if held := _HELD.findall(output.output):
        return " ".join(held[-1].split())
    if telling and telling[-1] == "Error:":  # dnf's: what follows tells
        return " ".join(said[said.index("Error:") + 1 :][:2])
    if telling or said:
        return (telling or said)[-1]
    return f"failed: {describe(commands[-1])}" if commands else "failed"


_PYINFRA = str(Path(pyinfra.__file__).parent)


class LogCatcher(logging.Handler):
    """Attributes what is logged to the host it speaks of: by pyinfra itself, or by a role, which warns its user."""

    def __init__(self, state: RecordingState) -> None:
        super().__init__(logging.WARNING)
        self.state = state

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message under the host in context."""
        host = context.ctx_host.get()
        if host is None:
            return
        message = record.getMessage()
        self.state.warnings[host.name].append(message)
        if not record.pathname.startswith(_PYINFRA) and host.name in self.state.progress:
            self.state.progress[host.name].said.append(message.removeprefix(host.print_prefix))
