"""In which order hosts are worked on: batches, and when to stop. Pure; ``commands`` follows it.

``serial`` (a number, a percentage, or a list of them whose last one repeats) and ``max_failures`` stand in the
inventory beside the settings, for all hosts or a group. Hosts that got ``serial`` from the same place form a line of
batches; lines go on side by side. Hosts without ``serial`` all belong to the first batch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from labprov.errors import UserError, Where
from labprov.inventory import Host


@dataclass(frozen=True)
class Line:
    """Hosts that are worked on batch by batch."""

    batches: tuple[tuple[str, ...], ...]
    """Host names, in order."""
    max_failures: int | None
    """More failed hosts than this stop the batches to come; None: nothing does."""

    def may_go_on(self, failed: Collection[str]) -> bool:
        """Whether the next batch may start when these hosts (names, of any line) have failed."""
        mine = sum(1 for batch in self.batches for name in batch if name in failed)
        return self.max_failures is None or mine <= self.max_failures


def lines(hosts: Sequence[Host]) -> list[Line]:
    """Sort hosts into lines of batches. Raises UserError for a ``serial`` or ``max_failures`` that makes no sense."""
    groups: dict[tuple[Where, Where] | None, list[Host]] = {}
    for host in hosts:
        key = (host.origin("serial"), host.origin("max_failures")) if "serial" in set(host.tree) else None
        groups.setdefault(key, []).append(host)
    return [_line(members, serial=key is not None) for key, members in groups.items()]


def split(sizes: Sequence[int], names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Cut ``names`` into batches of these sizes; the last size repeats until all are in one."""
    batches: list[tuple[str, ...]] = []
    start = 0
    while start < len(names):
        size = sizes[min(len(batches), len(sizes) - 1)]
        batches.append(tuple(names[start : start + size]))
        start += size
    return tuple(batches)


def _line(hosts: Sequence[Host], serial: bool) -> Line:
    names = [host.name for host in hosts]
    value = hosts[0].tree.value("serial")
    most = max_failures(hosts[0], 0 if serial else None)
    if not serial:
        return Line((tuple(names),), most)
    given = value if isinstance(value, list) else [value]
    where = hosts[0].origin("serial")
    if not given:
        raise UserError("should name at least one size", where, "like 1, 25% or [1, 5, 10]")
    return Line(split([size(one, len(names), where) for one in given], names), most)


def max_failures(host: Host, otherwise: int | None) -> int | None:
    """The host's ``max_failures``, or ``otherwise``. Raises UserError for what is no number of hosts."""
    most: object = host.tree.value("max_failures", otherwise)
    if most is None or (isinstance(most, int) and not isinstance(most, bool) and most >= 0):
        return most
    raise UserError(f"should be a number of hosts, got {most!r}", host.origin("max_failures"))


def size(value: object, number: int, where: Where, examples: str = "1, 25% or [1, 5, 10]") -> int:
    """A number of hosts: itself, or a percentage of ``number``, at least 1. Raises UserError."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    digits = value.removesuffix("%") if isinstance(value, str) and value.endswith("%") else ""
    if digits.isdecimal() and 0 < int(digits) <= 100:
        return max(1, math.floor(number * int(digits) / 100))
    raise UserError(f"should be a number of hosts or a percentage, got {value!r}", where, f"like {examples}")
