"""A time server (SNTP, RFC 4330) for a virtual machine that reaches no other: tells this machine's time."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SINCE_1900 = 2_208_988_800
_TO_2_32 = 2**32


@contextmanager
def time_server(address: str, port: int = 123) -> Iterator[None]:
    """Answer at ``address`` for as long as the context lasts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, port))
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield


def _serve(server: socket.socket) -> None:
    while True:
        try:
            asked, sender = server.recvfrom(512)
            server.sendto(answer(asked, time.time()), sender)
        except OSError:  # closed
            return


def answer(asked: bytes, now: float) -> bytes:
    """The reply to a request of at least 48 bytes, at the time ``now`` (seconds since 1970)."""
    stamp = struct.pack("!Q", int((now + _SINCE_1900) * _TO_2_32))
    # version 4, server; stratum 2; poll 2**6 s; precision 2**-20 s; no delay, 1 ms dispersion; who we follow
    head = struct.pack("!BBbbIII", 0x24, 2, 6, -20, 0, 66, 0x7F000001)
    return head + stamp + asked[40:48] + stamp + stamp
