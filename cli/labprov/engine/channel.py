"""A command that runs on a host: what every way of running one offers, and reading it to its end in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import gevent

from labprov.engine.batch import Completed
from labprov.errors import HostError

KEEP = 8 * 1024 * 1024
"""Bytes kept from the beginning and from the end of an output; what lies between is counted, not kept."""


class Channel(Protocol):
    """The part of paramiko's Channel that is used."""

    def sendall(self, data: bytes) -> None:
        """Write to the command's standard input."""

    def shutdown_write(self) -> None:
        """Close its standard input."""

    def recv(self, nbytes: int) -> bytes:
        """Read from its standard output; empty at the end."""

    def recv_stderr(self, nbytes: int) -> bytes:
        """Read from its standard error; empty at the end."""

    def recv_exit_status(self) -> int:
        """Wait for its exit status; -1 when the connection was lost."""

    def exit_status_ready(self) -> bool:
        """Whether it has ended, or the connection has."""

    def close(self) -> None:
        """End it."""


class ConnectionLost(HostError):
    """The connection ended while a command ran; whether the command did is not known."""


def finish(channel: Channel, stdin: bytes, fed: Callable[[], object] = lambda: None) -> Completed:
    """Feed a command, read it to its end; ``fed`` is called when it has all its input. Raises ConnectionLost."""
    # All three at once: a command that prints before it has read all its input would otherwise wait for us for ever.
    feeder, errors = gevent.spawn(_feed, channel, stdin, fed), gevent.spawn(drain, channel.recv_stderr)
    try:
        stdout, left_out = drain(channel.recv)
        status = channel.recv_exit_status()
        if status == -1:
            raise ConnectionLost("the connection was lost while a command ran")
        stderr, left_out_there = errors.get()
        return Completed(status, stdout, stderr, left_out + left_out_there)
    finally:
        gevent.killall([feeder, errors], block=False)


def drain(receive: Callable[[int], bytes]) -> tuple[bytes, int]:
    """Read to the end; of a very long output the beginning and the end are kept, and the bytes left out counted."""
    head: list[bytes] = []
    tail: deque[bytes] = deque()
    kept = ends = dropped = 0
    while chunk := receive(65536):
        if kept < KEEP:
            head.append(chunk)
            kept += len(chunk)
            continue
        tail.append(chunk)
        ends += len(chunk)
        while ends - len(tail[0]) > KEEP:
            gone = len(tail.popleft())
            ends, dropped = ends - gone, dropped + gone
    middle = [f"\n[{dropped} bytes left out]\n".encode()] if dropped else []
    return b"".join([*head, *middle, *tail]), dropped


def _feed(channel: Channel, stdin: bytes, fed: Callable[[], object]) -> None:
    try:
        if stdin:
            channel.sendall(stdin)
        channel.shutdown_write()
        fed()
    except OSError:
        pass  # the command ended without reading its input: its status and stderr tell why
