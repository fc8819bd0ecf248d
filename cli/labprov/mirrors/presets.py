"""Public mirrors by name: what each offers, from ``presets.yml``. Data and its schema; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from labprov.types import Line, Url

# Built when presets are read: only an inventory that names one needs them.
_ROW = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Row(BaseModel):
    """One location that a mirror offers."""

    model_config = _ROW

    url: Url
    source: Line
    """Where that is said: an address, or words."""
    date: date
    """When it was looked up."""
    uncertain: bool
    """Whether only third parties say so, or not for all of it."""
    note: Line | None = None
    """What is uncertain, or lacks."""


class Preset(BaseModel):
    """One mirror."""

    model_config = _ROW

    title: Line
    help: Url
    """Its own help pages."""
    mirrors: Mapping[str, Row]
    lacks: Mapping[str, Line] = {}
    """What it is known not to offer, and why."""


class Presets(BaseModel):
    """All of ``presets.yml``."""

    model_config = _ROW

    presets: Mapping[str, Preset]


@cache
def load() -> Presets:
    """Read and check the data."""
    text = resources.files("labprov.mirrors").joinpath("presets.yml").read_text(encoding="utf-8")
    return Presets.model_validate(yaml.safe_load(text))


def offered(name: object) -> dict[str, Any]:
    """Key of ``mirrors`` -> URL, of a preset; nothing for a name that is none (the field says so)."""
    found = load().presets.get(name) if isinstance(name, str) else None
    return {key: row.url for key, row in found.mirrors.items()} if found else {}
