"""Asking for a reboot. A role never reboots: it says why, and the engine reboots when it may."""

from __future__ import annotations

from pathlib import PurePosixPath

from pyinfra import host
from pyinfra.api import QuoteString, StringCommand, operation

from labprov.engine.facts.reboot import REASONS, RebootReasons
from labprov.engine.operations import Commands


@operation()
def require(reason: str) -> Commands:
    """Note on the host that it needs a reboot, and why: one line, forgotten by the reboot."""
    if reason in host.get_fact(RebootReasons):
        host.noop("already asked for")
        return
    folder = str(PurePosixPath(REASONS).parent)
    yield StringCommand("mkdir -p", folder, "&&", "printf '%s\\n'", QuoteString(reason), ">>", REASONS)
