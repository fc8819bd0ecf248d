"""Asking for a reboot. A role never reboots: it says why, and the engine reboots when it may.

pyinfra 3.10's ``server.reboot`` takes a host that has not gone down yet for one that is back, and then fails with it
(its issues 1110, 1645 and 1708); it also reboots at every run unless the caller knows better.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from pyinfra import host
from pyinfra.api import QuoteString, StringCommand, operation

from labprov.engine.facts.reboot import REASONS, RebootReasons
from labprov.engine.operations import Commands


@operation()
def require(reason: str) -> Commands:
    """Note on the host that it needs a reboot, and why: one line, forgotten by the reboot.

    + reason: a sentence; line ends in it become spaces
    """
    reason = _line(reason)
    if reason in host.get_fact(RebootReasons):
        host.noop("already asked for")
        return
    folder = str(PurePosixPath(REASONS).parent)
    yield StringCommand("mkdir -p", folder, "&&", "printf '%s\\n'", QuoteString(reason), ">>", REASONS)


@operation()
def withdraw(reasons: Sequence[str]) -> Commands:
    """Forget reasons that no longer hold; the others stay.

    + reasons: as they were given to ``require``
    """
    noted: list[str] = host.get_fact(RebootReasons)
    left = [QuoteString(reason) for reason in noted if reason not in [_line(other) for other in reasons]]
    if len(left) == len(noted):
        host.noop("none of them was noted")
    elif left:
        yield StringCommand("printf '%s\\n'", *left, ">", REASONS)
    else:
        yield StringCommand("rm -f", REASONS)


def _line(reason: str) -> str:
    return " ".join(reason.split())
