"""What verification gives: one record a check and host. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NOT_ASKED = ("not set: ", "not needed: ")
"""How a check's reason begins that has nothing to look at, since the inventory does not ask for the thing."""


class Verdict(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One testinfra function on one host."""

    host: str
    role: str
    name: str
    """The function's name in words: ``engine answers``."""
    verdict: Verdict
    reason: str = ""
    """Why it failed or was skipped, in one line."""
    detail: str = ""
    """The assertion as pytest explains it."""
    seconds: float = 0.0
