"""Why this branch and this source, and not another that works as well: the words for ``branch``'s order. Pure."""

from __future__ import annotations

from labprov.compat.answer import Choice, RuledOut
from labprov.compat.branch import Candidate, Search
from labprov.compat.request import Request

TYPES = {
    "LTSB": "long-term support branch",
    "PB": "production branch",
    "NFB": "new feature branch",
    "unknown": "branch of unknown kind",
}


def source_choice(found: Search, request: Request) -> Choice:
    """Who the driver comes from."""
    best = found.candidates[0].offered
    return Choice("source", best.source, (f"{best.offer.title}: {_source_reason(found, request)}",), ())


def branch_choice(found: Search, request: Request) -> Choice:
    """The branch, and every other one that is offered."""
    best, *others = found.candidates
    passed = tuple(RuledOut(_title(other), _worse(other, best, request)) for other in others)
    return Choice("driver branch", str(best.offered.branch), _branch_reasons(best, request), (*passed, *found.lost))


def until(candidate: Candidate) -> str:
    """What kind of branch it is and how long it is cared for."""
    row = candidate.offered.row
    return f"{TYPES[row.type]}, {f'until {row.eol}' if row.eol else 'its end is not announced'}"


def _title(candidate: Candidate) -> str:
    return f"{candidate.offered.branch} from {candidate.offered.offer.title}"


def _source_reason(found: Search, request: Request) -> str:
    best = found.candidates[0].offered
    if request.wishes.source:
        return "the source that was named"
    if request.secure_boot and best.offer.signed:
        return "its modules are signed, so that Secure Boot loads them without a key of one's own"
    if best.source == "vendor":
        return "NVIDIA's own comes first, where it has a branch for every card"
    return "the only one with a branch for every card that is still cared for"


def _branch_reasons(best: Candidate, request: Request) -> tuple[str, ...]:
    entry, reasons = best.offered, []
    if request.wishes.version:
        reasons.append(f"version {request.wishes.version} was asked for")
    elif request.wishes.branch:
        reasons.append("asked for")
    reasons.append(until(best))
    ending = sorted({card.name for card in request.cards if card.last_branch == entry.branch})
    if ending:
        reasons.append(f"the last one that drives {' and '.join(ending)}")
    beginning = sorted({card.name for card in request.cards if card.first_branch == entry.branch})
    if beginning:
        reasons.append(f"the first one that drives {' and '.join(beginning)}")
    how = {"full": "in full", "minor": "by minor-version compatibility", "forward": "by cuda-compat"}
    reasons += [f"supports CUDA {v} {how[s]}" for v, s in zip(request.wishes.cuda, best.cuda, strict=True)]
    return tuple(reasons)


def _worse(other: Candidate, best: Candidate, request: Request) -> str:
    """The first thing in which it comes after the best."""
    place = next(i for i, (a, b) in enumerate(zip(other.order, best.order, strict=True)) if a != b)
    match place:
        case 0:
            return f"end of life since {other.offered.row.eol}"
        case 1:
            return "its modules are not signed for Secure Boot"
        case 2:
            return "NVIDIA's own repository comes first"
        case 3:
            weak = [v for v, s in zip(request.wishes.cuda, other.cuda, strict=True) if s != "full"]
            return f"does not support all of CUDA {', '.join(weak)}"
        case 4:
            return "a package for old cards"
        case 5:
            return f"{until(other)}; {best.offered.branch} is a {TYPES[best.offered.row.type]}"
    return f"older than {best.offered.branch}"
