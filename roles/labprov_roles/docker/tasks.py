"""Installs Docker Engine from the chosen source, configures its daemon, and has it run now and at every boot."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api import deploy

from labprov.engine.facts.system import OperatingSystem
from labprov.engine.operations import packages, repository
from labprov_roles.docker import operations, systems
from labprov_roles.docker.settings import Settings


@deploy("Docker Engine")
def tasks(settings: Settings) -> None:
    """Check, configure, install, start. The configuration comes first: the first start is then the right one."""
    source = systems.source(host.get_fact(OperatingSystem), settings)
    wanted = systems.daemon_keys(settings)
    operations.checked(name="Check that nothing stands in Docker's way", wanted=wanted, users=settings.users)
    if source.repository:
        _add(source.repository)
    titles = (f"Keep Docker at version {source.version}", "Let Docker be upgraded to any version")
    repository.keep_version(titles, "docker", source.engine, source.version)
    operations.configure_daemon(wanted, _effect(settings))
    packages.install(
        name=f"Install Docker from its {settings.source} source instead of any other",
        packages=settings.exact(source.packages),
        remove=source.rivals,
    )
    if source.selinux and "data_root" in settings.model_fields_set:
        operations.labelled(name="Label the data root for SELinux", root=settings.data_root)
    operations.running(name="Start Docker now and at every boot")
    operations.members(name="Put the named users into the group docker (it makes them root)", users=settings.users)


def _add(source: systems.Repository) -> None:
    repository.add(
        title="Docker",
        slug="docker",
        url=source.url,
        suite=source.suite,
        components=[source.component] if source.component else [],
        key_url=source.key_url,
        fingerprint=source.fingerprint,
    )


def _effect(settings: Settings) -> str:
    if settings.live_restore:
        return "containers keep running: live-restore"
    return "containers stop, and those with a restart policy come back"
