"""Records: what one operation did, or would do, on one host. Plain data; ``recorder`` writes, ``report`` reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How an operation ended. In a plan ``changed`` means: would change."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One operation on one host, or one role skipped on one host."""

    host: str
    role: str
    operation: str
    """Its name, an imperative sentence."""
    result: Result
    commands: tuple[str, ...] = ()
    """As sent to the host, secrets masked."""
    diffs: tuple[str, ...] = ()
    """Unified diffs of the files it writes."""
    output: str = ""
    """What the commands printed, the last 200 lines."""
    reason: str = ""
    """Why it failed or was skipped, in one line."""
    started: float = 0.0
    """Seconds since the epoch."""
    seconds: float = 0.0
    retries: int = 0
    round_trips: int = 0
    """How many times the host was asked or told something."""
    warnings: tuple[str, ...] = ()
    """What the role had to say of the host, by ``pyinfra.logger``."""
