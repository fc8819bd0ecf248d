"""A testinfra backend over labprov's open connection: no second login, strict host keys, root by the inventory's sudo.

testinfra's own paramiko backend checks no host key and opens a connection of its own.
"""

from __future__ import annotations

from typing import Any

import testinfra.host
from testinfra.backend.base import BaseBackend, CommandResult

from labprov.engine.connection import Connection
from labprov.verify.replay import Replay

TIMEOUT = 600.0
"""Seconds after which a check's command is given up."""


class ConnectionBackend(BaseBackend):  # type: ignore[misc]  # testinfra ships no types
    """Runs a check's commands as root on one host."""

    NAME = "labprov"

    def __init__(self, name: str, connection: Connection) -> None:
        super().__init__(name)
        self.connection = connection
        self.replay = Replay(lambda command, stdin: connection.root(command, stdin, TIMEOUT))

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """Run one command; arguments are quoted into it. Raises HostError when the connection is lost."""
        line = self.get_command(command, *args)
        done = self.replay.run(line, lambda: self.connection.root(line, timeout=TIMEOUT))
        return self.result(done.status, line.encode(), done.stdout, done.stderr)

    def get_encoding(self) -> str:
        """UTF-8: asking the host for it would cost a round trip."""
        return "utf-8"


def host_over(backend: ConnectionBackend) -> testinfra.host.Host:
    """A testinfra Host that speaks over ``backend``."""
    host = testinfra.host.Host(backend)
    backend.set_host(host)
    return host
