"""After a refusal: what to change so that something works. Tries smaller wishes, other sources, other systems. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from labprov.compat.answer import Decision, Refusal
from labprov.compat.branch import SOURCES, offered
from labprov.compat.clash import exclusive
from labprov.compat.request import Request, number
from labprov.compat.tables import Tables

Decide = Callable[[Request, Tables], Decision | Refusal]
Way = tuple[str, Request]
"""What to change (``{branch}`` and so on are filled in from the decision), and the changed request."""

ENOUGH = 3


def ways(request: Request, tables: Tables, decide: Decide) -> tuple[str, ...]:
    """At most three changes, each enough by itself; the smallest first."""
    found: dict[tuple[object, ...], str] = {}
    for text, changed in (*_cards(request), *_wishes(request), *_versions(request, tables), *_systems(request, tables)):
        if found and text.startswith("on "):
            break  # another system is for when nothing on this one works
        answer = decide(changed, tables)
        if isinstance(answer, Decision):
            key = (answer.cards, answer.system, answer.source, answer.branch, answer.cuda, answer.frameworks)
            found.setdefault(key, _filled(text, answer, changed, tables))
        if len(found) == ENOUGH:
            break
    return tuple(found.values())


def _filled(text: str, answer: Decision, request: Request, tables: Tables) -> str:
    eol = tables.branches[answer.branch].eol
    age = f", end of life since {eol}" if eol and eol <= request.policy.today else ""
    title = tables.systems[answer.system].drivers[answer.source].title
    return text.format(
        branch=answer.branch,
        flavour=answer.flavour,
        source=answer.source,
        title=title,
        age=age,
        cards=", ".join(answer.cards),
    )


def _cards(request: Request) -> Iterator[Way]:
    """Cards that exclude each other go into different servers."""
    pair = exclusive(request.cards)
    if pair is None:
        return
    for gone in pair[::-1]:
        rest = tuple(
            card for card in request.cards if exclusive((card, next(c for c in pair if c is not gone))) is None
        )
        if rest and rest != request.cards:
            text = "put {cards} into a server of their own (branch {branch}, {flavour} modules{age})"
            yield text, replace(request, cards=rest)


def _wishes(request: Request) -> Iterator[Way]:
    wish = request.wishes
    if wish.flavour:
        yield "set flavour: {flavour}, or leave it out", request.wishing(flavour=None)
    if wish.wanted_branch:
        yield "set branch: {branch}", request.wishing(branch=None, version=None)
    free = request.wishing(branch=None, version=None, flavour=None)
    for source in SOURCES:
        if source != wish.source and (wish.source or source == "distro"):
            yield f"set source: {source} ({{title}}, branch {{branch}}{{age}})", free.wishing(source=source)
    aged = replace(free, policy=replace(request.policy, allow_end_of_life=True))
    yield "set source: {source} and branch: {branch} ({title}{age})", aged.wishing(source=None)


def _versions(request: Request, tables: Tables) -> Iterator[Way]:
    """Other toolkits and frameworks, the nearest first: newer ones, then older ones."""
    wish = request.wishes
    if wish.cuda:
        for version in _near(wish.cuda[0], tables.toolkits):
            yield f"take CUDA {version}", request.wishing(cuda=(version,))
        if wish.cuda_source == "distro":
            yield "take CUDA from source: vendor", request.wishing(cuda_source="vendor")
    if wish.torch:
        for version in _near(wish.torch, tables.torch):
            yield f"take torch {version}", request.wishing(torch=version)
    if wish.tensorflow:
        for version in _near(wish.tensorflow, tables.tensorflow):
            yield f"take tensorflow {version}", request.wishing(tensorflow=version)


def _near(version: str, known: Iterable[str]) -> list[str]:
    numbers = sorted(known, key=number)
    newer = [each for each in numbers if number(each) > number(version)]
    older = [each for each in reversed(numbers) if number(each) < number(version)]
    return [each for each in (*newer[:2], *older[:2], *newer[2:], *older[2:])]


def _systems(request: Request, tables: Tables) -> Iterator[Way]:
    aged = replace(request, policy=replace(request.policy, allow_end_of_life=True))
    for base in (request, aged):
        for name, system in tables.systems.items():
            if name != request.system and _any_branch(request, name, tables):
                yield f"on {system.title}: branch {{branch}} from {{title}}{{age}}", replace(base, system=name)


def _any_branch(request: Request, system: str, tables: Tables) -> bool:
    """Whether a system has a branch between the cards' limits; saves a search where it has none."""
    oldest = max((card.first_branch or 0 for card in request.cards), default=0)
    newest = min((card.last_branch or 9999 for card in request.cards), default=9999)
    entries = (entry for source in SOURCES for entry in offered(tables, system, request.machine, source))
    return any(oldest <= entry.branch <= newest for entry in entries)
