"""What of conda is locked: which installer, and its checksum. Not what people put into their environments."""

from __future__ import annotations

from collections.abc import Mapping

from labprov.lock.found import Found
from labprov.lock.profile import Profile
from labprov_roles.miniconda.installers import choose
from labprov_roles.miniconda.settings import Settings

FIELDS = ("distribution", "version", "sha256")


def lock(settings: Settings, profile: Profile, versions: Mapping[str, str]) -> Found:
    """The installer for the host's machine. Raises HostError when its checksum is not known."""
    del versions
    mirrors = {"miniforge": settings.mirrors.miniforge, "miniconda": settings.mirrors.miniconda}
    installer = choose(
        settings.distribution,
        settings.version,
        profile.system.machine,
        mirrors[settings.distribution].url,
        settings.installer_url,
        settings.sha256,
    )
    installers = {installer.url.rpartition("/")[2]: installer.sha256}
    if settings.installer_url:
        return Found(installers=installers)
    settled = {"distribution": settings.distribution, "version": installer.version, "sha256": installer.sha256}
    why = "" if settings.version else f"the {settings.distribution} whose checksum this labprov knows"
    return Found(settled, installers=installers, reasons=(why,) if why else ())
