"""One controller at a time on a host: a lock held by an open channel, freed by the kernel when either side dies."""

from __future__ import annotations

import getpass
import os
import shlex
import socket
import time

import gevent

from labprov.engine.channel import Channel
from labprov.engine.connection import Connection
from labprov.errors import HostError

_PATH = "/run/labprov.lock"
_TAKE = """umask 077; exec 9>>{path} || exit 1
flock {wait} 9 || {{ printf 'BUSY %s\\n' "$(cat {path})"; exit 0; }}
printf '%s\\n' {holder} > {path}
echo LOCKED
cat > /dev/null
: > {path}
"""


def holder() -> str:
    """Who we are, for whoever finds the lock taken: user, machine, process, since when."""
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}, since {since}"


def take_lock(connection: Connection, wait: float) -> Channel:
    """Take the host's lock, waiting at most ``wait`` seconds. Raises HostError naming who holds it.

    The lock is held as long as the channel (and so this process) lives.
    """
    how = f"-w {wait:g}" if wait else "-n"
    script = _TAKE.format(path=_PATH, wait=how, holder=shlex.quote(holder()))
    channel = connection.start_root(script)
    with gevent.Timeout(wait + 60, HostError("the host did not answer when its lock was asked for")):
        line = _first_line(channel)
    if line == "LOCKED":
        return channel
    channel.close()
    if line.startswith("BUSY"):
        raise HostError(f"another labprov is at work here: {line.removeprefix('BUSY').strip() or 'unknown'}")
    raise HostError(f"could not take the lock {_PATH}: {line or 'no answer'}")


def _first_line(channel: Channel) -> str:
    data = b""
    while not data.rpartition(b"LOCKED")[1] and b"BUSY" not in data:
        chunk = channel.recv(4096)
        if not chunk:
            return (data or channel.recv_stderr(4096)).decode(errors="replace").strip().rpartition("\n")[2]
        data += chunk
    while not data.endswith(b"\n") and (chunk := channel.recv(4096)):
        data += chunk
    return data.decode(errors="replace").strip().rpartition("\n")[2]
