"""Questions of one kind go out as one command: one ``stat`` for all paths, one ``dpkg-query`` for all packages. Pure.

A host with nothing to do spends its time on starting processes: a deploy asks some 80 questions, half of them of these
kinds. Recognised by their text, which is pyinfra's or our own; whatever is not recognised goes out as it is.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from labprov.engine.batch import Completed

_PATH = r"(?P<path>/[\w@%+=:,./-]*)"  # none that the shell would want quoted: an answer's line begins with it
_SAME = r"(?P=path)"
_LOOK = "user=%U group=%G mode=%A atime=%X mtime=%Y ctime=%Z size=%s %N"
_PACKAGE = "${db:Status-Abbrev} ${Package} ${Version}\n"


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of question."""

    pattern: re.Pattern[str]
    """Its text as a whole; what it is asked of are the groups."""
    ask: Callable[[list[re.Match[str]]], str]
    """The command that answers all of them."""
    pick: Callable[[re.Match[str], list[re.Match[str]], str], str]
    """Of one question, all of them, and the output of that command: what the question alone would print."""


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
    return [alone(key) if isinstance(key, str) else _one(_KINDS[key], kinds[key]) for key in order]


def alone(command: str) -> Question:
    """A question that goes out as it is."""
    return Question(command, lambda done: {command: done})


def _recognise(command: str) -> tuple[int, re.Match[str] | None]:
    for number, kind in enumerate(_KINDS):
        found = kind.pattern.fullmatch(command)
        if found:
            return number, found
    return -1, None


def _one(kind: _Kind, asked: list[re.Match[str]]) -> Question:
    if len(asked) == 1:
        return alone(asked[0].string)

    def answers(done: Completed) -> Mapping[str, Completed]:
        if done.status:
            return {}
        text = done.stdout.decode("utf-8", errors="surrogateescape")
        picked = {each.string: kind.pick(each, asked, text) for each in asked}
        return {one: Completed(0, out.encode("utf-8", errors="surrogateescape"), b"") for one, out in picked.items()}

    return Question(kind.ask(asked), answers)


def _paths(asked: list[re.Match[str]]) -> str:
    return " ".join(dict.fromkeys(each["path"] for each in asked))


def _lines(text: str, wanted: Callable[[str], bool]) -> str:
    return "".join(f"{line}\n" for line in text.split("\n") if line and wanted(line))


@lru_cache(maxsize=1024)  # hosts of one kind ask for the same
def _words(text: str) -> tuple[str, ...]:
    return tuple(shlex.split(text))


def _names(asked: re.Match[str]) -> tuple[str, ...]:
    return _words(asked["names"])


def _all_names(asked: list[re.Match[str]]) -> str:
    return shlex.join(dict.fromkeys(name for each in asked for name in _names(each)))


def _look(asked: re.Match[str], _all: list[re.Match[str]], text: str) -> str:
    start = f"{asked['path']} user="
    return _lines(text, lambda line: line.startswith(start)).removeprefix(f"{asked['path']} ")


def _sum(asked: re.Match[str], _all: list[re.Match[str]], text: str) -> str:
    return _lines(text, lambda line: line.endswith(f"  {asked['path']}"))


def _packages(asked: re.Match[str], _all: list[re.Match[str]], text: str) -> str:
    names = frozenset(_names(asked))
    patterns = [name for name in names if "*" in name or "?" in name or "[" in name]

    def wanted(line: str) -> bool:
        name = line[4:].partition(" ")[0]
        return name in names or any(fnmatchcase(name, pattern) for pattern in patterns)

    return _lines(text, wanted)


def _units(asked: list[re.Match[str]]) -> list[str]:
    return list(dict.fromkeys(each["unit"] for each in asked))


def _unit(asked: re.Match[str], every: list[re.Match[str]], text: str) -> str:
    """The answers come in the order of the units, an empty line between them; none where there is no systemctl."""
    wanted, answers = ("Id=", f"{asked['state']}="), text.split("\n\n")
    number = _units(every).index(asked["unit"])
    return _lines(answers[number] if number < len(answers) else "", lambda line: line.startswith(wanted))


_KINDS = (
    _Kind(  # pyinfra's File, Directory, Link
        re.compile(
            rf"! \(test -e {_PATH} \|\| test -L {_SAME} \) \|\| "
            rf"\( stat -c '{re.escape(_LOOK)}' {_SAME} 2> /dev/null \|\| stat -f '[^']*' {_SAME} \|\| ls -ld {_SAME} \)"
        ),
        lambda asked: f"stat -c '%n {_LOOK}' {_paths(asked)} 2>/dev/null || true",
        _look,
    ),
    _Kind(  # pyinfra's Sha1File
        re.compile(
            rf"test -e {_PATH} && \( sha1sum {_SAME} 2> /dev/null \|\| shasum {_SAME} 2> /dev/null "
            rf"\|\| sha1 {_SAME} 2> /dev/null \) \|\| true"
        ),
        lambda asked: f"sha1sum {_paths(asked)} 2>/dev/null || true",
        _sum,
    ),
    _Kind(  # our InstalledPackages; no NAME:ARCH, whose answer does not say ARCH
        re.compile(rf"dpkg-query -W -f '{re.escape(_PACKAGE)}' -- (?P<names>[^:;|&<>`$()]*) 2>/dev/null \|\| true"),
        lambda asked: f"dpkg-query -W -f '{_PACKAGE}' -- {_all_names(asked)} 2>/dev/null || true",
        _packages,
    ),
    _Kind(  # pyinfra's SystemdStatus and SystemdEnabled, of one unit each
        re.compile(
            r"! command -v systemctl >/dev/null 2>&1 \|\| "
            r"\{ systemctl show --all --property Id "
            r"--property (?P<state>SubState|UnitFileState) (?P<unit>[\w:.@-]+)\n\}"
        ),
        lambda asked: (
            "! command -v systemctl >/dev/null 2>&1 || systemctl show --all --property Id --property SubState "
            f"--property UnitFileState {' '.join(_units(asked))}"
        ),
        _unit,
    ),
)
