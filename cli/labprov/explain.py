"""``labprov explain``: what the resolver decides and why, for cards that somebody names or for hosts as they are.

It asks (a command line, an inventory, live hosts) and shows; ``compat`` decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

import click
from rich.console import Console

from labprov.compat import cards
from labprov.compat.answer import Decision, Refusal
from labprov.compat.request import Policy, Request, Wishes
from labprov.compat.resolve import resolve
from labprov.compat.tables import Tables
from labprov.errors import UserError
from labprov.report import decision as report

_RHEL = ("rocky", "almalinux", "alma", "centos", "rhel")


@dataclass(frozen=True)
class Question:
    """What the command line names."""

    gpus: tuple[str, ...]
    """Names or PCI device ids; ``A100:8`` is eight of them."""
    system: str
    machine: str = "x86_64"
    kernel: str = ""
    nvswitches: bool = False
    secure_boot: bool = False
    wishes: Wishes = field(default_factory=Wishes)
    prefer_newest: bool = False
    end_of_life: bool = False


Answers = Mapping[str, Decision | Refusal]
More = Mapping[str, Mapping[str, Any]]


def explain(question: Question, known: Tables, console: Console, as_json: bool, every: bool) -> int:
    """Answer for cards that are on no host. Returns the exit code: 2 for a refusal. Raises UserError."""
    title = question.system
    request = _request(question, known)
    return show({title: resolve(request, known)}, console, as_json, every)


def show(answers: Answers, console: Console, as_json: bool, every: bool, more: More = MappingProxyType({})) -> int:
    """Print answers by title. Returns the exit code: 2 when one is a refusal.

    ``more``: what else JSON has of a title.
    """
    if as_json:
        click.echo(report.as_json(answers, more))
    for title, answer in answers.items():
        report.show(console, title, answer, every)
    return 2 if any(isinstance(answer, Refusal) for answer in answers.values()) else 0


def policy(newest: bool = False, end_of_life: bool = False) -> Policy:
    """The policy of today."""
    return Policy(date.today(), "newest" if newest else "long-term", end_of_life)


def system_name(text: str, known: Tables) -> str:
    """``ubuntu-24.04``, ``debian13`` or ``rocky-9.4`` as the tables name it. Raises UserError for others."""
    found = re.fullmatch(r"([a-z]+)[-_ ]?([0-9.]*)", text.strip().lower())
    ident, version = found.groups() if found else ("", "")
    rhel = ident in _RHEL
    name = f"rhel{version.partition('.')[0]}" if rhel else f"{ident}{version.replace('.', '')}"
    if name not in known.systems:
        named = ", ".join(known.systems)
        raise UserError(f"no NVIDIA driver is known for {text!r}", hint=f"--os one of {named}; Rocky and Alma are rhel")
    return name


def _request(question: Question, known: Tables) -> Request:
    return Request(
        cards=tuple(cards.find(name, known) for name in _counted(question.gpus)),
        system=system_name(question.system, known),
        policy=policy(question.prefer_newest, question.end_of_life),
        machine=question.machine,
        kernel=question.kernel,
        nvswitches=question.nvswitches,
        secure_boot=question.secure_boot,
        wishes=question.wishes,
    )


def _counted(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for text in names:
        name, colon, count = text.rpartition(":")
        several = bool(colon) and count.isdecimal() and 0 < int(count) <= 64 and name.lower() != "10de"
        found += [name] * int(count) if several else [text]
    return found
