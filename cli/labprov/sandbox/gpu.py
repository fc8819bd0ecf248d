"""The PCI devices of a simulated node: models by name, and the file that its boot script makes devices from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import yaml

from labprov.errors import UserError

HEADER = """\
# Simulated by the labprov sandbox: no such hardware is here. One PCI device a line:
# slot vendor device class subvendor subdevice module-flavours first-branch last-branch name
"""
_SERVER_VGA = "0000:01:00.0 0x1a03 0x2000 0x030000 0x1a03 0x2000 - 0 0 ASPEED Graphics Family"
"""Every server has one of these: a display device that is no GPU."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model: PCI id (hexadecimal) and class, module flavours, driver branches (0 = no limit), product name."""

    id: str
    pci_class: str
    modules: str
    branches: tuple[int, int]
    name: str
    audio: str = ""


def models() -> dict[str, Model]:
    """Every model that a node can be given, by the name that people use (``A100``)."""
    table = yaml.safe_load(files(__package__).joinpath("gpus.yml").read_text())
    return {
        key: Model(row["id"], row["class"], row["modules"], tuple(row["branches"]), row["name"], row.get("audio", ""))
        for key, row in table.items()
    }


def model(name: str) -> Model:
    """The model called ``name``, in any case and with or without spaces; UserError naming the known ones otherwise."""
    known = models()
    for key, value in known.items():
        if _plain(key) == _plain(name):
            return value
    raise UserError(f"unknown GPU model {name!r}", hint="one of " + ", ".join(known))


def hardware(gpus: Sequence[tuple[str, int]]) -> str:
    """The text of ``/etc/labprov-sandbox/hardware`` for these models and counts."""
    cards = [model(name) for name, count in gpus for _ in range(count)]
    lines = [_SERVER_VGA]
    for number, card in enumerate(cards):
        slot = f"0000:{0x21 + number * 0x10:02x}:00" if len(cards) <= 13 else f"0000:{0x21 + number * 2:02x}:00"
        first, last = card.branches
        lines.append(
            f"{slot}.0 0x10de 0x{card.id} {card.pci_class} 0x10de 0x134f {card.modules} {first} {last} {card.name}"
        )
        if card.audio:
            lines.append(
                f"{slot}.1 0x10de 0x{card.audio} 0x040300 0x10de 0x134f - 0 0 High Definition Audio Controller"
            )
    return HEADER + "\n".join(lines) + "\n"


def _plain(name: str) -> str:
    return "".join(name.split()).lower()
