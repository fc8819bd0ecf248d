"""Rebooting a host and waiting until it is really another boot. Decides nothing: the caller was allowed to."""

from __future__ import annotations

import time

from pyinfra.api import Host
from pyinfra.api.exceptions import PyinfraError

from labprov.engine.hostkeys import WrongHostKey
from labprov.engine.outcome import Outcome, Result
from labprov.engine.roles import Report, reboot_reasons
from labprov.engine.session import Session, boot_id
from labprov.errors import HostError

POLL = 2.0
"""Seconds between attempts to reconnect."""


class NotBack(HostError):
    """The host was told to reboot, and did not come back."""


def reboot(session: Session, host: Host, role: str, timeout: float, report: Report, though: str = "") -> None:
    """Reboot ``host`` and reconnect. Raises NotBack when it is not back in a new boot within ``timeout`` seconds.

    ``though``: what it ends there, for the record.

    Compares boot ids: pyinfra's ``server.reboot`` compares uptimes and fails on a host that goes down slowly.
    """
    started, why, before = time.time(), reboot_reasons(host), boot_id(host)
    connection = session.connection(host)
    # In the background and a second later, so that the command ends before the connection does.
    connection.root("(sleep 1; systemctl reboot) >/dev/null 2>&1 </dev/null &", timeout=30)

    def record(result: Result, reason: str) -> None:
        seconds = time.time() - started
        report(Outcome(host.name, role, "Reboot", result, reason=reason, started=started, seconds=seconds))

    try:
        _wait(session, host, before, started + timeout)
    except HostError as error:
        record(Result.FAILED, str(error))
        raise NotBack(f"rebooted, and {error}") from error
    record(Result.CHANGED, "; ".join(why) + (f" (though {though})" if though else ""))


def _wait(session: Session, host: Host, before: str, until: float) -> None:
    """Reconnect until the boot id is another one. Raises HostError when time is up, or when waiting will not help."""
    last = "it still answers from the old boot"
    while time.time() < until:
        time.sleep(POLL)
        try:
            host.disconnect()
            session.reconnect(host)
            now = boot_id(host)
        except WrongHostKey:
            raise
        except (PyinfraError, HostError, OSError, TimeoutError) as error:
            last = str(error)
            continue
        if now and now != before:
            return
    raise HostError(f"it did not come back in time ({last}): look at its console")
