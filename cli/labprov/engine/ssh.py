"""The ssh connection to a host: one a host, for plan, apply and verify together. Knows nothing of operations.

Differs from pyinfra's connector by what was measured (docs/architecture.md): TCP_NODELAY (3 ms a command instead of
48), a silent connection noticed, a real close, strict host keys on every connect, jump hosts of the inventory.
"""

from __future__ import annotations

import logging
import socket
from typing import Any

from gevent import Greenlet
from paramiko import AuthenticationException, BadHostKeyException, SSHException, Transport
from paramiko.ssh_exception import NoValidConnectionsError
from pyinfra.api.exceptions import ConnectError, PyinfraError
from pyinfra.connectors.sshuserclient import SSHClient

from labprov.engine.channel import Channel
from labprov.engine.connection import Connection
from labprov.engine.hostkeys import Policy, UnknownHostKey, changed_key
from labprov.engine.target import Target
from labprov.engine.watch import watch
from labprov.errors import HostError

# What goes wrong in paramiko's threads reaches us as an exception too; unheard, it would be a traceback on the screen.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class Client(SSHClient):
    """pyinfra's ssh client (``~/.ssh/config``, jump hosts) with our host key policy instead of its own."""

    policy: Policy

    def set_missing_host_key_policy(self, policy: Any) -> None:
        """Ignore the policy that pyinfra derives from its defaults."""
        super().set_missing_host_key_policy(self.policy)


class SshConnection(Connection):
    """A host over ssh."""

    jump: Client | None = None
    watcher: Greenlet | None = None
    why_lost = "the other side closed it"

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
        if self.target.jump:
            kwargs["sock"] = self._through(self.target.jump, dict(kwargs))
        self.client = self._client(hostname, kwargs)
        transport = self.client.get_transport()
        assert transport is not None
        self.watcher = watch(transport, self._lost)

    def _client(self, hostname: str, kwargs: dict[str, Any]) -> Client:
        client = Client()
        client.policy = Policy(self.target.host_keys)
        limits = {"timeout": self.target.connect_timeout, "banner_timeout": 30, "auth_timeout": 30}
        kwargs = kwargs | limits | {"transport_factory": _prompt}
        client.connect(hostname, **kwargs)  # type: ignore[no-untyped-call]  # pyinfra's, not annotated
        return client

    def _through(self, jump: str, kwargs: dict[str, Any]) -> Any:
        """Log in to the jump host (``[user@]host[:port]``) and open a channel to the target from there."""
        user, _, place = jump.rpartition("@")
        host, _, port = place.partition(":")
        kwargs |= {"port": int(port or 22)} | ({"username": user} if user else {})
        try:
            self.jump = self._client(host, kwargs)
        except (SSHException, OSError, EOFError) as error:
            via = Target(jump, host, int(port or 22), user or self.target.user, self.target.key)
            raise ConnectError(f"the jump host {jump}: {cause(error, via)}") from error
        return self.jump.gateway(host, int(port or 22), self.target.address, self.target.port or 22)  # type: ignore[no-untyped-call]

    def disconnect(self) -> None:
        """Close the connection for real (pyinfra 3.10 leaves the transport open)."""
        if self.watcher is not None:
            self.watcher.kill(block=False)
        for client in (self.client, self.jump):
            if client is not None:
                client.close()

    def _lost(self, why: str) -> None:
        self.why_lost = why

    def start(self, command: str) -> Channel:
        """Start a command line as the login user. Raises HostError when the connection is gone."""
        self.round_trips += 1
        try:
            transport = self.client.get_transport() if self.client else None
            if transport is None:
                raise SSHException("not connected")
            channel = transport.open_session(timeout=30)
            channel.exec_command(command)
        except (SSHException, OSError, EOFError) as error:
            raise HostError(f"the connection was lost ({self.why_lost})") from error
        return channel


def _prompt(sock: Any, **options: Any) -> Transport:
    """A transport that sends at once, from the first packet on: logging in waits 40 ms for an acknowledgement else."""
    if isinstance(sock, socket.socket):  # not the channel of a jump host, nor a ProxyCommand
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Transport(sock, **options)


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
