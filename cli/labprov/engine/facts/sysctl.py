"""The kernel's parameters as they are now. Not what files say they should be."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra.api import FactBase, QuoteString, StringCommand

_PROC = "/proc/sys/"
_SWAP = str.maketrans("./", "/.")


class KernelParameters(FactBase[dict[str, str]]):
    """The value of each parameter named, fields parted by one space; those that the kernel lacks are absent."""

    default = dict

    def command(self, keys: Sequence[str]) -> StringCommand:
        """``keys`` with dots, as ``sysctl -a`` prints them. One process, and none of procps's."""
        if not keys:
            return StringCommand("true")
        return StringCommand("grep -sH '' --", *(QuoteString(_path(key)) for key in keys), "|| true")

    def process(self, output: list[str]) -> dict[str, str]:
        """Lines like ``/proc/sys/vm/swappiness:60``; of a value of several lines the last counts."""
        rows = [line.partition(":") for line in output if line.startswith(_PROC)]
        return {_key(path): " ".join(value.split()) for path, _, value in rows}


def _path(key: str) -> str:
    """A dot in a network interface's name is a slash in the key, as sysctl(8) has it: ``net.ipv4.conf.eth0/7.mtu``."""
    return _PROC + key.translate(_SWAP)


def _key(path: str) -> str:
    return path.removeprefix(_PROC).translate(_SWAP)
