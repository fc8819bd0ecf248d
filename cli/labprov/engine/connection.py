"""A host as commands and files reach it, whatever carries them: root, standard input, timeouts, atomic uploads.

``ssh`` and ``local`` say how a command is started; everything else is here.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Callable
from io import IOBase
from typing import IO, Any, Unpack, cast

import gevent
from pyinfra.api import StringCommand
from pyinfra.api.arguments import ConnectorArguments
from pyinfra.api.util import get_file_io
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.util import CommandOutput, OutputLine, make_unix_command, make_unix_command_for_host

from labprov.engine.asked import access_now
from labprov.engine.batch import Completed
from labprov.engine.channel import Channel, ConnectionLost, finish
from labprov.engine.knowledge import Knowledge, answer_facts
from labprov.engine.questions import Questions
from labprov.engine.target import Target
from labprov.engine.travel import after, bounded, marked, unseen
from labprov.engine.upload import upload_script
from labprov.errors import HostError

OPERATION_TIMEOUT = 7200
"""Seconds after which a command is ended; a driver build on an old machine takes long."""
GRACE = 15.0
"""Seconds that a host has, after a timeout, to end the command itself."""
LINES = 50_000
"""Lines kept from the beginning and from the end of an operation's output: a hundred million short ones fill memory."""


class Connection(SSHConnector):
    """One host's connection, and what is known of the host. A connector of pyinfra's."""

    target: Target
    knowledge: Knowledge
    sudo_password: str = ""
    """Set only for a host whose sudo was seen to want one: another would hand it to the command."""
    round_trips = 0
    guard: Callable[[], None] | None = None
    """Called before each command; raises HostError when we may not work there any more."""
    fed: Callable[[], object] = staticmethod(lambda: None)
    """Called when a command has all its input and the host is at work."""
    why_lost = ""
    """What is known of why the connection ended."""

    def begin(self, target: Target, questions: Questions) -> None:
        """Called once, before the first connect; ``questions`` are those of all hosts."""
        self.target = target
        self.knowledge = Knowledge(lambda script: self.root("sh", script))
        answer_facts(self.host, self.knowledge, questions)

    def start(self, command: str) -> Channel:
        """Start a command line as the login user. Raises HostError when the connection is gone."""
        raise NotImplementedError

    def start_root(self, command: str) -> Channel:
        """Start a command line as root; its standard input stays open."""
        channel = self.start(self._as_root(command))
        if self._password_line:
            channel.sendall(self._password_line)
        return channel

    def root(self, command: str, stdin: bytes = b"", timeout: float | None = None) -> Completed:
        """Run a command line as root; ``timeout`` in seconds. Raises HostError when the connection is lost."""
        if self.guard:
            self.guard()
        mark = secrets.token_hex(8)
        line = bounded(command, timeout, mark) if timeout else command
        channel = self.start(self._as_root(marked(line, mark)))
        late = HostError(f"the command did not end within {timeout:g} s") if timeout else None
        try:
            with gevent.Timeout(timeout + GRACE if timeout else None, late):
                done = finish(channel, self._password_line + stdin, self.fed)
            return Completed(done.status, after(mark, done.stdout), after(mark, done.stderr), done.left_out)
        except ConnectionLost as error:
            raise HostError(f"{error} ({self.why_lost})") from error
        finally:
            channel.close()

    @property
    def _password_line(self) -> bytes:
        return f"{self.sudo_password}\n".encode() if self.target.sudo and self.sudo_password else b""

    def _as_root(self, command: str) -> str:
        # The password goes in by standard input: not by a command line, an environment or a file. -k: sudo asks even if
        # it need not, so that it is always sudo that reads that line, never the command.
        how = "sudo -H -k -S -p ''" if self._password_line else "sudo -H -n"
        return f"{how} sh -c {shlex.quote(command)}" if self.target.sudo else f"sh -c {shlex.quote(command)}"

    # -- what pyinfra calls -----------------------------------------------------------------------------------------

    def run_shell_command(
        self, command: StringCommand, print_output: bool = False, print_input: bool = False, **arguments: Any
    ) -> tuple[bool, CommandOutput]:
        """Run a command with pyinfra's global arguments; True when the exit code is one of success."""
        arguments.pop("_get_pty", None)
        timeout, stdin = arguments.pop("_timeout", None), arguments.pop("_stdin", None)
        codes = arguments.pop("_success_exit_codes", None) or [0]
        if not (arguments.get("_sudo_user") or arguments.get("_su_user")):
            arguments["_sudo"] = False  # we are root already
        line, fed = self._line(command, arguments)
        limit, started = timeout or OPERATION_TIMEOUT, time.monotonic()
        try:
            done = self.root(line, fed + _stdin_bytes(stdin), limit)
        finally:
            self.knowledge.forget()
        errors = _lines("stderr", done.stderr)
        ended = done.status in (124, 137) and time.monotonic() - started >= limit  # 137: it had to be killed
        if ended and done.status not in codes:
            errors.append(OutputLine("stderr", f"Error: ended after {limit:g} s without an end of its own"))
        return done.status in codes, CommandOutput([*_lines("stdout", done.stdout), *errors])

    def _line(self, command: StringCommand, arguments: dict[str, Any]) -> tuple[str, bytes]:
        """The command line for a command with pyinfra's arguments, and what must be fed to it."""
        made = make_unix_command_for_host(self.state, self.host, command, **arguments)
        if made.get_raw_value() == made.get_masked_value():
            return made.get_raw_value(), b""
        inner = {"_env": arguments.pop("_env", None), "_chdir": arguments.pop("_chdir", None)}
        text = make_unix_command(command, **inner, _shell_executable=None).get_raw_value()
        receiver, fed = unseen(text)
        around = make_unix_command_for_host(self.state, self.host, StringCommand(receiver), **arguments)
        return around.get_raw_value(), fed

    def put_file(
        self,
        filename_or_io: str | IOBase,
        remote_filename: str,
        remote_temp_filename: str | None = None,
        print_output: bool = False,
        print_input: bool = False,
        **arguments: Unpack[ConnectorArguments],
    ) -> bool:
        """Upload a file in one round trip, atomically. Raises HostError with the cause when it does not arrive."""
        with get_file_io(cast(IO[Any], filename_or_io), "rb") as file:
            data = file.read()
        data = data.encode() if isinstance(data, str) else data
        script, payload = upload_script(remote_filename, data, access_now(self.state, self.host))
        try:
            done = self.root(script, payload, OPERATION_TIMEOUT)
        finally:
            self.knowledge.forget()
        if done.status != 0:
            said = done.stderr.decode(errors="replace").strip() or f"exit code {done.status}"
            raise HostError(f"could not write {remote_filename}: {said}; the old file is as it was")
        return True


def _lines(buffer: str, data: bytes) -> list[OutputLine]:
    if not data:
        return []
    lines = data.removesuffix(b"\n").split(b"\n")
    if len(lines) > 2 * LINES:
        lines[LINES:-LINES] = [f"[{len(lines) - 2 * LINES} lines left out]".encode()]
    return [OutputLine(buffer, line.decode("utf-8", errors="replace").rstrip("\r")) for line in lines]


def _stdin_bytes(stdin: Any) -> bytes:
    if not stdin:
        return b""
    lines = stdin.readlines() if hasattr(stdin, "readlines") else [stdin] if isinstance(stdin, str) else list(stdin)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines).encode()
