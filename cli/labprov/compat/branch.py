"""The search: every driver branch that somebody offers for the system, kept or ruled out, and in what order. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from labprov.compat import flavour as flavours
from labprov.compat import toolkits
from labprov.compat.answer import RuledOut, Support
from labprov.compat.frameworks import Wheels
from labprov.compat.gpus import GpuModel
from labprov.compat.request import Request, number
from labprov.compat.rows import Branch, Flavour, Offer, Source
from labprov.compat.tables import Tables

SOURCES: tuple[Source, ...] = ("vendor", "distro")
_PLACES = {source: place for place, source in enumerate(SOURCES)}
_TYPES = {"LTSB": 0, "PB": 1, "NFB": 2, "unknown": 3}
_SUPPORT: dict[Support, int] = {"full": 0, "minor": 1, "forward": 2}
Order = tuple[bool, bool, int, int, bool, int, int]


@dataclass(frozen=True, slots=True)
class Offered:
    """A branch that a source has for a system."""

    source: Source
    offer: Offer
    branch: int
    row: Branch

    @property
    def package(self) -> str:
        """The legacy package that it comes in; empty when it is the source's ordinary one."""
        return self.offer.legacy.get(self.branch, "")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A branch that drives every card."""

    offered: Offered
    flavour: Flavour
    why: str
    """Of the flavour."""
    either: bool
    """Whether the cards would take the other flavour as well."""
    cuda: tuple[Support, ...]
    """How it supports each wished toolkit."""
    order: Order


@dataclass(frozen=True, slots=True)
class Search:
    """What the search found, best first each."""

    candidates: tuple[Candidate, ...]
    ruled_out: tuple[tuple[Offered, str], ...]

    @property
    def lost(self) -> tuple[RuledOut, ...]:
        """What was ruled out, for people."""
        return tuple(RuledOut(f"{entry.branch} from {entry.offer.title}", why) for entry, why in self.ruled_out)


@lru_cache(maxsize=256)
def offered(tables: Tables, system: str, machine: str, source: Source) -> tuple[Offered, ...]:
    """Everything that a source has for a system, newest first."""
    offer = tables.systems[system].drivers.get(source) if system in tables.systems else None
    if offer is None or machine not in offer.branches:
        return ()
    listed = {*offer.branches[machine], *(offer.legacy if machine == "x86_64" else ())}
    if offer.follows:
        listed |= {branch for branch in tables.branches if branch > max(listed)}
    rows = ((branch, tables.branches.get(branch)) for branch in sorted(listed, reverse=True))
    return tuple(Offered(source, offer, branch, row) for branch, row in rows if row)


def search(request: Request, tables: Tables, wheels: Sequence[Wheels]) -> Search:
    """Look at every branch that the wishes leave."""
    found: list[Candidate] = []
    lost: list[tuple[Order, Offered, str]] = []
    for entry in _wanted(request, tables):
        candidate = _judge(entry, request, tables, wheels)
        if isinstance(candidate, Candidate):
            found.append(candidate)
        else:
            lost.append((_order(entry, (), request), entry, candidate))
    found.sort(key=lambda candidate: candidate.order)
    lost.sort(key=lambda row: row[0])
    return Search(tuple(found), tuple((entry, why) for _, entry, why in lost))


def _wanted(request: Request, tables: Tables) -> Iterator[Offered]:
    wish = request.wishes
    for source in (wish.source,) if wish.source else SOURCES:
        for entry in offered(tables, request.system, request.machine, source):
            if wish.wanted_branch in (None, entry.branch):
                yield entry


def _judge(entry: Offered, request: Request, tables: Tables, wheels: Sequence[Wheels]) -> Candidate | str:
    """The candidate, or why the branch is none; the most telling reason first."""
    for card in request.cards:
        if why := against_card(card, entry):
            return why
    flavour, reason = flavours.choose(request.cards, request.wishes.flavour, entry.branch, entry.row, entry.offer)
    if why := flavours.against(flavour, entry.branch, entry.row, entry.offer) or _against_host(entry, request):
        return why
    if ended(entry.row, request) and not request.end_of_life_allowed:
        return f"end of life since {entry.row.eol}"
    levels: list[Support] = []
    for version in request.wishes.cuda:
        level = _support(version, entry, request, tables)
        if level is None:
            needs = toolkits.floor(version, tables)
            return f"CUDA {version} does not run on driver branch {entry.branch}: it needs {needs}"
        levels.append(level)
    for wheel in wheels:
        if not wheel.for_driver(entry.branch, request.wishes.version, tables):
            return f"{wheel.name} {wheel.release} needs driver {wheel.oldest_driver(tables)} or newer"
    either = flavours.needed(request.cards)[0] is None
    return Candidate(entry, flavour, reason, either, tuple(levels), _order(entry, levels, request))


def against_card(card: GpuModel, entry: Offered) -> str:
    """Why a branch does not drive a card; empty when it does."""
    who = f"{card.name} ({card.architecture})"
    if card.first_branch and entry.branch < card.first_branch:
        return f"driver branch {entry.branch} is too old for {who}, which needs {card.first_branch}"
    if card.last_branch and entry.branch > card.last_branch:
        return f"driver branch {entry.branch} dropped {who}, which needs {card.last_branch} or older"
    if card.architecture not in entry.row.supports and card.architecture != "unknown":
        return f"driver branch {entry.branch} does not know {who}"
    return ""


def ended(row: Branch, request: Request) -> bool:
    """Whether a branch is past its end of life on the day by which the policy chooses."""
    return row.eol is not None and row.eol <= request.policy.day


def _against_host(entry: Offered, request: Request) -> str:
    if why := entry.offer.blocked.get(entry.branch):
        return f"it cannot be installed: {why}"
    newest, kernel = entry.offer.max_kernel, re.match(r"\d+\.\d+", request.kernel)
    if newest and kernel and number(kernel[0]) > number(newest):
        return f"its module builds up to Linux {newest} only, the host runs {request.kernel}"
    if entry.offer.packages == "debian_distro" and "-rt" in request.kernel:
        return "its module does not build for a PREEMPT_RT kernel"
    return ""


def _support(version: str, entry: Offered, request: Request, tables: Tables) -> Support | None:
    level = toolkits.supported(version, entry.branch, request.wishes.version, tables)
    if level is None and request.wishes.cuda_source == "vendor" and toolkits.forward_compatible(request.cards):
        return "forward"
    return level


def _order(entry: Offered, levels: Sequence[Support], request: Request) -> Order:
    """What is cared for, signed where that matters, from NVIDIA, supporting all that is wished, long-term, newest."""
    return (
        ended(entry.row, request),
        request.secure_boot and not entry.offer.signed,
        _PLACES[entry.source],
        max(map(_SUPPORT.__getitem__, levels)) if levels else 0,
        bool(entry.package),
        _TYPES[entry.row.type] if request.policy.prefer == "long-term" else 0,
        -entry.branch,
    )
