"""The kinds of questions that go out as one command: how each is recognised, asked, and its answers told apart. Pure.

Of each question comes out what it alone would print. ``together`` puts them to use.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

_PATH = r"(?P<path>/[\w@%+=:,./-]*)"  # none that the shell would want quoted: an answer's line begins with it
_SAME = r"(?P=path)"
_LOOK = "user=%U group=%G mode=%A atime=%X mtime=%Y ctime=%Z size=%s %N"
_PACKAGE = "${db:Status-Abbrev} ${Package} ${Version}\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of question."""

    pattern: re.Pattern[str]
    """Its text as a whole; what it is asked of are the groups."""
    ask: Callable[[list[re.Match[str]]], str]
    """The command that answers all of them."""
    pick: Callable[[re.Match[str], list[re.Match[str]], str], str | None]
    """Of one question, all of them, and the output of that command: what the question alone would print. None: nobody
    can tell, so that it is to be asked alone."""


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


_UNIT_KEYS = "Id,LoadState,UnitFileState,ActiveState,InvocationID"


def _of(asked: re.Match[str]) -> list[str]:
    return [asked["unit"]] if asked["unit"] else asked["units"].split()


def _units(asked: list[re.Match[str]]) -> list[str]:
    return list(dict.fromkeys(unit for each in asked for unit in _of(each)))


def _unit(asked: re.Match[str], every: list[re.Match[str]], text: str) -> str | None:
    """The answers come in the order of the units, an empty line between them; none where there is no systemctl."""
    keys = _UNIT_KEYS.split(",") if asked["units"] else ["Id", asked["state"]]
    wanted, answers, order = tuple(f"{key}=" for key in keys), text.split("\n\n"), _units(every)
    if len(answers) != len(order):
        return None if text else ""
    return "\n".join(_lines(answers[order.index(unit)], lambda line: line.startswith(wanted)) for unit in _of(asked))


KINDS = (
    Kind(  # pyinfra's File, Directory, Link
        re.compile(
            rf"! \(test -e {_PATH} \|\| test -L {_SAME} \) \|\| "
            rf"\( stat -c '{re.escape(_LOOK)}' {_SAME} 2> /dev/null \|\| stat -f '[^']*' {_SAME} \|\| ls -ld {_SAME} \)"
        ),
        lambda asked: f"stat -c '%n {_LOOK}' {_paths(asked)} 2>/dev/null || true",
        _look,
    ),
    Kind(  # pyinfra's Sha1File
        re.compile(
            rf"test -e {_PATH} && \( sha1sum {_SAME} 2> /dev/null \|\| shasum {_SAME} 2> /dev/null "
            rf"\|\| sha1 {_SAME} 2> /dev/null \) \|\| true"
        ),
        lambda asked: f"sha1sum {_paths(asked)} 2>/dev/null || true",
        _sum,
    ),
    Kind(  # our InstalledPackages; no NAME:ARCH, whose answer does not say ARCH
        re.compile(rf"dpkg-query -W -f '{re.escape(_PACKAGE)}' -- (?P<names>[^:;|&<>`$()]*) 2>/dev/null \|\| true"),
        lambda asked: f"dpkg-query -W -f '{_PACKAGE}' -- {_all_names(asked)} 2>/dev/null || true",
        _packages,
    ),
    Kind(  # pyinfra's SystemdStatus and SystemdEnabled, of one unit each; our Units
        re.compile(
            r"! command -v systemctl >/dev/null 2>&1 \|\| "
            r"\{ systemctl show --all --property Id "
            r"--property (?P<state>SubState|UnitFileState) (?P<unit>[\w:.@-]+)\n\}"
            rf"|systemctl show --property={_UNIT_KEYS} -- (?P<units>[\w:.@-]+(?: [\w:.@-]+)*) 2>/dev/null \|\| true"
        ),
        lambda asked: (
            "! command -v systemctl >/dev/null 2>&1 || "
            f"systemctl show --all --property={_UNIT_KEYS},SubState -- {' '.join(_units(asked))}"
        ),
        _unit,
    ),
)
