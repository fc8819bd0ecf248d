"""How systemd's units stand: whether they start at boot, and whether they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand


@dataclass(frozen=True, slots=True)
class Unit:
    """A systemd unit: whether it starts at boot, and whether it runs; empty when systemd does not know it."""

    enabled: str = ""
    active: str = ""
    run: str = ""
    """Id of its run; another one after each start. Empty when it does not run."""


class Units(FactBase[dict[str, Unit]]):
    """The state of each of the named units; those that do not exist are absent. One process.

    Unlike pyinfra's, it tells a unit that cannot be enabled from one that is disabled.
    """

    default = dict

    def command(self, units: Sequence[str]) -> StringCommand:
        """Ask systemd."""
        fields = "--property=Id,LoadState,UnitFileState,ActiveState,InvocationID"
        return StringCommand("systemctl show", fields, "--", *map(QuoteString, units), "2>/dev/null || true")

    def process(self, output: list[str]) -> dict[str, Unit]:
        """Blocks of ``Key=value`` lines."""
        blocks = [
            dict(line.partition("=")[::2] for line in text.splitlines()) for text in "\n".join(output).split("\n\n")
        ]
        return {
            block["Id"]: Unit(
                block.get("UnitFileState", ""), block.get("ActiveState", ""), block.get("InvocationID", "")
            )
            for block in blocks
            if block.get("LoadState") not in (None, "not-found")
        }
