"""Where each location comes from: the inventory, its preset, or the vendor, and why. Pure: asks nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labprov.mirrors.model import Mirror, Mirrors
from labprov.mirrors.presets import load

INVENTORY, VENDOR = "inventory", "vendor"


@dataclass(frozen=True, slots=True)
class Origin:
    """One location that roles download from."""

    key: str
    """Of ``mirrors``."""
    url: str
    by: str
    """``inventory``, ``vendor``, or the name of a preset."""
    why: str = ""
    """Of a vendor's: why the preset does not have it, as far as that is known."""

    @property
    def configured(self) -> bool:
        """Whether somebody chose it."""
        return self.by != VENDOR


def origins(written: Mapping[str, Any]) -> list[Origin]:
    """Every location that is in force with these ``mirrors``; those that hosts keep as they are, are not among them.

    Raises pydantic's ValidationError for what is no ``mirrors``.
    """
    mirrors = Mirrors.model_validate(dict(written))
    preset = load().presets[mirrors.preset] if mirrors.preset else None
    found = []
    for key in Mirrors.model_fields:
        value = getattr(mirrors, key)
        for url in () if key == "preset" else _urls(value):
            if key in written:
                found.append(Origin(key, url, INVENTORY if written[key] is not None else VENDOR))
            elif preset and key in preset.mirrors:
                found.append(Origin(key, url, str(mirrors.preset)))
            else:
                why = preset.lacks.get(key, "not known to be there") if preset else ""
                found.append(Origin(key, url, VENDOR, why))
    return found


def lines(written: Mapping[str, Any]) -> list[str]:
    """What a person wants to know of a preset: what comes from it, what is their own, what it lacks."""
    mirrors = Mirrors.model_validate(dict(written))
    if mirrors.preset is None:
        return []
    preset, found = load().presets[mirrors.preset], origins(written)
    unsure = [key for key, row in preset.mirrors.items() if row.uncertain]
    theirs = [f"{o.key} (uncertain)" if o.key in unsure else o.key for o in found if o.by == mirrors.preset]
    own = [origin.key for origin in found if origin.by == INVENTORY]
    vendors = [f"{o.key} ({o.why})" if o.why else o.key for o in found if o.by == VENDOR]
    told = [f"mirrors from the preset {mirrors.preset} ({preset.title}): {', '.join(theirs) or 'none'}"]
    told += [f"mirrors from the inventory: {', '.join(dict.fromkeys(own))}"] if own else []
    told += [f"from the vendors themselves: {', '.join(vendors)}"] if vendors else []
    return told


def told(written: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """``lines`` for hosts by name, each text once, with the hosts in front where they differ."""
    texts: dict[tuple[str, ...], list[str]] = {}
    for host, each in written.items():
        texts.setdefault(tuple(lines(each)), []).append(host)
    return [f"{_names(hosts)}: {line}" if len(texts) > 1 else line for text, hosts in texts.items() for line in text]


def _names(hosts: Sequence[str]) -> str:
    return ", ".join(hosts) if len(hosts) <= 5 else f"{len(hosts)} hosts"


def _urls(value: Any) -> tuple[str, ...]:
    match value:
        case Mirror():
            return (value.url,)
        case str():
            return (value,)
        case tuple():
            return value
    return ()
