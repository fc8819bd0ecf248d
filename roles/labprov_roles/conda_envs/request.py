"""What is asked for on one kind of host: an environment as the builder reads it, and the lock that answers it. Pure.

A lock answers one request, and its name says which: environment, system, and a digest of the request. So hosts of one
system with the same declaration share a lock, and another declaration never overwrites it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labprov.engine.facts.system import System
from labprov_roles.conda_envs import files
from labprov_roles.conda_envs.frameworks import Hardware, resolved
from labprov_roles.conda_envs.requirements import Explicit, Item, Names, item, key, ready_made, split, table
from labprov_roles.conda_envs.settings import Environment, Settings


@dataclass(frozen=True)
class Request:
    """One environment on one kind of host."""

    name: str
    user: str | None
    data: Mapping[str, Any]
    """What decides about its content, as JSON."""
    where: Mapping[str, str | None]
    """From where it is downloaded: another mirror of the same makes no other request."""

    @property
    def digest(self) -> str:
        """Of ``data``: 64 hexadecimal digits."""
        return hashlib.sha256(canonical(self.data).encode()).hexdigest()

    @property
    def lock_name(self) -> str:
        """``datascience-debian12-x86_64-3f2a9c1d.lock``."""
        return f"{self.name}-{self.data['system']}-{self.digest[:8]}.lock"


def request(name: str, settings: Settings, system: System, host: Hardware) -> Request:
    """The request for an environment of the settings. Raises UserError for its files, HostError for its frameworks."""
    wanted = settings.environments[name]
    python, channels, entries = _declared(wanted, settings)
    version = python or wanted.python or settings.python
    pinned = resolved(_items(entries, settings), version, host)
    data = {
        "system": f"{system.name}-{system.machine}",
        "python": version,
        "channels": list(channels or wanted.channels or settings.channels),
        "items": [each.plain() for each in pinned.items],
        "pip_index": wanted.pip_index,
        "wheels": pinned.wheels,
    }
    where = {
        "conda": settings.mirrors.conda.url,
        "pip": wanted.pip_index or settings.pip_index or settings.mirrors.pip,
        "wheels": f"{settings.mirrors.pytorch.url}/{pinned.wheels}" if pinned.wheels else None,
    }
    return Request(name, wanted.user, data, where)


def canonical(data: Any) -> str:
    """JSON text that is the same for the same data."""
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def read_lock(path: Path, request: Request) -> str | None:
    """The text of the lock when it answers the request, else None."""
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text)
    except (OSError, ValueError):
        return None
    fits = (
        isinstance(data, dict)
        and data.get("labprov") == 1
        and data.get("request") == json.loads(canonical(request.data))
    )
    return text if fits else None


def digest_of(lock: str) -> str:
    """What an environment made from a lock is known by: 64 hexadecimal digits over what the lock installs.

    Reasons do not count: a better sentence rebuilds nothing.
    """
    data = json.loads(lock)
    return hashlib.sha256(canonical([data["conda"], data["pip"]]).encode()).hexdigest()


def _declared(wanted: Environment, settings: Settings) -> tuple[str, tuple[str, ...], tuple[str | Explicit, ...]]:
    kernel: tuple[str | Explicit, ...] = ("ipykernel",) if wanted.jupyter_kernel else ()
    if wanted.environment_file:
        python, channels, found = files.environment(Path(wanted.environment_file))
        return python, channels, (*found, *kernel)
    if wanted.requirements_file:
        return "", (), (*files.requirements(Path(wanted.requirements_file)), *kernel)
    sets: Mapping[str, Sequence[str | Explicit]] = {**ready_made(), **settings.own_sets}
    return "", (), (*(each for name in wanted.sets for each in sets[name]), *wanted.packages, *kernel)


def _items(entries: Sequence[str | Explicit], settings: Settings) -> list[Item]:
    """Each package once: a later requirement (packages come after sets) replaces an earlier one that asks for less."""
    names: Mapping[str, Names] = table(settings.names)
    found: dict[str, Item] = {}
    for made in (item(entry, names) for entry in entries):
        name = key(re.split(r"[^A-Za-z0-9._-]", made.pip.rpartition("::")[2])[0])
        known = names[name].pip if name in names else name
        if key(known) not in found or made.by != "any" or split(made.requirement)[2]:
            found[key(known)] = made
    return list(found.values())
