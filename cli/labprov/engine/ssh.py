"""The ssh connection to a host: one a host, for plan, apply and verify together. Knows nothing of operations.

Differs from pyinfra's connector by what was measured (docs/architecture.md): TCP_NODELAY (3 ms a command instead of
48), a silent connection noticed, a real close, strict host keys, atomic uploads, bytes and exit codes for testinfra.
"""

from __future__ import annotations

import shlex
import socket
from io import IOBase
from typing import IO, Any, Unpack, cast

import gevent
from paramiko import AuthenticationException, BadHostKeyException, Channel, SSHException
from paramiko.ssh_exception import NoValidConnectionsError
from pyinfra.api import StringCommand
from pyinfra.api.arguments import ConnectorArguments
from pyinfra.api.exceptions import ConnectError, PyinfraError
from pyinfra.api.util import get_file_io
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.sshuserclient import SSHClient
from pyinfra.connectors.util import CommandOutput, OutputLine, make_unix_command_for_host

from labprov.engine.batch import Completed
from labprov.engine.hostkeys import Policy, UnknownHostKey, changed_key
from labprov.engine.knowledge import Knowledge, answer_facts
from labprov.engine.target import Target
from labprov.engine.upload import upload_script
from labprov.errors import HostError

SILENCE = 25
"""Seconds without an acknowledgement after which a connection counts as dead."""
KEEPALIVE = 5
"""Seconds between keepalive messages, so that silence is noticed while nothing else is said."""


class Client(SSHClient):
    """pyinfra's ssh client (``~/.ssh/config``, jump hosts) with our host key policy instead of its own."""

    policy: Policy

    def set_missing_host_key_policy(self, policy: Any) -> None:
        """Ignore the policy that pyinfra derives from its defaults."""
        super().set_missing_host_key_policy(self.policy)


class Connection(SSHConnector):
    """One host's connection, and what is known of the host."""

    target: Target
    knowledge: Knowledge
    round_trips = 0

    def begin(self, target: Target) -> None:
        """Called once, before the first connect."""
        self.target = target
        self.knowledge = Knowledge(lambda script: self.execute(self.as_root("sh"), script))
        answer_facts(self.host, self.knowledge)

    def connect(self) -> None:
        """Connect, or raise ConnectError whose text is the cause in one line."""
        try:
            self._connect()
        except ConnectError:
            raise
        except (SSHException, OSError, EOFError, PyinfraError) as error:
            self.disconnect()
            raise ConnectError(cause(error, self.target)) from error

    def _connect(self) -> None:
        kwargs = self.make_paramiko_kwargs()
        hostname = kwargs.pop("hostname")
        kwargs |= {"timeout": self.target.connect_timeout, "banner_timeout": 30, "auth_timeout": 30}
        self.client = Client()
        self.client.policy = Policy(self.target.host_keys)
        self.client.connect(hostname, **kwargs)  # type: ignore[no-untyped-call]  # pyinfra's, not annotated
        transport = self.client.get_transport()
        assert transport is not None
        transport.set_keepalive(KEEPALIVE)
        if isinstance(transport.sock, socket.socket):  # not the channel of a jump host
            transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1000)

    def disconnect(self) -> None:
        """Close the connection for real (pyinfra 3.10 leaves the transport open)."""
        if self.client is not None:
            self.client.close()

    # -- execution --------------------------------------------------------------------------------------------

    def open(self, command: str) -> Channel:
        """Start a command and return its channel. Raises HostError when the connection is gone."""
        self.round_trips += 1
        try:
            assert self.client is not None
            transport = self.client.get_transport()
            if transport is None:
                raise SSHException("not connected")
            channel = transport.open_session(timeout=30)
            channel.exec_command(command)
        except (SSHException, OSError, EOFError) as error:
            raise HostError(f"the connection was lost ({str(error) or type(error).__name__})") from error
        return channel

    def execute(self, command: str, stdin: bytes = b"", timeout: float | None = None) -> Completed:
        """Run a command line as the login user. ``timeout`` in seconds ends it. Raises HostError, TimeoutError."""
        channel = self.open(command)
        try:
            with gevent.Timeout(timeout, TimeoutError(f"no end after {timeout} s")):
                return self._finish(channel, stdin)
        finally:
            channel.close()

    def _finish(self, channel: Channel, stdin: bytes) -> Completed:
        errors = gevent.spawn(_drain, channel.recv_stderr)
        try:
            if stdin:
                channel.sendall(stdin)
            channel.shutdown_write()
        except OSError:
            pass  # the command ended without reading its input: its status and stderr tell why
        stdout = _drain(channel.recv)
        status = channel.recv_exit_status()
        if status == -1:
            raise HostError("the connection was lost while a command ran")
        return Completed(status, stdout, errors.get())

    def as_root(self, command: str) -> str:
        """Wrap a command line so that it runs as root, by sudo where the inventory says so."""
        return f"sudo -H -n sh -c {shlex.quote(command)}" if self.target.sudo else f"sh -c {shlex.quote(command)}"

    def run_shell_command(
        self, command: StringCommand, print_output: bool = False, print_input: bool = False, **arguments: Any
    ) -> tuple[bool, CommandOutput]:
        """Run a command with its global arguments; True when the exit code is one of success."""
        arguments.pop("_get_pty", None)
        timeout, stdin = arguments.pop("_timeout", None), arguments.pop("_stdin", None)
        codes = arguments.pop("_success_exit_codes", None) or [0]
        line = make_unix_command_for_host(self.state, self.host, command, **arguments).get_raw_value()
        try:
            done = self.execute(line, _stdin_bytes(stdin), timeout)
        finally:
            self.knowledge.forget()
        return done.status in codes, CommandOutput([*_lines("stdout", done.stdout), *_lines("stderr", done.stderr)])

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
        try:
            done = self.execute(self.as_root(upload_script(remote_filename, len(data))), data)
        finally:
            self.knowledge.forget()
        if done.status != 0:
            said = done.stderr.decode(errors="replace").strip() or f"exit code {done.status}"
            raise HostError(f"could not write {remote_filename}: {said}; the old file is as it was")
        return True


def cause(error: Exception, target: Target) -> str:
    """Why a connection could not be made, in one line."""
    place = f"{target.address}:{target.port or 22}"
    match error:
        case BadHostKeyException():
            return changed_key(error)
        case UnknownHostKey():
            return str(error)
        case AuthenticationException():
            key = f"the key {target.key}" if target.key else "no key of the agent or ~/.ssh"
            return f"{target.user or 'the user'} was not let in: {key} is not accepted there"
        case socket.gaierror():
            return f"the name {target.address} cannot be resolved"
        case NoValidConnectionsError() | ConnectionRefusedError():
            return f"nothing listens at {place} (connection refused)"
        case TimeoutError():
            return f"no answer from {place} within {target.connect_timeout:g} s"
        case _:
            return f"{place}: {str(error) or type(error).__name__}"


def _drain(receive: Any) -> bytes:
    chunks = []
    while chunk := receive(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def _lines(buffer: str, data: bytes) -> list[OutputLine]:
    text = data.decode("utf-8", errors="replace")
    return [OutputLine(buffer, line.rstrip("\r")) for line in text.removesuffix("\n").split("\n")] if text else []


def _stdin_bytes(stdin: Any) -> bytes:
    if not stdin:
        return b""
    lines = stdin.readlines() if hasattr(stdin, "readlines") else [stdin] if isinstance(stdin, str) else list(stdin)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines).encode()
