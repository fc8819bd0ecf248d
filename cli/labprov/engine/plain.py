"""Roles under plain ``pyinfra INVENTORY deploys/X.py``, without labprov's own run. Called by ``deploy.include``."""

from __future__ import annotations

from pyinfra import host, logger

from labprov.errors import Where
from labprov.role import Role

DATA_KEY = "labprov_settings"
"""Host data of plain pyinfra: role name -> option -> value, as ``labprov.pyinfra_inventory`` gives it."""


def run_role(role: Role) -> None:
    """Run the role on the host in context with the settings its data holds. Raises UserError for wrong settings."""
    values = host.data.get(DATA_KEY, {}).get(role.name, {})
    settings = role.settings(values, lambda *path: Where(role.folder, key=".".join(map(str, (role.name, *path)))))
    reason = role.skip_reason(settings)
    if reason:
        logger.info("%sskipped %s: %s", host.print_prefix, role.name, reason)
        return
    role.tasks(settings)
