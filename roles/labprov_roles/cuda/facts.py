"""Facts about CUDA on a host. They never fail."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of Debian's alternatives: what the link leads to, and what it could."""

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
        """``update-alternatives --query``, and whether the link's place is taken."""
        place = QuoteString(link)
        taken = StringCommand("if [ -e", place, "] && [ ! -L", place, "]; then echo Blocked: yes; fi")
        query = StringCommand("update-alternatives --query", QuoteString(alternative), "2>/dev/null;")
        return StringCommand(query, taken)

    def process(self, output: list[str]) -> Alternative:
        """``Key: value`` lines; the key Alternative comes once a choice."""
        pairs = [(key, value.strip()) for key, _, value in (line.partition(":") for line in output)]
        values = dict(pairs)
        return Alternative(
            manual=values.get("Status") == "manual",
            value=values.get("Value", ""),
            choices=tuple(value for key, value in pairs if key == "Alternative"),
            blocked="Blocked" in values,
        )
