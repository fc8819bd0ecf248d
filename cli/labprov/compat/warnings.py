"""What a user should know about a decision: ends of life, uncertain table entries, limits of support. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from labprov.compat import toolkits
from labprov.compat.answer import Cuda
from labprov.compat.branch import Candidate
from labprov.compat.cards import HOW_TO_ADD
from labprov.compat.frameworks import Wheels
from labprov.compat.packages import UNVERSIONED
from labprov.compat.request import Request
from labprov.compat.tables import Tables

SOON = timedelta(days=90)


def warnings(
    candidate: Candidate, cuda: tuple[Cuda, ...], wheels: list[Wheels], request: Request, tables: Tables
) -> Iterator[str]:
    """One sentence each."""
    yield from _branch(candidate, request)
    yield from _source(candidate, request)
    yield from _cards(candidate, request)
    if not cuda:
        yield "no CUDA toolkit that can be had here fits driver and cards: take one from conda or a container image"
    for chosen in cuda:
        yield from _toolkit(chosen, candidate, request, tables)
    for wheel in wheels:
        if wheel.uncertain:
            yield f"what is known of {wheel.name} {wheel.release}'s wheels is uncertain"
        if wheel.name == "tensorflow":
            yield from _ptx(wheel.builds[0], "tensorflow", request, tables)


def _branch(candidate: Candidate, request: Request) -> Iterator[str]:
    branch, row = candidate.offered.branch, candidate.offered.row
    today = request.policy.today
    if row.eol and row.eol <= today:
        yield f"driver branch {branch} is end of life since {row.eol}: no more fixes from NVIDIA"
    elif row.eol and row.eol - today <= SOON:
        yield f"driver branch {branch} reaches its end of life in {(row.eol - today).days} days, on {row.eol}"
    if row.uncertain:
        yield f"what is known of driver branch {branch} is uncertain{f': {row.note}' if row.note else ''}"
    if row.caution:
        yield f"driver branch {branch}: {row.caution}"


def _source(candidate: Candidate, request: Request) -> Iterator[str]:
    offered = candidate.offered
    offer = offered.offer
    if offer.uncertain:
        yield f"what {offer.title} has is uncertain{f': {offer.note}' if offer.note else ''}"
    if offered.branch not in {*(number for row in offer.branches.values() for number in row), *offer.legacy}:
        yield f"branch {offered.branch} was not seen in {offer.title} yet"
    if offered.branch in offer.doubtful:
        yield f"whether branch {offered.branch} can be installed is uncertain: {offer.doubtful[offered.branch]}"
    if request.secure_boot and not offer.signed:
        yield "Secure Boot: the module is signed by a key of this server's own, which must be enrolled at the console"
    if offer.packages == "ubuntu_vendor" and offered.branch >= UNVERSIONED:
        yield f"the names of compute-only packages in {offer.title} are uncertain"


def _cards(candidate: Candidate, request: Request) -> Iterator[str]:
    for card in request.cards:
        if not card.certain:
            yield f"{card.name} is not in NVIDIA's own lists{'' if card.chip else _taken_as_new(card.device)}"
        if card.architecture == "rubin":
            yield f"what is known of {card.name} (rubin) is uncertain"
    others = [card.name for card in request.cards if card.segment != "datacenter"]
    if candidate.flavour == "open" and candidate.offered.row.open in ("datacenter", "beta") and others:
        yield f"the open modules of branch {candidate.offered.branch} are experimental for {others[0]}"


def _taken_as_new(device: str) -> str:
    return f": taken as newer than the tables; the inventory describes it by {HOW_TO_ADD.format(device=device)}"


def _toolkit(chosen: Cuda, candidate: Candidate, request: Request, tables: Tables) -> Iterator[str]:
    branch, toolkit = candidate.offered.branch, tables.toolkits[chosen.version]
    if chosen.support == "minor":
        yield (
            f"CUDA {chosen.version} came with driver branch {toolkit.branch}: on {branch} programs run by minor-version"
            " compatibility, without what is newer in the driver (PTX from this toolkit is not compiled at run time)"
        )
    if chosen.support == "forward":
        yield (
            f"CUDA {chosen.version} runs on branch {branch} by forward compatibility only: {chosen.compat} goes on the "
            "host, and programs must find its libraries first; which branches it accepts is uncertain"
        )
    if toolkit.uncertain:
        yield f"what is known of CUDA {chosen.version} is uncertain{f': {toolkit.note}' if toolkit.note else ''}"
    for card in request.cards:
        if toolkits.dropped(card, toolkit):
            yield f"CUDA {chosen.version} does not build for {card.name}; {toolkits.last_for(card, tables)} is the last"
    yield from _ptx(chosen.version, f"CUDA {chosen.version}", request, tables)


def _ptx(version: str, what: str, request: Request, tables: Tables) -> Iterator[str]:
    toolkit = tables.toolkits[version]
    for card in request.cards:
        if toolkits.too_new(card, toolkit):
            yield f"{what} has no machine code for {card.name}: PTX is compiled when a program starts, if it has any"
