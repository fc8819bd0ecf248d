"""Installs the NVIDIA Container Toolkit, tells Docker of it, and sees that containers get GPUs and keep them."""

from __future__ import annotations

from pathlib import Path

from pyinfra import host
from pyinfra.api import deploy
from pyinfra.operations import files, server

from labprov.engine.facts.gpu import NvidiaGpus
from labprov.engine.facts.system import OperatingSystem
from labprov.engine.operations import packages, repository
from labprov_roles.docker.operations import configure_daemon
from labprov_roles.nvidia_container_toolkit import operations, systems
from labprov_roles.nvidia_container_toolkit.settings import Settings

UDEV_RULE = "etc/udev/rules.d/71-nvidia-dev-char.rules"
TEMPLATES = Path(__file__).parent / "templates"


def skip_reason(settings: Settings) -> str | None:
    """Hosts without an NVIDIA GPU do without, unless they are made to."""
    if settings.force or host.get_fact(NvidiaGpus):
        return None
    return "no NVIDIA GPU on the PCI bus"


@deploy("NVIDIA Container Toolkit")
def tasks(settings: Settings) -> None:
    """Install, configure Docker, and keep the CDI specification fresh."""
    source = systems.source(host.get_fact(OperatingSystem), settings)
    _add_repository(source)
    packages.install(
        name="Install the NVIDIA Container Toolkit", packages=settings.exact(source.packages), remove=systems.RIVALS
    )
    if settings.hold:
        packages.hold(name="Keep upgrades away from the toolkit", packages=systems.PACKAGES)
    else:
        packages.release(name="Let upgrades reach the toolkit", packages=systems.PACKAGES)
    configure_daemon(systems.daemon_keys(settings))
    if settings.cdi:
        operations.cdi_watched(name="Have the CDI specification written at boot and after a new driver")
        operations.cdi_fresh(name="Write the CDI specification of the driver that runs")
    if settings.dev_char_links:
        _link_devices()


def _add_repository(source: systems.Source) -> None:
    repository.set_aside("Set aside sources that older guides add", systems.OLD_SOURCES, systems.SLUG)
    repository.add(
        title="the NVIDIA Container Toolkit",
        slug=systems.SLUG,
        url=source.url,
        suite=source.suite,
        components=[],
        key_url=source.key_url,
        fingerprint=source.fingerprint,
        signed=source.signed,
    )
    if source.pin:
        repository.pin("Prefer the toolkit's own repository over the CUDA repository", systems.SLUG, source.pin)


def _link_devices() -> None:
    rule = files.put(
        name="Link the GPUs' device nodes under /dev/char at boot",
        src=str(TEMPLATES / UDEV_RULE),
        dest=f"/{UDEV_RULE}",
        mode="644",
        user="root",
        group="root",
    )
    server.shell(
        name="Link the GPUs' device nodes under /dev/char now",
        commands=["nvidia-ctk system create-dev-char-symlinks --create-all"],
        _if=rule.did_change,
    )
