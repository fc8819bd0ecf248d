"""Finding cards by what people call them: ``RTX 5090``, ``A100``, ``20b5``. Says nothing about what they need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cache

from labprov.compat import gpus
from labprov.compat.gpus import GpuModel
from labprov.compat.tables import Tables
from labprov.errors import UserError

_BRANDS = frozenset({"nvidia", "geforce", "tesla", "quadro", "gpu"})
HOW_TO_ADD = 'compat: {{gpus: {{"{device}": {{name: ..., architecture: ..., capability: ...}}}}}}'


def find(asked: str, tables: Tables) -> GpuModel:
    """The card with this PCI device id or name. Raises UserError when none or several different ones are meant."""
    models = _named(asked, tables)  # a name before an id: A100 and B200 are both
    device = asked.lower().removeprefix("10de:").removeprefix("0x")
    if not models and re.fullmatch(r"[0-9a-f]{4}", device):
        return _by_id(device, tables)
    if not models:
        raise UserError(f"no GPU is called {asked!r}", hint=_hint(asked, tables))
    kinds = {(model.architecture, model.open_module) for model in models}
    if len(kinds) > 1:
        names = [f"{model.name} ({model.device})" for model in models]
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        raise UserError(f"{asked!r} could be {', '.join(names[:4])}{more}", hint="name one, or give its PCI device id")
    return _strictest(models)


def unknown(device: str) -> GpuModel:
    """A card that the tables do not have: taken as newer than they are, without limits."""
    return GpuModel(device, f"NVIDIA GPU 10de:{device}", (), "", "unknown", "", "", None, None, "supported", False)


def _by_id(device: str, tables: Tables) -> GpuModel:
    found = tables.card(device)
    if found is None:
        add = HOW_TO_ADD.format(device=device)
        raise UserError(f"no GPU has the PCI device id {device}", hint=f"newer than these tables? Add it by {add}")
    return found


def _named(asked: str, tables: Tables) -> list[GpuModel]:
    """The cards whose name has all the words, those with the fewest other words only."""
    wanted = frozenset(_words(asked))
    if not wanted:
        return []
    index = _index(tables)
    fitting = [(len(words - wanted), device) for words, device in index if wanted <= words]
    if not fitting:  # K40 is K40c, K40m, K40t
        fitting = [(len(words) - len(wanted), device) for words, device in index if _begin(wanted, words)]
    least = min((extra for extra, _ in fitting), default=0)
    devices = dict.fromkeys(device for extra, device in fitting if extra == least)
    models = [model for device in devices if (model := tables.card(device))]
    return [model for model in models if model.certain] or models


def _begin(wanted: frozenset[str], words: frozenset[str]) -> bool:
    return all(any(word.startswith(start) for word in words) for start in wanted)


def _words(name: str) -> Iterable[str]:
    return (word for word in re.split(r"[^a-z0-9]+", name.lower()) if word and word not in _BRANDS)


def _index(tables: Tables) -> Sequence[tuple[frozenset[str], str]]:
    added = [(frozenset(_words(card.name)), device) for device, card in tables.cards.items()]
    return [*added, *_builtin()]


@cache
def _builtin() -> tuple[tuple[frozenset[str], str], ...]:
    models = [model for device in gpus.devices() if (model := gpus.lookup(device))]
    return tuple((frozenset(_words(name)), model.device) for model in models for name in (model.name, *model.also))


def _strictest(models: Sequence[GpuModel]) -> GpuModel:
    """One card for several of the same kind: with the limits of all of them."""
    first = max((model.first_branch for model in models if model.first_branch), default=None)
    last = min((model.last_branch for model in models if model.last_branch), default=None)
    return replace(models[0], first_branch=first, last_branch=last)


def _hint(asked: str, tables: Tables) -> str:
    names = {model.name.removeprefix("NVIDIA "): None for device in gpus.devices() if (model := gpus.lookup(device))}
    short = {name.removeprefix("GeForce "): name for name in names}
    close = get_close_matches(asked, list(short), n=3, cutoff=0.5)
    similar = f"perhaps {', '.join(close)}; " if close else ""
    return f"{similar}a PCI device id works too, and {HOW_TO_ADD.format(device='2bff')} adds a card"
