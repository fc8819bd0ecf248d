"""One host that should be rebooted: whether it may be now, whether it would come back, then the engine's reboot.

``reboots`` has the rules and whose turn it is; here the host is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from pyinfra.api import Host

from labprov.engine.facts.presence import Presence, PresenceNow
from labprov.engine.outcome import Outcome, Result
from labprov.engine.reboot import NotBack, reboot
from labprov.engine.roles import reboot_reasons
from labprov.engine.session import Session
from labprov.errors import HostError
from labprov.reboots import Mode, Reboots, why_not
from labprov.role import Role, RoleSettings

_OWN_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Asking(Exception):
    """Somebody is to be asked whether a host may be rebooted."""

    def __init__(self, reasons: Sequence[str], there: Presence) -> None:
        self.reasons, self.there = tuple(reasons), there
        super().__init__("somebody is to be asked")


class Teller(Protocol):
    """Who is told of the reboot."""

    def outcome(self, outcome: Outcome) -> None:
        """An operation ended."""


def reboot_when_allowed(
    session: Session,
    host: Host,
    roles: Sequence[tuple[Role, RoleSettings]],
    after: str,
    reboots: Reboots,
    teller: Teller,
) -> str:
    """Reboot ``host`` if it may be, after the role ``after``. Returns why it may not be; empty when it was.

    ``roles``: all that it has. Waits for the host's turn. Raises Asking when somebody is to be asked first, HostError
    when it would not come back with what its roles need, or did not.
    """
    rule, queue = reboots.rules[host.name], reboots.queues[host.name]
    if rule.mode is Mode.NEVER:
        return rule.text
    if rule.mode is Mode.ASK and reboots.answers.get(host.name, frozenset()) is None:
        return "you said no"
    if rule.mode is Mode.ASK and host.name not in reboots.answers:
        there = presence(session, host)
        if held := why_not(rule, there) or ("" if reboots.asking else f"{rule.text}, and nobody to be asked"):
            return held
        _refuse_unsafe(host, roles, after, teller)
        raise Asking(reboot_reasons(host), there)
    with queue.turn() as stopped:
        there = presence(session, host)
        if held := stopped or why_not(rule, there) or _answered(reboots, host.name, there):
            return held
        _refuse_unsafe(host, roles, after, teller)
        though = there.told if rule.mode is Mode.ALWAYS else ""
        try:
            reboot(session, host, after, reboots.timeouts[host.name], teller.outcome, though)
        except NotBack:
            queue.lost.append(host.name)
            raise
    return ""


def presence(session: Session, host: Host) -> Presence:
    """Who and what is on the host now; one round trip."""
    session.connection(host).knowledge.forget()
    there: Presence = host.get_fact(PresenceNow)
    return replace(there, is_controller=_OWN_BOOT.exists() and there.boot == _OWN_BOOT.read_text().strip())


def unsafe(host: Host, roles: Sequence[tuple[Role, RoleSettings]]) -> tuple[str, ...]:
    """Why the host would not come back with what its roles gave it, each with what repairs it."""
    return tuple(problem for role, settings in roles for problem in role.before_reboot(settings))


def _refuse_unsafe(host: Host, roles: Sequence[tuple[Role, RoleSettings]], after: str, teller: Teller) -> None:
    if found := unsafe(host, roles):
        reason = f"not rebooted: {'; '.join(found)}"
        teller.outcome(Outcome(host.name, after, "Reboot", Result.FAILED, reason=reason, started=time.time()))
        raise HostError(f"{after}: {reason}")


def _answered(reboots: Reboots, name: str, there: Presence) -> str:
    """Why what was answered does not allow it: somebody came since. An answer counts for one reboot."""
    if reboots.rules[name].mode is not Mode.ASK:
        return ""
    more = sorted(there.busy - (reboots.answers.pop(name) or frozenset()))
    return f"in use since you were asked: {', '.join(more)}" if more else ""
