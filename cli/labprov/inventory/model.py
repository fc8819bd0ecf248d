"""``Inventory`` and ``Host``: what the rest of labprov sees of an inventory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labprov.errors import Where
from labprov.inventory.connection import Connection
from labprov.inventory.guests import not_running
from labprov.inventory.limits import select
from labprov.inventory.tree import Tree
from labprov.vagrant.output import NOT_CREATED


@dataclass(frozen=True, slots=True)
class Host:
    """One host: how it is reached, and what the inventory says for it, merged and rendered."""

    name: str
    groups: tuple[str, ...]
    """The groups it is in, directly or not, parents before children; without ``all``."""
    connection: Connection
    mirrors: Tree
    compat: Tree
    """Rows of the compatibility tables that the inventory adds or changes; the same for every host."""
    settings: Mapping[str, Tree]
    """Role -> its options; only the roles that the inventory mentions (``options`` has all)."""
    vars: Mapping[str, Any]
    tree: Tree
    """All of the above in one tree, by the keys of the file."""

    @property
    def where(self) -> Where:
        """The place in the file that first names the host."""
        return self.tree.where()

    def options(self, role: str) -> Tree:
        """Give the options of ``role``; an empty tree at the host's place when the inventory has none."""
        return self.settings.get(role) or Tree.empty(self.where)

    def origin(self, *path: str | int) -> Where:
        """Give the place of a value by its keys in the file, such as ``"settings", "docker", "users", 0``."""
        return self.tree.where(*path)


@dataclass(frozen=True, slots=True)
class Inventory:
    """A whole inventory; ``hosts`` and ``groups`` are in the order of the file."""

    path: Path
    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]
    """Group -> all its hosts, those of its children included; ``all`` has every host."""
    simulation: str
    """What reports say when the hosts are not real servers; empty when they are."""
    roles: Mapping[str, Where]
    """Every role that any ``settings`` in the file mention, also for no host, and where it is first mentioned."""
    compat: Tree
    """Rows of the compatibility tables that the file adds or changes."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Virtual machines among the hosts that do not run, and Vagrant's word for how they stand."""

    def select(self, limit: Sequence[str] = ()) -> tuple[Host, ...]:
        """Give the hosts that ``limit`` (see ``limits``) leaves, in the order of the file; all without a limit.

        A virtual machine that was never created is no host unless the limit asks for it. Raises UserError for a pattern
        that matches nothing, when no host is left, and for a machine that does not run.
        """
        names = select(limit, self.groups)
        created = [name for name in names if limit or self.absent.get(name) != NOT_CREATED]
        missing = [name for name in created if name in self.absent]
        if missing or not created:
            raise not_running(missing, self.absent, self.hosts[names[0]].where)
        return tuple(self.hosts[name] for name in created)

    @property
    def left_out(self) -> str:
        """What a run over all hosts leaves out, as a sentence; empty when that is nothing."""
        names = [name for name, state in self.absent.items() if state == NOT_CREATED]
        return f"Not created by Vagrant, so left out: {', '.join(names)}" if names else ""
