"""Questions of one kind go out as one command: one ``stat`` for all paths, one ``dpkg-query`` for all packages. Pure.

A host with nothing to do spends its time on starting processes: a deploy asks some 80 questions, half of them of these
kinds. Recognised by their text, which is pyinfra's or our own; whatever is not recognised goes out as it is.
``together_kinds`` has the kinds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from labprov.engine.batch import Completed
from labprov.engine.together_kinds import KINDS, Kind


@dataclass(frozen=True, slots=True)
class Question:
    """One command, and the questions that it answers."""

    command: str
    answers: Callable[[Completed], Mapping[str, Completed]]
    """Question -> answer; none when the command failed: they are then to be asked one by one."""


def together(commands: Sequence[str]) -> list[Question]:
    """The fewest commands that answer ``commands``: those of one kind become one, at the place of its first."""
    kinds: dict[int, list[re.Match[str]]] = {}
    order: list[int | str] = []
    for command in commands:
        number, found = _recognise(command)
        if found is None:
            order.append(command)
        elif number in kinds:
            kinds[number].append(found)
        else:
            kinds[number] = [found]
            order.append(number)
    return [alone(key) if isinstance(key, str) else _one(KINDS[key], kinds[key]) for key in order]


def alone(command: str) -> Question:
    """A question that goes out as it is."""
    return Question(command, lambda done: {command: done})


def _recognise(command: str) -> tuple[int, re.Match[str] | None]:
    for number, kind in enumerate(KINDS):
        found = kind.pattern.fullmatch(command)
        if found:
            return number, found
    return -1, None


def _one(kind: Kind, asked: list[re.Match[str]]) -> Question:
    if len(asked) == 1:
        return alone(asked[0].string)

    def answers(done: Completed) -> Mapping[str, Completed]:
        if done.status:
            return {}
        text = done.stdout.decode("utf-8", errors="surrogateescape")
        picked = {each.string: kind.pick(each, asked, text) for each in asked}
        return {
            one: Completed(0, out.encode("utf-8", errors="surrogateescape"), b"")
            for one, out in picked.items()
            if out is not None
        }

    return Question(kind.ask(asked), answers)
