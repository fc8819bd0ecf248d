"""Which systems can run the hub; JupyterLab needs nothing of a system, and PAM is everywhere. Pure.

Source: jupyterhub-systemdspawner's README (systemd 243), the distributions' package lists, 2026-11.
"""

from __future__ import annotations

from labprov.engine.facts.system import System
from labprov.errors import HostError

TOO_OLD = {"rhel8": 239}
"""System -> version of its systemd, where users' servers cannot be started by it."""


def check_hub(system: System) -> None:
    """Raise HostError where users' servers cannot be units of systemd."""
    if system.name in TOO_OLD:
        raise HostError(
            f"JupyterHub on {system.id} {system.version}: users' servers need systemd 243, it has "
            f"{TOO_OLD[system.name]}: set jupyter.hub.enabled: false there (JupyterLab works)"
        )
