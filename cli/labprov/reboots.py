"""When a host that needs a reboot gets it: the rules of an inventory, and whose turn it is. Reboots nothing itself.

``reboot`` (never, ask, when-needed, ``window 02:00-05:00``), ``reboot_at_once`` (a number of hosts or a percentage) and
``reboot_timeout`` (seconds) stand in the inventory beside ``serial``, for all hosts, a group or a host. Hosts that got
the first two from the same places form a queue: one after the other reboots, or ``reboot_at_once`` of them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from gevent.lock import BoundedSemaphore

from labprov import rollout
from labprov.engine.facts.presence import Presence
from labprov.errors import UserError, Where
from labprov.inventory import Host

_WINDOW = re.compile(r"window\s+([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_HINT = 'never, ask, when-needed, or "window 02:00-05:00" by the host\'s own clock'

TIMEOUT = 900.0
"""Seconds within which a rebooted host must be back; servers test their memory for minutes."""


class Mode(StrEnum):
    """Who decides."""

    NEVER = "never"
    ASK = "ask"
    WHEN_NEEDED = "when-needed"
    WINDOW = "window"
    ALWAYS = "always"
    """``--reboot``: whoever is logged in."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is allowed on a host."""

    mode: Mode
    text: str
    """As a report names it."""
    window: tuple[int, int] = (0, 0)
    """First minute of the day, and the first one after; the second is smaller when midnight lies between."""

    @property
    def decides(self) -> bool:
        """Whether a host may be rebooted without another question."""
        return self.mode not in (Mode.NEVER, Mode.ASK)


NEVER = Rule(Mode.NEVER, "reboot: never")
FORBIDDEN = Rule(Mode.NEVER, "--no-reboot")
ALWAYS = Rule(Mode.ALWAYS, "--reboot")


def rule(value: object, where: Where) -> Rule:
    """Read the value of ``reboot``. Raises UserError."""
    if isinstance(value, str) and value in (Mode.NEVER, Mode.ASK, Mode.WHEN_NEEDED):
        return Rule(Mode(value), f"reboot: {value}")
    found = _WINDOW.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise UserError(f"is no rule for reboots: {value!r}", where, _HINT)
    begin, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3))
    if begin == end:
        raise UserError("a window should have a length", where, "when-needed is at any time")
    return Rule(Mode.WINDOW, " ".join(str(value).split()), (begin, end))


def why_not(rule: Rule, there: Presence) -> str:
    """Why a host may not be rebooted now, in some words; empty when it may, or when somebody is to be asked."""
    if rule.mode is Mode.NEVER:
        return rule.text
    if there.is_controller:
        return "labprov runs on it"
    if rule.mode is Mode.WINDOW and not _within(rule.window, there.minute):
        return rule.text
    if rule.mode in (Mode.WHEN_NEEDED, Mode.WINDOW) and there.busy:
        return f"in use: {there.told}"
    return ""


def _within(window: tuple[int, int], minute: int) -> bool:
    begin, end = window
    return begin <= minute < end if begin < end else minute >= begin or minute < end


@dataclass
class Queue:
    """Hosts that reboot in turn."""

    names: tuple[str, ...]
    at_once: int
    most: int
    """More hosts than this that did not come back stop the others (``max_failures``)."""
    lost: list[str] = field(default_factory=list)
    """Hosts that did not come back."""
    places: BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self.places = BoundedSemaphore(self.at_once)

    @contextmanager
    def turn(self) -> Iterator[str]:
        """Wait for a host's turn; within it, the word is why it may not reboot after all, or empty."""
        with self.places:
            yield f"{', '.join(self.lost)} did not come back" if len(self.lost) > self.most else ""


@dataclass(frozen=True)
class Reboots:
    """Every host's rule and queue."""

    rules: Mapping[str, Rule]
    queues: Mapping[str, Queue]
    timeouts: Mapping[str, float]
    """Seconds within which each must be back."""
    asking: bool = False
    """Whether there is somebody to be asked."""
    answers: dict[str, frozenset[str] | None] = field(default_factory=dict)
    """Host name -> what its reboot may end, as the question named it; None: it was not allowed."""


def read(hosts: Sequence[Host], override: Rule | None = None, asking: bool = False) -> Reboots:
    """The rules of the inventory, or ``override`` for all. Raises UserError naming file, line and key."""
    rules = {host.name: _rule(host) for host in hosts}
    places: dict[tuple[Where | None, Where | None], list[Host]] = {}
    for host in hosts:
        places.setdefault(_place(host), []).append(host)
    queues = [_queue(members) for members in places.values()]
    if override:
        rules = dict.fromkeys(rules, override)
    timeouts = {host.name: _timeout(host) for host in hosts}
    return Reboots(rules, {name: queue for queue in queues for name in queue.names}, timeouts, asking)


def _rule(host: Host) -> Rule:
    return rule(host.tree.value("reboot"), host.origin("reboot")) if "reboot" in set(host.tree) else NEVER


def _timeout(host: Host) -> float:
    value = host.tree.value("reboot_timeout", TIMEOUT)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 86_400:
        raise UserError(f"should be a number of seconds up to a day, got {value!r}", host.origin("reboot_timeout"))
    return float(value)


def _place(host: Host) -> tuple[Where | None, Where | None]:
    """Where what makes a queue was written."""
    keys = set(host.tree)
    first, second = (host.origin(key) if key in keys else None for key in ("reboot", "reboot_at_once"))
    return first, second


def _queue(hosts: Sequence[Host]) -> Queue:
    names = tuple(host.name for host in hosts)
    at_once = rollout.size(
        hosts[0].tree.value("reboot_at_once", 1), len(names), hosts[0].origin("reboot_at_once"), "1 or 25%"
    )
    most = min(rollout.max_failures(host, 0) or 0 for host in hosts)
    return Queue(names, at_once, most)
