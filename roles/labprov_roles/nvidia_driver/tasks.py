"""The NVIDIA driver, in order: check, find the packages, keep other drivers away, install, sign, keep, start."""

from __future__ import annotations

from pathlib import Path

from pyinfra import host
from pyinfra.api import OperationError, deploy
from pyinfra.operations import files

from labprov.compat import tables
from labprov.engine.facts.board import Board, Machine
from labprov.engine.facts.gpu import NvidiaGpus
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.operations import packages, repository
from labprov.errors import HostError
from labprov_roles import cuda_repository, epel
from labprov_roles.apt_components import enable_non_free
from labprov_roles.nvidia_driver import dcgm, mig, operations, services, signing
from labprov_roles.nvidia_driver.choice import Choice, choose
from labprov_roles.nvidia_driver.facts_packages import OURS as BLACKLIST
from labprov_roles.nvidia_driver.moves import Target
from labprov_roles.nvidia_driver.pins import branch_pin, release_pin
from labprov_roles.nvidia_driver.settings import Settings
from labprov_roles.nvidia_driver.systems import Distribution, distribution, signed_modules

_TEMPLATES = Path(__file__).parent / "templates"


def skip_reason(settings: Settings) -> str | None:
    """Why the host in context gets no driver."""
    if settings.force or host.get_fact(NvidiaGpus):
        return None
    return "no NVIDIA GPU on the PCI bus (force: true installs all the same)"


@deploy("NVIDIA driver")
def tasks(settings: Settings) -> None:
    """Install the driver for the cards that are there, keep it, and say when a reboot is needed."""
    system, gpus, machine = host.get_fact(OperatingSystem), host.get_fact(NvidiaGpus), host.get_fact(Board)
    operations.check_cards(
        name="Check that the driver can drive this server's GPUs",
        settings=settings,
        system=system,
        gpus=gpus,
        machine=machine,
    )
    try:
        choice, own = choose(settings, system, gpus, machine), distribution(system)
        dcgm.wanted(settings, system, gpus, choice.branch)  # refused before anything is touched
    except HostError as error:
        raise OperationError(str(error)) from None
    operations.check_others(
        name="Check that no other NVIDIA driver is installed",
        source=choice.source,
        replace=settings.replace_other_installations,
    )
    if settings.mig:
        models = [tables.of(settings.compat).card(gpu.device) for gpu in gpus]
        mig.check(
            name="Check that the cards can be divided",
            layout=settings.mig,
            gpus=[gpu.device for gpu in gpus],
            without=mig.undividable(models),
        )
    _sources(settings, system, choice, own)
    _install(settings, system, choice, own, machine)
    _keep(settings, system, choice, own)
    services.start_driver(name="Start the NVIDIA driver", persistence=settings.persistence, certificate=own.certificate)
    if choice.fabric_manager:
        services.start_fabric_manager(name="Start the fabric manager", certificate=own.certificate)
    if settings.mig:
        mig.keep(settings.mig)
    if settings.dcgm:
        dcgm.keep(settings, system, gpus, choice.branch)
    services.require_reboot(name="Ask for a reboot if the driver needs one", certificate=own.certificate)


def _sources(settings: Settings, system: System, choice: Choice, own: Distribution) -> None:
    """Make the packages available; of NVIDIA's repository, only those of the branch."""
    if system.family == "debian":
        vendor = choice.source == "vendor"
        text = branch_pin(choice.branch, choice.version) if vendor else release_pin(own.release)
        repository.pin("Pin the driver's branch" if vendor else "Pin the distribution's driver", "nvidia-driver", text)
    if choice.source == "vendor" and system.family == "rhel":
        epel.add(system, settings.mirrors.epel)  # has dkms, which NVIDIA's packages build the module with
    if choice.source == "vendor" or settings.dcgm:
        cuda_repository.add(system, settings.mirrors.cuda)
    if (
        choice.source != "vendor" and system.id == "debian"
    ):  # Ubuntu's are in restricted, which every installation of it has
        enable_non_free(name="Enable the distribution's non-free packages", codename=system.codename)


def _install(settings: Settings, system: System, choice: Choice, own: Distribution, machine: Machine) -> None:
    wanted = choice.packages
    if settings.headers and wanted.headers:
        operations.kernel_headers(
            name="Install the headers of every installed kernel", patterns=wanted.headers, kernels=own.kernels
        )
    if machine.secure_boot and not choice.signed:
        packages.install(name="Install what makes and enrols keys", packages=signing.TOOLS)
        signing.make_key(name="Make a key for the driver's modules", certificate=own.certificate, key=own.key)
    if settings.replace_other_installations:
        operations.remove_runfile(name="Remove a driver of NVIDIA's .run file")
    files.put(
        name="Keep nouveau and nova_core off the GPUs",
        src=str(_TEMPLATES / BLACKLIST[1:]),
        dest=BLACKLIST,
        mode="644",
        user="root",
        group="root",
    )
    if own.module_stream and wanted.stream:
        module, _, stream = wanted.stream.partition(":")
        packages.stream(name="Choose the driver's module stream", module=module, stream=stream)
    operations.install_driver(
        name="Install the NVIDIA driver",
        wanted=wanted.install,
        remove=wanted.remove,
        target=Target(choice.source, choice.branch, choice.pattern),
    )
    if system.family == "debian":
        operations.restore_links(name="Restore links that another driver took along")
    operations.remove_orphans(name="Remove libraries that an interrupted change left")
    if choice.fabric_manager:
        services.install_fabric_manager(name="Install the fabric manager", wanted=choice.fabric_manager)
    _modules(choice, own, machine)


def _modules(choice: Choice, own: Distribution, machine: Machine) -> None:
    """Have the module for every kernel, signed where it must be."""
    if choice.signed:
        prefix = signed_modules(choice.branch, choice.flavour)
        operations.signed_modules(name="Install the signed modules of every kernel", prefix=prefix)
        return
    operations.build_modules(name="Build the driver's module where it is missing", certificate=own.certificate)
    if machine.secure_boot:
        signing.enrol_key(name="Ask for trust in the key of the driver's modules", certificate=own.certificate)


def _keep(settings: Settings, system: System, choice: Choice, own: Distribution) -> None:
    if settings.hold:
        packages.hold(name="Hold the driver's packages", packages=own.packages)
    elif system.family == "rhel" and not own.module_stream:  # nothing else keeps the branch there
        names, pattern = zip(*(spec.split("=") for spec in choice.packages.install), strict=True)
        repository.lock_versions(name="Keep the driver at its branch", names=names, version=pattern[0])
    else:
        packages.release(name="Let the driver's packages be upgraded", packages=own.packages)
    operations.rebuild_initramfs(
        name="Bring the blacklist into the initramfs", path=BLACKLIST, image=own.initramfs, rebuild=own.rebuild
    )
