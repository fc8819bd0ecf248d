"""The locales a host has and the one that new sessions get; the time zone, in both places that name it."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api import FactBase


@dataclass(frozen=True)
class LocaleState:
    """Locales of a host."""

    generated: tuple[str, ...] = ()
    """As ``locale -a`` spells them: ``C.utf8``, ``en_GB.utf8``."""
    default: str = ""
    """``LANG`` of /etc/default/locale, or empty."""


class Locales(FactBase[LocaleState]):
    """Which locales can be used, and which is the default."""

    @staticmethod
    def default() -> LocaleState:
        """Nothing known."""
        return LocaleState()

    def command(self) -> str:
        """List them, then the default file, which sed reduces to the value."""
        read = 'sed -n \'s/^LANG="\\{0,1\\}\\([^"]*\\)"\\{0,1\\}$/LANG=\\1/p\' /etc/default/locale 2>/dev/null'
        return f"locale -a 2>/dev/null; {read} || true"

    def process(self, output: list[str]) -> LocaleState:
        """One locale a line, then perhaps ``LANG=...``."""
        lines = [line.strip() for line in output if line.strip()]
        lang = [line.removeprefix("LANG=") for line in lines if line.startswith("LANG=")]
        return LocaleState(tuple(line for line in lines if "=" not in line), lang[-1] if lang else "")


class SystemLocale(FactBase[str]):
    """``LANG`` of /etc/locale.conf, or empty: the language of new sessions where systemd sets it."""

    @staticmethod
    def default() -> str:
        """Not set."""
        return ""

    def command(self) -> str:
        """Only that value, with quotes or without."""
        return 'sed -n \'s/^LANG="\\{0,1\\}\\([^"]*\\)"\\{0,1\\}$/\\1/p\' /etc/locale.conf 2>/dev/null || true'

    def process(self, output: list[str]) -> str:
        """The last one counts."""
        return output[-1].strip() if output else ""


class TimeZones(FactBase[list[str]]):
    """The time zone as /etc/localtime says it, then as /etc/timezone does, where there is such a file."""

    default = list

    def command(self) -> str:
        """One name a line; of a link into the zone database only the name."""
        return "readlink -f /etc/localtime | sed 's|.*/zoneinfo/||'; cat /etc/timezone 2>/dev/null || true"

    def process(self, output: list[str]) -> list[str]:
        """One or two names."""
        return [line.strip() for line in output if line.strip()]
