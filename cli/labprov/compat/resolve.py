"""``resolve``: from a request and the tables to a decision or a refusal. Pure: knows no host, reads no file.

The steps: what can never work (``clash``), every branch that is offered (``branch``), the best of them, and what
follows from it (flavour, packages, toolkits, wheels, fabric manager). ``nearest`` looks for what would do instead.
"""

from __future__ import annotations

from labprov.compat import frameworks, nearest
from labprov.compat.answer import Decision, Refusal, RuledOut
from labprov.compat.branch import SOURCES, Offered, Search, offered, search
from labprov.compat.clash import impossible
from labprov.compat.decision import make
from labprov.compat.frameworks import Wheels
from labprov.compat.request import Request
from labprov.compat.rows import Source
from labprov.compat.tables import Tables


def resolve(request: Request, tables: Tables) -> Decision | Refusal:
    """Decide what a host gets, or say why nothing works and what would."""
    answer = decide(request, tables)
    if isinstance(answer, Decision):
        return answer
    return Refusal(
        answer.cards,
        answer.system,
        answer.reason,
        nearest.ways(request, tables, decide),
        answer.ruled_out,
        tables.version,
    )


def decide(request: Request, tables: Tables) -> Decision | Refusal:
    """The decision, or a refusal that does not say yet what would work."""
    wheels: list[Wheels] = []
    no_wheel = ""
    reason = impossible(request, tables)
    if not reason:
        wheels, no_wheel = frameworks.wished(request, tables)
    if reason or no_wheel:
        return _refusal(request, reason or no_wheel, ())
    found = search(request, tables, wheels)
    if not found.candidates:
        return _refusal(request, _reason(found, request, tables), found.lost)
    return make(found, wheels, request, tables)


def _refusal(request: Request, reason: str, lost: tuple[RuledOut, ...]) -> Refusal:
    return Refusal(tuple(card.name for card in request.cards), request.system, reason, (), lost)


def _reason(found: Search, request: Request, tables: Tables) -> str:
    """Why there is no candidate: what is against the branch that would have been taken, and where others end."""
    wish = request.wishes
    if not found.ruled_out:
        return _not_offered(request, tables)
    entry, why = found.ruled_out[0]
    if not why.startswith(("driver branch", "CUDA", "branch", entry.offer.title)):
        why = f"driver branch {entry.branch}: {why}"
    oldest = min(other.branch for other in offered(tables, request.system, request.machine, entry.source))
    last = min((card.last_branch for card in request.cards if card.last_branch), default=None)
    if wish.wanted_branch is None and last and last < oldest:
        return f"{why}: {entry.offer.title} starts at {oldest}"
    return why


def _not_offered(request: Request, tables: Tables) -> str:
    branch = request.wishes.wanted_branch
    if branch not in tables.branches:
        newest = max(tables.branches)
        return f"there is no driver branch {branch} in the tables, whose newest is {newest}"
    sources: tuple[Source, ...] = (request.wishes.source,) if request.wishes.source else SOURCES
    every = [offered(tables, request.system, request.machine, source) for source in sources]
    return "; ".join(_only(branch or 0, entries) for entries in every if entries)


def _only(branch: int, entries: tuple[Offered, ...]) -> str:
    """What a source has instead of a branch; legacy packages are named as such."""
    ordinary = [entry.branch for entry in reversed(entries) if not entry.package]
    title = entries[0].offer.title
    if entries[0].offer.follows and branch < ordinary[0]:
        return f"{title} has no driver branch {branch}: it starts at {ordinary[0]}"
    legacy = [f"{entry.branch} as {entry.package}" for entry in entries if entry.package]
    return f"{title} has no driver branch {branch}, only {', '.join([*map(str, ordinary), *legacy])}"
