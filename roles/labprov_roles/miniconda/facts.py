"""What stands at conda's prefix, read from file names alone: conda itself is not started."""

from __future__ import annotations

import json
import shlex

from pyinfra.api import FactBase

from labprov_roles.miniconda.installation import COMPLETE, STARTED, Installation

TERMS = "/etc/conda/tos"
"""Where conda keeps acceptances that hold for the whole server (conda-anaconda-tos, SITE_TOS_ROOT)."""


def unprotected(prefix: str) -> str:
    """Shell text of a find over the base, without ``envs``, for what is not root's alone to write and all's to read."""
    root = shlex.quote(prefix)
    wrong = "! -user root -o ! -type l -perm /022 -o -type d ! -perm -055 -o -type f ! -perm -044"
    return f"find {root} -xdev -path {root}/envs -prune -o \\( {wrong} \\)"


class CondaAt(FactBase[Installation]):
    """The ``Installation`` at a prefix."""

    @staticmethod
    def default() -> Installation:
        """Nothing there."""
        return Installation()

    def command(self, prefix: str) -> str:
        """One word, or a word and a value, a line. No process."""
        path = shlex.quote(prefix)
        return (
            f'p={path}; [ ! -L "$p" ] || echo link; '
            'for f in "$p"/* "$p"/.[!.]* "$p"/..?*; do [ -e "$f" ] || [ -L "$f" ] && echo used && break; done; '
            'if [ -e "$p" ] && [ ! -d "$p" ]; then echo used; fi; '
            f'[ ! -e "$p/{STARTED}" ] || echo started; '
            f'if [ -r "$p/{COMPLETE}" ]; then while IFS= read -r l || [ -n "$l" ]; do '
            f'printf \'marker %s\\n\' "$l"; done <"$p/{COMPLETE}"; fi; '
            'for f in "$p"/conda-meta/conda-[0-9]*.json; do [ ! -e "$f" ] || echo "conda ${f##*/}"; done; '
            'for f in "$p"/conda-meta/conda-anaconda-tos-*.json; do [ ! -e "$f" ] || echo terms; done'
        )

    def process(self, output: list[str]) -> Installation:
        """Lines like ``used``, ``marker miniforge 26.3.2-3 8481...``, ``conda conda-26.3.2-py313h1_0.json``."""
        words: dict[str, str] = {}
        for line in output:
            word, _, value = line.strip().partition(" ")
            words[word] = value
        version = words.get("conda", "").removeprefix("conda-").partition("-")[0]
        return Installation(
            used="used" in words,
            link="link" in words,
            started="started" in words,
            marker=words.get("marker", ""),
            conda=version,
            asks_for_terms="terms" in words,
        )


class Unprotected(FactBase[str]):
    """Something in the base that others than root can change or that not all can read: the first path, or empty."""

    @staticmethod
    def default() -> str:
        """Nothing."""
        return ""

    def command(self, prefix: str) -> str:
        """Stop at the first one."""
        return f"{unprotected(prefix)} -print -quit 2>/dev/null || true"

    def process(self, output: list[str]) -> str:
        """One path, or nothing."""
        return output[0] if output else ""


class AcceptedTerms(FactBase[list[str]]):
    """URLs of the channels whose terms were accepted for the whole server."""

    default = list

    def command(self) -> str:
        """One JSON document a line."""
        return f'for f in {TERMS}/*/*.json; do [ ! -r "$f" ] || {{ tr -d "\\n" < "$f"; echo; }}; done'

    def process(self, output: list[str]) -> list[str]:
        """Documents with ``base_url`` and ``tos_accepted``; broken ones count as not accepted."""
        return sorted({url for line in output if (url := _accepted(line))})


def _accepted(document: str) -> str:
    try:
        data = json.loads(document)
    except ValueError:
        return ""
    return str(data.get("base_url", "")) if isinstance(data, dict) and data.get("tos_accepted") is True else ""
