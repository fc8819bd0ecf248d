"""A labprov inventory for plain pyinfra: ``pyinfra labprov.pyinfra_inventory.hosts deploys/gpu_node.py``.

Which inventory is said as on labprov's own command line, by LABPROV_INVENTORY (a path, or a name in ``inventories/``).
Nothing in labprov itself uses this.
"""

from __future__ import annotations

import os
from typing import Any

from labprov import inventory as inventories
from labprov import role as roles
from labprov.apply import targets
from labprov.commands import inventory_path
from labprov.engine.plain import DATA_KEY
from labprov.engine.target import pyinfra_data
from labprov.plan import settings_of


def hosts() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The groups of pyinfra (name -> hosts with their data), each host with validated settings. Raises UserError."""
    inventory = inventories.load(inventory_path(os.environ.get("LABPROV_INVENTORY", "sandbox")))
    known = [roles.load(name) for name in roles.names()]
    data = {}
    chosen = inventory.select()
    for target, host in zip(targets(chosen), chosen, strict=True):
        settings = {
            role.name: settings_of(role, host).model_dump(exclude_unset=True) for role in known if _fits(role, host)
        }
        data[target.name] = pyinfra_data(target) | {DATA_KEY: settings}
    groups = inventory.groups.items()
    return {group: [(name, data[name]) for name in members if name in data] for group, members in groups}


def _fits(role: roles.Role, host: inventories.Host) -> bool:
    """Whether the role is set for the host, or needs no settings: what another role lacks is no mistake here."""
    return role.name in host.settings or not any(f.is_required() for f in role.settings_class.model_fields.values())
