"""Decisions and refusals for people (a tree) and for programs (JSON). Decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.tree import Tree

from labprov.compat.answer import Choice, Decision, Refusal, RuledOut
from labprov.report.shown import escape


def show(console: Console, title: str, answer: Decision | Refusal, every: bool) -> None:
    """Print the answer as a tree; ``every``: with all that was ruled out, not only what came close."""
    head = f"[bold]{escape(title)}[/]: {escape(_cards(answer))}"
    tree = _refusal(head, answer, every) if isinstance(answer, Refusal) else _decision(head, answer, every)
    if not console.is_terminal:
        console.width = 1000  # wrapped on a terminal; in a pipe lines stay whole
    console.print(tree, soft_wrap=False)


def as_json(answers: Mapping[str, Decision | Refusal], more: Mapping[str, Mapping[str, Any]]) -> str:
    """All answers by title; ``decided`` says which kind each is. ``more``: what else is said of a title."""
    every = {title: {**data(answer), **more.get(title, {})} for title, answer in answers.items()}
    return json.dumps(every, indent=2, default=str)


def data(answer: Decision | Refusal) -> dict[str, Any]:
    """One answer as plain values."""
    return {"decided": isinstance(answer, Decision)} | asdict(answer)


def _cards(answer: Decision | Refusal) -> str:
    counted = {name: answer.cards.count(name) for name in answer.cards}
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counted.items()) or "no NVIDIA GPU"


def _decision(head: str, answer: Decision, every: bool) -> Tree:
    version = answer.version or f"branch {answer.branch}"
    cuda = ", ".join(chosen.version for chosen in answer.cuda) or "none"
    tree = Tree(f"{head}\n[green]driver {version}, {answer.flavour} modules, from {answer.source}; CUDA {cuda}[/]")
    for choice in answer.choices:
        _choice(tree, choice, every)
    for warning in answer.warnings:
        tree.add(f"[yellow]warning[/]: {escape(warning)}")
    return tree


def _refusal(head: str, answer: Refusal, every: bool) -> Tree:
    tree = Tree(f"{head}\n[red]refused[/]: {escape(answer.reason)}")
    for way in answer.nearest:
        tree.add(f"[green]what would work[/]: {escape(way)}")
    _ruled_out(tree, answer.ruled_out, every)
    return tree


def _choice(tree: Tree, choice: Choice, every: bool) -> None:
    branch = tree.add(f"[bold]{choice.subject}[/]: {escape(choice.value)}")
    for reason in choice.reasons:
        branch.add(escape(reason))
    _ruled_out(branch, choice.ruled_out, every)


def _ruled_out(tree: Tree, entries: tuple[RuledOut, ...], every: bool) -> None:
    shown = entries if every else entries[:3]
    for entry in shown:
        tree.add(f"[dim]not {escape(entry.what)}: {escape(entry.why)}[/]")
    if len(entries) > len(shown):
        tree.add(f"[dim]nor {len(entries) - len(shown)} more (-v shows them)[/]")
