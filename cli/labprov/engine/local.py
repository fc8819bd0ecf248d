"""The machine that labprov runs on, as a host (``address: "@local"``): commands run here, without ssh."""

from __future__ import annotations

import os
import signal

from gevent.os import nb_read
from gevent.subprocess import PIPE, Popen

from labprov.engine.channel import Channel
from labprov.engine.connection import Connection

ADDRESS = "@local"
"""What an inventory writes for this machine."""


class LocalChannel:
    """A local process with the face of an ssh channel."""

    def __init__(self, command: str) -> None:
        self._process = Popen(["sh", "-c", command], stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True)

    def sendall(self, data: bytes) -> None:
        """Write to its standard input."""
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def shutdown_write(self) -> None:
        """Close its standard input."""
        self._process.stdin.close()

    def recv(self, nbytes: int) -> bytes:
        """Read from its standard output."""
        return bytes(nb_read(self._process.stdout.fileno(), nbytes))

    def recv_stderr(self, nbytes: int) -> bytes:
        """Read from its standard error."""
        return bytes(nb_read(self._process.stderr.fileno(), nbytes))

    def recv_exit_status(self) -> int:
        """Wait for its exit status."""
        return int(self._process.wait())

    def exit_status_ready(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End it, and what it started, if it still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()


class LocalConnection(Connection):
    """The machine that labprov runs on."""

    def connect(self) -> None:
        """Nothing is to be connected."""

    def disconnect(self) -> None:
        """Nothing is to be closed."""

    def start(self, command: str) -> Channel:
        """Start a command line as the user that runs labprov."""
        self.round_trips += 1
        return LocalChannel(command)
