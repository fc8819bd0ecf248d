"""What the lock holds for hosts, and where today's decision would be another, for ``labprov explain HOST``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labprov import deploy, plan, role
from labprov.engine.session import Session
from labprov.inventory import Host, Inventory
from labprov.lock import stale
from labprov.lock.model import Entry
from labprov.lock.run import Locking

_ANY = "DEPLOY"
"""In place of a deploy's name, where a line says what to type."""


@dataclass(frozen=True)
class Held:
    """What the lock holds for one host."""

    name: str = ""
    """The class of hosts; empty: nothing is locked for a host like this."""
    roles: Mapping[str, Entry] = field(default_factory=dict)
    stale: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """For people."""
        if not self.roles and not self.stale:
            yield "lock: nothing is locked for it"
        for each, entry in self.roles.items():
            said = [f"{name} {_shown(value)}" for name, value in entry.settings.items() if name != "sha256"]
            said += [f"{name}={version}" for name, version in entry.packages.items()]
            yield f"lock ({self.name}): {each}: {', '.join(said) or 'as the inventory says'}"
        yield from (f"lock is behind: {line}" for line in self.stale)

    def data(self) -> dict[str, Any]:
        """For programs."""
        roles = {each: entry.model_dump(mode="json", exclude_defaults=True) for each, entry in self.roles.items()}
        return {"class": self.name, "roles": roles, "stale": list(self.stale)}


def locking(inventory: Inventory, hosts: Sequence[Host]) -> Locking:
    """The lock of these hosts for all roles of which something can be locked.

    Raises UserError for a damaged lock, and for one that contradicts the inventory.
    """
    roles = tuple(each for name in role.names() if (each := role.load(name)).lock is not None)
    whole = deploy.Deploy(_ANY, inventory.path, "", roles)
    return Locking(plan.make(whole, inventory, hosts))


def held(locking: Locking, session: Session) -> dict[str, Held]:
    """Host -> what is locked for it, of the hosts that answer."""
    locking.look(session)
    behind = stale.by_host(locking, session)
    return {name: _of_host(locking, name, behind.get(name, ())) for name in locking.profiles}


def _of_host(locking: Locking, host: str, behind: Sequence[str]) -> Held:
    found = {each: one for (name, each), one in locking.followed.held.items() if name == host}
    names = sorted({one.name for one in found.values()})
    return Held(" and ".join(names), {each: one.entry for each, one in sorted(found.items())}, tuple(behind))


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
