"""Operations that divide GPUs into MIG instances, and keep them so over reboots. How, the settings say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

from pyinfra import host
from pyinfra.api import OperationError, StringCommand, operation
from pyinfra.operations import files

from labprov.compat.gpus import GpuModel
from labprov.engine.facts.units import Unit, Units
from labprov.engine.operations import Commands
from labprov_roles.nvidia_driver.facts_mig import Divided, DividedGpus

UNIT = "labprov-mig.service"
SCRIPT = "/usr/local/lib/labprov/mig"
LAYOUT = "/etc/labprov/mig.conf"
_TEMPLATES = Path(__file__).parent / "templates"

# NVIDIA's MIG user guide (2026): A30, A100, H100 to H200, B200 and B300; RTX PRO 6000 Blackwell
_CHIPS = {"GA100", "GH100", "GB100", "GB102", "GB110", "GB112"}
_WORKSTATION = "RTX PRO 6000 Blackwell"

Layout = Mapping[str, Sequence[str]]
"""GPU (``GPU-0`` or a UUID) -> profiles; none: the card is not divided."""


def named(key: str) -> str:
    """A GPU as nvidia-smi takes it: ``GPU-0`` is the index 0, and a UUID stays."""
    number = key.removeprefix("GPU-")
    return str(int(number)) if number.isdecimal() and len(number) < 8 else key


def text(layout: Layout) -> str:
    """The file that the script reads."""
    lines = [f"{named(key)} {','.join(profiles) or 'off'}" for key, profiles in layout.items()]
    return "\n".join(["# Managed by labprov. GPU (index or UUID), and its MIG profiles or: off", *lines, ""])


def wrong(layout: Layout, cards: Sequence[Divided]) -> list[Divided]:
    """The cards that are not as the layout says. Raises OperationError for one that is not there or has no MIG."""
    found: dict[str, Divided] = {}
    for card in cards:
        found |= {card.index: card, card.uuid: card}
    todo: dict[str, Divided] = {}
    seen: dict[str, str] = {}
    for key, profiles in layout.items():
        card_or_none = found.get(named(key))
        if card_or_none is None:
            there = ", ".join(f"GPU-{card.index} is {card.uuid}" for card in cards) or "none"
            raise OperationError(f"mig: there is no {key} here; there are: {there}")
        if other := seen.get(card_or_none.uuid):
            raise OperationError(f"mig: {other} and {key} are one card")
        seen[card_or_none.uuid] = key
        if not card_or_none.mode and profiles:
            raise OperationError(f"mig: {key} cannot be divided: its driver knows no MIG mode for it")
        wanted = ("Enabled" if profiles else "Disabled", tuple(sorted(profiles)))
        if card_or_none.mode and (card_or_none.mode, card_or_none.profiles) != wanted:
            todo[key] = card_or_none
    return list(todo.values())


@operation()
def divide(layout: Layout) -> Commands:
    """Divide the cards as asked for, unless they are; never below somebody who uses one.

    + layout: GPU -> profiles

    Where no driver answers, as before a reboot, the unit does it at the next boot.
    """
    cards: list[Divided] = host.get_fact(DividedGpus)
    if not cards:
        host.noop("no driver answers yet: the next boot divides the cards")
        return
    todo = wrong(layout, cards)
    used = [f"GPU-{card.index} by {', '.join(card.users)}" for card in todo if card.users]
    if used:
        raise OperationError(f"mig: a card that is in use is not divided anew: {'; '.join(used)}")
    if not todo:
        host.noop("the cards are divided as asked for")
        return
    yield StringCommand("sh", SCRIPT)


@operation()
def enable_unit() -> Commands:
    """Have the cards divided at every boot: they forget it."""
    units: dict[str, Unit] = host.get_fact(Units, units=(UNIT,))
    if units.get(UNIT, Unit()).enabled == "enabled":
        host.noop("it is enabled")
        return
    yield StringCommand("systemctl daemon-reload && systemctl enable", UNIT)


def undividable(models: Sequence[GpuModel | None]) -> list[str]:
    """Names of the cards that have no MIG; one that the tables do not know is left to its driver."""
    return [model.name for model in models if model and model.chip and not _has_mig(model)]


def _has_mig(model: GpuModel) -> bool:
    return (model.chip in _CHIPS and model.segment != "mining") or _WORKSTATION in model.name


@operation()
def check(layout: Layout, gpus: Sequence[str], without: Sequence[str]) -> Commands:
    """Fail where a layout is asked for and no card has MIG; changes nothing.

    + gpus: device ids of the cards
    + without: names of those that cannot be divided
    """
    if any(layout.values()) and gpus and len(without) == len(gpus):
        raise OperationError(f"mig: {without[0]} cannot be divided; A30, A100 and data-centre cards since H100 can")
    host.noop("there are cards that can be divided" if len(without) < len(gpus) else "nothing is to be divided")
    yield from ()


def keep(layout: Layout) -> None:
    """Write what divides the cards at boot, and divide them now. Call it from a role's tasks."""
    _put("Write the layout of the GPUs", StringIO(text(layout)), LAYOUT)
    _put("Write what divides the GPUs", str(_TEMPLATES / SCRIPT[1:]), SCRIPT)
    unit = f"/etc/systemd/system/{UNIT}"
    _put("Write its unit", str(_TEMPLATES / unit[1:]), unit)
    enable_unit(name="Divide the GPUs at every boot")
    divide(name="Divide the GPUs", layout=layout)


def _put(title: str, src: str | StringIO, dest: str) -> None:
    files.put(name=title, src=src, dest=dest, mode="644", user="root", group="root")
