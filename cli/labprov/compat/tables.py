"""The compatibility tables as one value: loaded from ``data/*.yml``, overridden by an inventory. Decides nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, cached_property, lru_cache
from importlib import resources
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from labprov.compat import gpus
from labprov.compat.gpus import GpuModel
from labprov.compat.rows import Branch, Library, OperatingSystem, Rows, Tensorflow, Toolkit, Torch, TorchBuild, build
from labprov.errors import UserError, Where

FILES = ("drivers", "cuda", "frameworks", "systems")
CHECKED = "data/checked.sha256"
"""The digest of the files that were validated last (``python -m labprov.compat.check``)."""
_SECTIONS = ("branches", "majors", "toolkits", "libraries", "torch_builds", "torch", "tensorflow", "systems")
_OVERRIDABLE = (*_SECTIONS, "gpus")

Places = Callable[..., Where]
"""Where a value of an inventory's ``compat`` was written, by its keys."""


@dataclass(frozen=True, eq=False)  # one value a process: compared and cached by identity
class Tables:
    """What is known of drivers, CUDA, frameworks and distributions, and the GPUs that an inventory adds."""

    raw: Mapping[str, Any] = field(repr=False)
    rows: Rows = field(repr=False)
    version: str
    """The day on which the tables were collected, ``+inventory`` when one overrides them."""
    collected: date

    @property
    def branches(self) -> Mapping[int, Branch]:
        """Driver branches by number."""
        return self.rows.branches

    @property
    def toolkits(self) -> Mapping[str, Toolkit]:
        """CUDA toolkits by ``major.minor``, newest first."""
        return self.rows.toolkits

    @property
    def libraries(self) -> Mapping[str, Library]:
        """What goes with a toolkit or a driver: ``cudnn``, ``nccl``, ``dcgm``."""
        return self.rows.libraries

    @property
    def torch(self) -> Mapping[str, Torch]:
        """Releases of PyTorch."""
        return self.rows.torch

    @property
    def torch_builds(self) -> Mapping[str, TorchBuild]:
        """PyTorch's builds by CUDA version."""
        return self.rows.torch_builds

    @property
    def tensorflow(self) -> Mapping[str, Tensorflow]:
        """Releases of TensorFlow."""
        return self.rows.tensorflow

    @property
    def systems(self) -> Mapping[str, OperatingSystem]:
        """Distributions by the name that tables use: ``ubuntu2404``."""
        return self.rows.systems

    @cached_property
    def cards(self) -> Mapping[str, GpuModel]:
        """The GPUs that the inventory adds or describes anew, by PCI device id."""
        return {device.lower(): self._card(device) for device in self.rows.gpus}

    @cached_property
    def capabilities(self) -> Mapping[str, tuple[str, ...]]:
        """Architecture -> the compute capabilities of its chips."""
        return gpus.capabilities()

    def card(self, device: str) -> GpuModel | None:
        """The card with this PCI device id, or None."""
        return self.cards.get(device.lower().removeprefix("0x")) or gpus.lookup(device)

    def oldest_driver(self, toolkit: str) -> str | None:
        """The oldest driver on which a toolkit's programs run by minor-version compatibility."""
        major = self.rows.majors.get(toolkit.partition(".")[0])
        return major.oldest_driver if major else None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that these tables say, cards and the inventory's rows included; comments do not count."""
        said = json.dumps(self.raw, sort_keys=True, default=str)
        return hashlib.sha256(f"{said}\0{_text('gpus')}".encode()).hexdigest()

    def with_overrides(self, data: Mapping[str, Any], places: Places | None = None) -> Tables:
        """These tables with an inventory's ``compat`` on top, row by row. Raises UserError naming the key.

        ``places`` tells where each value of ``data`` was written.
        """
        if not data:
            return self
        root = _Root("compat", places)
        unknown = [key for key in data if key not in _OVERRIDABLE]
        if unknown:
            raise root.wrong((unknown[0],), "there is no such table", f"one of {', '.join(_OVERRIDABLE)}")
        raw = _merge(self.raw, data, root, ())
        tables = Tables(raw, _rows(raw, root), f"{self.collected}+inventory", self.collected)
        for device, card in tables.rows.gpus.items():
            if not re.fullmatch(r"[0-9A-Fa-f]{4}", device):
                raise root.wrong(("gpus", device), "should be a PCI device id: four hexadecimal digits", "as 2b85")
            if card.architecture not in gpus.architectures():
                known = ", ".join(gpus.architectures())
                path = ("gpus", device, "architecture")
                raise root.wrong(path, f"{card.architecture} is not known", f"one of {known}")
        return tables

    def _card(self, device: str) -> GpuModel:
        row = self.rows.gpus[device]
        limits = gpus.architectures()[row.architecture]
        return GpuModel(
            device=device.lower(),
            name=row.name,
            also=(),
            chip=row.chip,
            architecture=row.architecture,
            capability=row.capability,
            segment=row.segment,
            first_branch=row.first_branch or limits.get("first_branch"),
            last_branch=row.last_branch or limits.get("last_branch"),
            open_module=row.open_module or limits["open_module"],
            certain=True,
        )


@cache
def load() -> Tables:
    """The tables of this release. Raises UserError when a file was damaged."""
    texts = {name: _text(name) for name in FILES}
    raw: dict[str, Any] = {}
    for name, text in texts.items():
        raw |= parse(name, text)
    sections = {key: raw[key] for key in _SECTIONS if key in raw}
    # Files that `check` has seen need not be validated again: it takes longer than reading them.
    rows = build(sections) if digest(texts) == _checked() else _rows(sections, _OURS)
    return Tables(sections, rows, str(raw["collected"]), raw["collected"])


def of(compat: Mapping[str, Any]) -> Tables:
    """The tables of this release with an inventory's ``compat`` on top. Raises UserError naming the key."""
    return _of(json.dumps(compat, sort_keys=True, default=str)) if compat else load()


@lru_cache(maxsize=16)
def _of(compat: str) -> Tables:
    return load().with_overrides(json.loads(compat))


def read(name: str) -> dict[str, Any]:
    """One file of ``data/``, as it is. Raises UserError when it is no YAML."""
    return parse(name, _text(name))


def parse(name: str, text: str) -> dict[str, Any]:
    """The text of one file as tables. Raises UserError when it is no YAML."""
    try:
        data = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # both are safe loaders
    except yaml.YAMLError as error:
        place = str(error).replace("\n", " ")
        raise UserError(f"compat/data/{name}.yml is damaged: {place}", hint="install labprov again") from None
    if not isinstance(data, dict):
        raise UserError(f"compat/data/{name}.yml is damaged: no tables in it", hint="install labprov again")
    return data


def check() -> str:
    """Validate the files of this release and return their digest. Raises UserError for a mistake in them."""
    raw = {key: value for name in FILES for key, value in read(name).items()}
    _rows({key: raw[key] for key in _SECTIONS if key in raw}, _OURS)
    return digest({name: _text(name) for name in FILES})


def digest(texts: Mapping[str, str]) -> str:
    """SHA-256 over the files in their order."""
    return hashlib.sha256("\0".join(texts.values()).encode()).hexdigest()


def _text(name: str) -> str:
    return resources.files("labprov.compat").joinpath(f"data/{name}.yml").read_text(encoding="utf-8")


def _checked() -> str:
    return resources.files("labprov.compat").joinpath(CHECKED).read_text(encoding="utf-8").strip()


@cache
def _adapter() -> TypeAdapter[Rows]:
    return TypeAdapter(Rows)


@dataclass(frozen=True)
class _Root:
    """What tables are called in messages, and where their values were written."""

    name: str
    places: Places | None = None

    def wrong(self, path: tuple[str, ...], message: str, hint: str = "") -> UserError:
        key = ".".join((self.name, *path))
        if self.places is None:
            return UserError(f"{key}: {message}", hint=hint)
        return UserError(message, replace(self.places(*path), key=key), hint)


_OURS = _Root("compat/data")


def _rows(raw: Mapping[str, Any], root: _Root) -> Rows:
    try:
        return _adapter().validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        path = tuple(str(part) for part in first["loc"] if part != "[key]")
        quoted = first["type"] == "string_type" and isinstance(first["input"], float)
        hint = f'in quotes: "{first["input"]}"' if quoted else ""
        raise root.wrong(path, f"{first['msg'][:1].lower()}{first['msg'][1:]}", hint) from None


def _merge(base: Mapping[str, Any], over: Mapping[str, Any], root: _Root, path: tuple[str, ...]) -> dict[str, Any]:
    """Mappings are merged key by key, all else is replaced; a key in YAML may be a number or its text."""
    spelled = {str(key): key for key in base}
    merged = dict(base)
    for given, value in over.items():
        key = spelled.get(str(given), given)
        below = base.get(key)
        if isinstance(below, Mapping) and not isinstance(value, Mapping):
            raise root.wrong((*path, str(given)), "should be a mapping")
        merged[key] = _merge(below, value, root, (*path, str(given))) if isinstance(below, Mapping) else value
    return merged
