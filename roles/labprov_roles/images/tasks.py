"""The images role's operations; without declared images there are none, and nothing is imported for them."""

from __future__ import annotations

from pyinfra.api import deploy

from labprov_roles.images.settings import Settings


@deploy("Container images")
def tasks(settings: Settings) -> None:
    """Decide what tags mean, pull what is missing, build what is missing or changed, remove old ones on request."""
    if settings.pull or settings.build or settings.prune:
        from labprov_roles.images.steps import bring_about  # a server without images need not wait for it

        bring_about(settings)
