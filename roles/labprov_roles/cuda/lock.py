"""What of CUDA is locked: the toolkits, where the inventory names none, and the exact versions of all its packages."""

from __future__ import annotations

from collections.abc import Mapping

from labprov.lock.found import Found
from labprov.lock.profile import Profile
from labprov_roles.cuda.libraries import libraries
from labprov_roles.cuda.settings import Settings
from labprov_roles.cuda.toolkits import reasons, toolkits
from labprov_roles.cuda_repository import SLUG, cuda_repository

FIELDS = ("source", "versions", "default")
FREE = ("versions", "default")


def lock(settings: Settings, profile: Profile, versions: Mapping[str, str]) -> Found:
    """The toolkits for the host's system. Raises HostError when there is none."""
    del versions
    wanted = toolkits(settings, profile.system)
    settled = {"source": settings.source, "versions": wanted.versions}
    why = reasons(settings, profile.system)
    if settings.source != "vendor":
        return Found(settled, reasons=why)
    where = cuda_repository(profile.system, settings.mirrors.cuda)
    beside = libraries(settings, wanted, profile.system, profile.gpus)
    return Found(settled, (*wanted.packages, *beside.packages), {SLUG: where.fingerprint}, reasons=why)
