"""The conda_envs role's operations; without declared environments there are none, and nothing is imported for them."""

from __future__ import annotations

from pyinfra.api import deploy

from labprov_roles.conda_envs.settings import Settings


@deploy("Python environments")
def tasks(settings: Settings) -> None:
    """Decide who installs what, build what is missing or changed, offer kernels, remove what is to be absent."""
    if settings.environments:
        from labprov_roles.conda_envs.steps import bring_about  # 30 ms that a server without environments need not wait

        bring_about(settings)
