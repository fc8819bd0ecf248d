"""What of the container toolkit is locked: the exact version of its packages."""

from __future__ import annotations

from collections.abc import Mapping

from labprov.lock.found import Found
from labprov.lock.profile import Profile
from labprov_roles.nvidia_container_toolkit import systems
from labprov_roles.nvidia_container_toolkit.settings import Settings

FIELDS = ("version",)
TOLD = ("version",)


def lock(settings: Settings, profile: Profile, versions: Mapping[str, str]) -> Found:
    """The four packages. Raises HostError for a system without."""
    source = systems.source(profile.system, settings)
    specs = tuple(spec for spec in source.packages if spec.partition("=")[0] in systems.PACKAGES)
    settled = {"version": versions.get(systems.PACKAGES[0])}
    return Found(settled, specs, {"nvidia-container-toolkit": source.fingerprint})
