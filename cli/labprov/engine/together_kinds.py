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
_PACKAGE = "${db:Status-Abbrev} ${Package} ${Version}"
_OF = " ${Maintainer}"
_HELD = "dpkg-query -W -f '${db:Status-Want} ${Package}\n' 2>/dev/null | sed -n 's/^hold //p'"
_KEYS = (
    "[ ! -f ",
    ' ] || { h=$(mktemp -d) && gpg --homedir "$h" --batch --no-options --with-colons --show-keys ',
    ' 2>/dev/null; rm -rf -- "$h"; } | awk -F: \'$1=="pub"{p=1} $1=="fpr"&&p{print $10; p=0}\'',
)
_NO_KEY = "[GNUPG:] NODATA"


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


def _ask_dpkg(asked: list[re.Match[str]]) -> str:
    """With what is held among the questions all packages are listed, once, and what nobody asks for stays there."""
    form = f"'{_PACKAGE}{_OF if any(each['by'] for each in asked) else ''}\n'"
    named = [each for each in asked if each["names"] is not None]
    if len(named) == len(asked):
        return f"dpkg-query -W -f {form} -- {_all_names(named)} 2>/dev/null || true"
    wanted = "|".join(dict.fromkeys(_pattern(name) for each in named for name in _names(each)))
    lines = shlex.quote(f"^h|^.{{4}}({wanted}) " if wanted else "^h")
    return f"dpkg-query -W -f {form} '*' 2>/dev/null | LC_ALL=C grep -aE {lines} || [ $? = 1 ]"


@lru_cache(maxsize=1024)
def _pattern(name: str) -> str:
    """An extended regular expression for at least what the shell pattern ``name`` is for."""
    start = re.split(r"[*?[]", name, maxsplit=1)[0]
    text = re.sub(r"[][.*^$+?{}|()\\]", r"\\\g<0>", start)
    return text if start == name else f"{text}[^ ]*"


def _packages(asked: re.Match[str], _all: list[re.Match[str]], text: str) -> str:
    if asked["names"] is None:  # dpkg does not tell of those that are not installed unless it is asked by name
        return "".join(f"{line[4:].partition(' ')[0]}\n" for line in text.split("\n") if re.match("h[^n]", line))
    names = frozenset(_names(asked))
    patterns = [name for name in names if "*" in name or "?" in name or "[" in name]

    def wanted(line: str) -> bool:
        name = line[4:].partition(" ")[0]
        return name in names or any(fnmatchcase(name, pattern) for pattern in patterns)

    found = _lines(text, wanted)
    by = any(each["by"] for each in _all)
    return found if asked["by"] or not by else re.sub(r"(?m)^(.{4}\S* \S*) .*$", r"\1", found)


def _ask_gpg(asked: list[re.Match[str]]) -> str:
    """One gpg for all files; that there is no key in /dev/null it says after each of them."""
    ask = 'gpg --homedir "$h" --batch --no-options --with-colons --status-fd 1 --show-keys "$@" 2>/dev/null'
    return (
        f'k=; set --; for f in {_paths(asked)}; do if [ -f "$f" ]; then k=1; else f=/nonexistent; fi; '
        f'set -- "$@" "$f" /dev/null; done; [ -z "$k" ] || {{ h=$(mktemp -d) && {ask}; rm -rf -- "$h"; }}'
    )


def _fingerprints(asked: re.Match[str], every: list[re.Match[str]], text: str) -> str | None:
    """Of each primary key; a file that is no key is told of too, and then nobody knows whose the answers are."""
    order = list(dict.fromkeys(each["path"] for each in every))
    files = re.split(rf"(?m)^{re.escape(_NO_KEY)}.*\n", text)
    if len(files) != len(order) + 1:
        return None if text else ""
    found, primary = [], False
    for fields in (line.split(":") for line in files[order.index(asked["path"])].split("\n")):
        if fields[0] == "fpr" and primary and len(fields) > 9:
            found.append(f"{fields[9]}\n")
        primary = fields[0] == "pub" or (primary and fields[0] != "fpr")
    return "".join(found)


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
    Kind(  # our InstalledPackages, DriverPackages and HeldPackages; no NAME:ARCH, whose answer does not say ARCH
        re.compile(
            rf"dpkg-query -W -f '{re.escape(_PACKAGE)}(?P<by>{re.escape(_OF)})?\n' -- (?P<names>[^:;|&<>`$()\n]*) "
            rf"2>/dev/null \|\| true|{re.escape(_HELD)}"
        ),
        _ask_dpkg,
        _packages,
    ),
    Kind(  # our KeyFingerprints
        re.compile(f"{re.escape(_KEYS[0])}{_PATH}{re.escape(_KEYS[1])}{_SAME}{re.escape(_KEYS[2])}"),
        _ask_gpg,
        _fingerprints,
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
