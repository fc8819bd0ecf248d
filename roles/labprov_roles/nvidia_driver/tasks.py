"""The NVIDIA driver, in order: check, find the packages, keep other drivers away, install, keep, start."""

from __future__ import annotations

from pathlib import Path

from pyinfra import host
from pyinfra.api import OperationError, deploy
from pyinfra.operations import files

from labprov.compat.answer import Packages
from labprov.engine.facts.gpu import NvidiaGpus
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.operations import packages, repository
from labprov.errors import HostError
from labprov_roles import cuda_repository
from labprov_roles.apt_components import enable_non_free
from labprov_roles.nvidia_driver import operations
from labprov_roles.nvidia_driver.choice import Choice, choose
from labprov_roles.nvidia_driver.names import DRIVER_PACKAGES, branch_pin
from labprov_roles.nvidia_driver.settings import Settings

BLACKLIST = "/etc/modprobe.d/labprov-nvidia-driver.conf"
_TEMPLATES = Path(__file__).parent / "templates"


def skip_reason(settings: Settings) -> str | None:
    """Why the host in context gets no driver."""
    if settings.force or host.get_fact(NvidiaGpus):
        return None
    return "no NVIDIA GPU on the PCI bus (force: true installs all the same)"


@deploy("NVIDIA driver")
def tasks(settings: Settings) -> None:
    """Install the driver for the cards that are there, keep it, and say when a reboot is needed."""
    system, gpus = host.get_fact(OperatingSystem), host.get_fact(NvidiaGpus)
    operations.check_cards(
        name="Check that the driver can drive this server's GPUs", settings=settings, system=system, gpus=gpus
    )
    operations.check_others(
        name="Check that no other NVIDIA driver is installed",
        source=settings.source,
        replace=settings.replace_other_installations,
    )
    try:
        choice = choose(settings, system, gpus)
    except HostError as error:
        raise OperationError(str(error)) from None
    _sources(settings, system, choice)
    _install(settings, choice.packages)
    _keep(settings)
    operations.start_driver(name="Start the NVIDIA driver", persistence=settings.persistence)
    operations.require_reboot(name="Ask for a reboot if the driver needs one")


def _sources(settings: Settings, system: System, choice: Choice) -> None:
    """Make the packages available; of NVIDIA's repository, only those of the branch."""
    if settings.source == "vendor":
        text = branch_pin(choice.branch, choice.version)
        repository.pin("Pin the driver's branch", "nvidia-driver", text)
        cuda_repository.add(system, settings.mirrors.cuda)
        return
    files.file(
        name="Remove the pin of NVIDIA's own packages",
        path=f"{repository.PREFERENCES}/nvidia-driver.pref",
        present=False,
    )
    enable_non_free(name="Enable the distribution's non-free packages", codename=system.codename)


def _install(settings: Settings, wanted: Packages) -> None:
    if settings.headers:
        operations.kernel_headers(name="Install the headers of every installed kernel", pattern=wanted.headers[0])
    if settings.replace_other_installations:
        operations.replace_others(name="Remove other NVIDIA drivers", source=settings.source)
    files.put(
        name="Keep nouveau and nova_core off the GPUs",
        src=str(_TEMPLATES / BLACKLIST[1:]),
        dest=BLACKLIST,
        mode="644",
        user="root",
        group="root",
    )
    operations.install_driver(name="Install the NVIDIA driver", wanted=wanted.install, remove=wanted.remove)
    operations.build_modules(name="Build the driver's module where it is missing")


def _keep(settings: Settings) -> None:
    if settings.hold:
        packages.hold(name="Hold the driver's packages", packages=DRIVER_PACKAGES)
    else:
        packages.release(name="Let the driver's packages be upgraded", packages=DRIVER_PACKAGES)
    operations.rebuild_initramfs(name="Bring the blacklist into the initramfs", path=BLACKLIST)
