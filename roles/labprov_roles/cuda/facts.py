"""Facts about CUDA on a host. They never fail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of update-alternatives' links: what it leads to, and what it could."""

    manual: bool = False
    """Whether somebody chose; else the highest priority wins with each package."""
    value: str = ""
    choices: tuple[str, ...] = ()
    blocked: bool = False
    """Whether a real file or folder lies where the link should be."""


class AlternativeLink(FactBase[Alternative]):
    """The named alternative, whose link is at ``link``."""

    @staticmethod
    def default() -> Alternative:
        """Not known."""
        return Alternative()

    def command(self, alternative: str, link: str) -> StringCommand:
        """What update-alternatives says, and whether the link's place is taken."""
        place = QuoteString(link)
        taken = StringCommand("if [ -e", place, "] && [ ! -L", place, "]; then echo Blocked: yes; fi")
        name = QuoteString(alternative)
        query = StringCommand("update-alternatives --query", name, "2>/dev/null ||")  # RHEL's has no --query
        return StringCommand(query, "LC_ALL=C update-alternatives --display", name, "2>/dev/null;", taken)

    def process(self, output: list[str]) -> Alternative:
        """``Key: value`` lines, where the key Alternative comes once a choice; or RHEL's sentences."""
        pairs = [(key, value.strip()) for key, _, value in (line.partition(":") for line in output)]
        values = dict(pairs)
        if "Name" not in values:
            return _displayed(output)
        return Alternative(
            manual=values.get("Status") == "manual",
            value=values.get("Value", ""),
            choices=tuple(value for key, value in pairs if key == "Alternative"),
            blocked="Blocked" in values,
        )


def _displayed(lines: Sequence[str]) -> Alternative:
    """Parse what ``update-alternatives --display`` says, of RHEL's (chkconfig) and of Debian's."""
    text = "\n".join(lines)
    at = re.search(r"^ *link currently points to (\S+)", text, re.MULTILINE)
    return Alternative(
        manual="status is manual" in text or "manual mode" in text,
        value=at.group(1) if at else "",
        choices=tuple(re.findall(r"^(/\S+) - (?:family \S+ )?priority ", text, re.MULTILINE)),
        blocked="Blocked: yes" in lines,
    )
