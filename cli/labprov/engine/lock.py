"""One controller at a time on a host: a lock held by an open channel, freed when either side dies or falls silent.

The kernel frees it when the controller's process is killed. A controller that lost its network says nothing more, and
the host's own ssh server would take hours to notice: so the holder is heard every few seconds, or loses the lock.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shlex
import socket
import time

import gevent

from labprov.engine.channel import Channel
from labprov.engine.connection import Connection
from labprov.errors import HostError

_PATH = "/run/labprov.lock"
_TAKE = """umask 077; exec 9>>{path} || exit 1
flock {wait} 9 || {{ printf '{word}BUSY %s\\n' "$(cat {path})"; exit 0; }}
printf '%s\\n' {holder} > {path}
echo {word}LOCKED
while [ "$(timeout {silence} head -c 1)" ]; do :; done
: > {path}
"""
BEAT = 5.0
"""Seconds between two signs of life."""
SILENCE = 30
"""Seconds without one after which the host frees the lock; more than it takes us to notice a silent host."""


class Lock:
    """A host's lock, held until it is closed, or until this process is silent for ``SILENCE`` seconds."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._beating = gevent.spawn(self._beat)

    def check(self) -> None:
        """Raises HostError when the lock is no longer ours: another labprov may be at work there."""
        if self._channel.exit_status_ready():
            raise HostError("the lock on this host was lost: nothing was heard of us there for too long")

    def close(self) -> None:
        """Free it."""
        self._beating.kill(block=False)
        self._channel.close()

    def _beat(self) -> None:
        with contextlib.suppress(OSError):  # the connection is lost: the command that runs will say so
            while True:
                gevent.sleep(BEAT)
                self._channel.sendall(b"x")


def holder() -> str:
    """Who we are, for whoever finds the lock taken: user, machine, process, since when."""
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}, since {since}"


def take_lock(connection: Connection, wait: float) -> Lock:
    """Take the host's lock, waiting at most ``wait`` seconds. Raises HostError naming who holds it."""
    how = f"-w {wait:g}" if wait else "-n"
    word = secrets.token_hex(8)  # a login shell may print anything before
    script = _TAKE.format(path=_PATH, wait=how, holder=shlex.quote(holder()), word=word, silence=SILENCE)
    channel = connection.start_root(script)
    with gevent.Timeout(wait + 60, HostError("the host did not answer when its lock was asked for")):
        line = _answer(channel, word)
    if line == "LOCKED":
        return Lock(channel)
    channel.close()
    if line.startswith("BUSY"):
        raise HostError(f"another labprov is at work here: {line.removeprefix('BUSY').strip() or 'unknown'}")
    raise HostError(f"could not take the lock {_PATH}: {line or 'no answer'}")


def _answer(channel: Channel, word: str) -> str:
    """The rest of the line that begins with ``word``; when there is none, the last line of what was said."""
    data = b""
    while True:
        before, found, rest = data.partition(word.encode())
        if found and b"\n" in rest:
            return rest.decode(errors="replace").partition("\n")[0].strip()
        chunk = channel.recv(4096)
        if not chunk:
            said = before if found else data or channel.recv_stderr(4096)
            return said.decode(errors="replace").strip().rpartition("\n")[2]
        data += chunk
