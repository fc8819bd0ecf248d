"""Notices a connection over which nothing comes back any more: a pulled cable, a host that hangs, a dead jump host.

Asks the other side's ssh server for any answer, again and again. TCP's own timeouts would miss a host whose kernel
still acknowledges packets while its programs stand still, and everything behind a jump host.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent import Greenlet
from paramiko import Transport

TICK = 5.0
"""Seconds between questions, and between looks for the answer."""
TICKS = 4
"""So many looks without an answer are silence. Counted, not timed: a controller short of CPU must not misjudge."""


def watch(transport: Transport, lost: Callable[[str], None]) -> Greenlet:
    """Close ``transport`` when it has been silent for at most 25 s, after telling ``lost`` the cause."""
    return gevent.spawn(_watch, transport, lost)


def _watch(transport: Transport, lost: Callable[[str], None]) -> None:
    gevent.sleep(TICK)
    while transport.is_active():
        asking = gevent.spawn(transport.global_request, "keepalive@openssh.com")
        try:
            if not _answered(asking):
                lost(f"no answer for {TICK * TICKS:g} s")
                transport.close()
        finally:
            asking.kill(block=False)


def _answered(asking: Greenlet) -> bool:
    for _ in range(TICKS):
        gevent.sleep(TICK)
        if asking.ready():
            return True
    return False
