"""What labprov promises of a run that has nothing to do, computed from the rows of a comparison. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.contestants import ANSIBLE, FACTS, HAND, PLAN, PYINFRA, VERIFY
from bench.results import Claim

MANY = 20
Row = dict[str, Any]


def of(rows: Sequence[Row], delay: int) -> list[Claim]:
    """The promises that ``rows`` (of ``bench.__main__``) say something about."""
    found = {(row["hosts"], row["delay_ms"], row["contestant"]): row for row in rows}

    def ratio(text: str, above: str, below: str, limit: float, at_least: bool = False) -> list[Claim]:
        one, other = found.get((MANY, 0, above)), found.get((MANY, 0, below))
        return [Claim(text, limit, one["median"] / other["median"], at_least)] if one and other else []

    def value(text: str, key: tuple[int, int, str], column: str, limit: float) -> list[Claim]:
        return [Claim(text, limit, found[key][column])] if key in found else []

    return [
        *value(f"plan of {MANY} hosts, commands a host", (MANY, 0, PLAN), "execs/host", 1),
        *ratio(f"plan of {MANY} hosts, times the floor of the same commands", PLAN, FACTS, 1.3),
        *ratio(f"plan of {MANY} hosts, times the hand-written script", PLAN, HAND, 4),
        *ratio(f"plain pyinfra on {MANY} hosts, times labprov's plan", PYINFRA, PLAN, 15, at_least=True),
        *ratio(f"Ansible on {MANY} hosts, times labprov's plan", ANSIBLE, PLAN, 35, at_least=True),
        *value("plan of one host, seconds all in", (1, 0, PLAN), "median", 0.6),
        *_round_trips(found, delay),
        *value(f"verify of {MANY} hosts, commands a host", (MANY, 0, VERIFY), "execs/host", 2),
    ]


def _round_trips(found: dict[tuple[int, int, str], Row], delay: int) -> list[Claim]:
    """By how much more the delay slows plan than it slows the floor, in round trips; medians' noise is in it."""
    keys = [(1, added, name) for name in (PLAN, FACTS) for added in (delay, 0)]
    if not delay or any(key not in found for key in keys):
        return []
    far, near, floor_far, floor_near = (found[key]["median"] for key in keys)
    more = ((far - near) - (floor_far - floor_near)) / (delay / 1000)
    return [Claim(f"one host {delay} ms away, round trips more than the floor", 5, more)]
