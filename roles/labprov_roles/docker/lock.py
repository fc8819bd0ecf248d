"""What of Docker is locked: the source, and the exact versions of the packages that come from Docker's repository."""

from __future__ import annotations

from collections.abc import Mapping

from labprov.lock.found import Found
from labprov.lock.profile import Profile
from labprov_roles.docker import systems
from labprov_roles.docker.settings import Settings

FIELDS = ("source", "version")
TOLD = ("version",)


def lock(settings: Settings, profile: Profile, versions: Mapping[str, str]) -> Found:
    """Docker's packages. Raises HostError for a system without.

    The distribution's own are not locked: it has one version of them, and mends that.
    """
    source = systems.source(profile.system, settings)
    if source.repository is None:
        return Found({"source": settings.source}, reasons=("the distribution's own: it has one version, and mends it",))
    specs = tuple(spec for spec in source.packages if spec.startswith(("docker-", "containerd.io")))
    settled = {"source": settings.source, "version": versions.get(source.engine[0])}
    return Found(settled, specs, {"docker": source.repository.fingerprint})
