"""Strict host keys with a cause that helps. Not the connection itself.

pyinfra's own policies accept unknown keys by default and forget within a process what they accepted, so that a
reconnect after a reboot takes any key; these check every time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from paramiko import BadHostKeyException, MissingHostKeyPolicy, PKey, SSHClient, SSHException
from pyinfra.connectors.sshuserclient.client import append_hostkey

from labprov.errors import Unreachable


class UnknownHostKey(SSHException):
    """The host's key is not in known_hosts."""


class WrongHostKey(Unreachable):
    """The host shows a key that is not the known one: trying again does not help."""


class Policy(MissingHostKeyPolicy):
    """Refuse unknown keys (``strict``) or remember the first one seen (``accept-new``)."""

    def __init__(self, mode: Literal["strict", "accept-new"]) -> None:
        self.mode = mode

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        """Called by paramiko for a host without a known key. Raises UnknownHostKey when strict."""
        if self.mode == "strict":
            raise UnknownHostKey(
                f"its host key {key.fingerprint} ({key.get_name()}) is not known: compare it with the server's own "
                "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then add it to known_hosts, "
                "or set 'host_keys: accept-new'"
            )
        if file := getattr(client, "_host_keys_filename", None):  # a home may lack ~/.ssh
            Path(file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        append_hostkey(client, hostname, key)
        client.get_host_keys().add(hostname, key.get_name(), key)


def changed_key(error: BadHostKeyException) -> str:
    """The cause of a refused connection to a host whose key is not the known one."""
    return (
        f"its host key has CHANGED: known is {error.expected_key.fingerprint}, it now shows {error.key.fingerprint}; "
        f"if the machine was reinstalled: ssh-keygen -R '{error.hostname}', then connect once by ssh"
    )
