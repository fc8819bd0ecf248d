"""Which boot a host is in, and why it should be rebooted."""

from __future__ import annotations

from pyinfra.api import FactBase

REASONS = "/run/labprov/reboot-required"
"""One reason a line. /run is a tmpfs: a reboot clears it, which is exactly right."""


class BootId(FactBase[str]):
    """The kernel's id of this boot: another value after every reboot."""

    @staticmethod
    def default() -> str:
        """Unknown."""
        return ""

    def command(self) -> str:
        """Read from /proc."""
        return "cat /proc/sys/kernel/random/boot_id"

    def process(self, output: list[str]) -> str:
        """One line."""
        return output[0].strip() if output else ""


class RebootReasons(FactBase[list[str]]):
    """Why roles asked for a reboot since the last one; empty when nobody did."""

    default = list

    def command(self) -> str:
        """Read what ``operations.reboot.require`` wrote."""
        return f"[ ! -e {REASONS} ] || cat {REASONS} 2>/dev/null || true"

    def process(self, output: list[str]) -> list[str]:
        """One reason a line."""
        return [line for line in output if line.strip()]
