"""NVIDIA GPUs by PCI device id, from ``data/gpus.yml``. Says what a card is and needs; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml

from labprov.errors import UserError

OpenModule = Literal["unsupported", "supported", "required"]
"""Whether the open kernel modules drive an architecture: not at all, as well as the proprietary ones, or they alone."""


@dataclass(frozen=True, slots=True)
class GpuModel:
    """What is known about the cards with one PCI device id."""

    device: str
    """Four lower-case hexadecimal digits."""
    name: str
    also: tuple[str, ...]
    """Other products with the same id."""
    chip: str
    """Like ``GA100``; empty before Kepler."""
    architecture: str
    """Like ``ampere``."""
    capability: str
    """Compute capability, like ``8.0``; empty before Kepler."""
    segment: str
    """``geforce``, ``titan``, ``workstation``, ``datacenter`` or ``mining``; ``-mobile`` is added for laptops."""
    first_branch: int | None
    """The oldest driver branch that drives the card, where that matters."""
    last_branch: int | None
    """The newest driver branch that drives the card; None while support goes on."""
    open_module: OpenModule
    certain: bool
    """Whether NVIDIA's own lists have the id; else only pci.ids does."""


def lookup(device: str) -> GpuModel | None:
    """Return the model with this PCI device id (hexadecimal), or None when the table does not have it."""
    table, key = _table(), device.lower().removeprefix("0x")
    if key in table.rows:
        return _model(table, key, table.rows[key])
    return next((_ancient(key, branch) for branch, ids in table.ancient.items() if key in ids), None)


def devices() -> list[str]:
    """Return every device id that ``lookup`` knows by name, in the order of the table."""
    return list(_table().rows)


def nvswitches() -> Mapping[str, str]:
    """Return the names of the NVSwitches by PCI device id."""
    return _table().nvswitches


def needs_nvlink5() -> frozenset[str]:
    """Return the device ids of cards that exist on boards with fifth-generation NVLink only."""
    return _table().nvlink5


def architectures() -> Mapping[str, Mapping[str, Any]]:
    """Return what holds for a whole architecture: ``first_branch``, ``last_branch``, ``open_module``, ``uncertain``."""
    return _table().architectures


@cache
def capabilities() -> Mapping[str, tuple[str, ...]]:
    """Return the compute capabilities of each architecture's chips."""
    found: dict[str, set[str]] = {}
    for architecture, capability in _table().chips.values():
        found.setdefault(architecture, set()).add(capability)
    return {architecture: tuple(sorted(values)) for architecture, values in found.items()}


@dataclass(frozen=True, slots=True)
class _Table:
    architectures: dict[str, dict[str, Any]]
    chips: dict[str, tuple[str, str]]
    open_required: frozenset[str]
    nvswitches: dict[str, str]
    nvlink5: frozenset[str]
    ancient: dict[int, frozenset[str]]
    rows: dict[str, str]


@cache
def _table() -> _Table:
    text = resources.files("labprov.compat").joinpath("data/gpus.yml").read_text(encoding="utf-8")
    try:
        return _parse(text)
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError) as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"compat/data/gpus.yml is damaged: {said}", hint="install labprov again") from None


def _parse(text: str) -> _Table:
    data = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # both are safe loaders
    return _Table(
        architectures=data["architectures"],
        chips={chip: (row[0], row[1]) for chip, row in data["chips"].items()},
        open_required=frozenset(data["open_module_required"]),
        nvswitches=data["nvswitches"],
        nvlink5=frozenset(data["nvlink5"]),
        ancient={branch: frozenset(ids.split()) for branch, ids in data["before_kepler"].items()},
        rows=dict(line.split(" ", 1) for line in data["gpus"].splitlines()),
    )


def _model(table: _Table, device: str, row: str) -> GpuModel:
    source, chip, segment, branches, names = row.split(" ", 4)
    architecture, capability = table.chips[chip]
    limits = table.architectures[architecture]
    first, last = (int(part) if part else None for part in branches.split("-"))
    name, *also = names.split(" | ")
    return GpuModel(
        device=device,
        name=name,
        also=tuple(also),
        chip=chip,
        architecture=architecture,
        capability=capability,
        segment=segment,
        first_branch=max((b for b in (first, limits.get("first_branch")) if b), default=None),
        last_branch=last or limits.get("last_branch"),
        open_module="required" if device in table.open_required else limits["open_module"],
        certain=source == "d",
    )


def _ancient(device: str, branch: int) -> GpuModel:
    return GpuModel(
        device=device,
        name=f"NVIDIA GPU 10de:{device}",
        also=(),
        chip="",
        architecture="fermi or older",
        capability="",
        segment="",
        first_branch=None,
        last_branch=branch,
        open_module="unsupported",
        certain=True,
    )
