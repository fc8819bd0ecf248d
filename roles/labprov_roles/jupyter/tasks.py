"""The jupyter role's operations; where it is not asked for there are none, and nothing is imported for them."""

from __future__ import annotations

from pyinfra.api import deploy

from labprov_roles.jupyter.settings import Settings


@deploy("Jupyter")
def tasks(settings: Settings) -> None:
    """Make the environment, give everybody the command, run the hub or have none."""
    if settings.enabled:
        from labprov_roles.jupyter.steps import bring_about  # 30 ms that a server without Jupyter need not wait

        bring_about(settings)
