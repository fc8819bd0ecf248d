"""The driver's operations: checks before anything is touched, kernel headers, initramfs, daemon, reboot.

Each reads its facts when it runs, so that it sees what the operations before it have changed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyinfra import host, logger
from pyinfra.api import OperationError, QuoteString, StringCommand, operation

from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.packages import InstalledPackages, PackageListsAge
from labprov.engine.facts.reboot import RebootReasons
from labprov.engine.facts.system import System
from labprov.engine.operations import Commands, packages, reboot
from labprov.errors import HostError
from labprov_roles.nvidia_driver.choice import choose
from labprov_roles.nvidia_driver.facts import (
    AvailablePackages,
    DriverLibrary,
    Installation,
    Installations,
    Kernel,
    Kernels,
    LoadedDriver,
    Module,
    ModulesOnDisk,
    StaleInitramfs,
    UnitState,
)
from labprov_roles.nvidia_driver.names import DRIVER_PACKAGES
from labprov_roles.nvidia_driver.settings import Settings, Source

PERSISTENCED = "nvidia-persistenced.service"
_REBOOT = "NVIDIA driver: "
"""How this role's reasons for a reboot begin."""
_FOREIGN = {"nouveau", "novacore"}


@operation()
def check_cards(settings: Settings, system: System, gpus: Sequence[Gpu]) -> Commands:
    """Fail when no driver that the settings allow drives every card; changes nothing."""
    try:
        choice = choose(settings, system, gpus)
    except HostError as error:
        raise OperationError(str(error)) from None
    for warning in choice.warnings:
        logger.warning("%s%s", host.print_prefix, warning)
    host.noop(f"{choice.branch}, {choice.flavour} modules: {'; '.join(choice.reasons) or 'as the inventory says'}")
    yield from ()


@operation()
def check_others(source: Source, replace: bool) -> Commands:
    """Fail when a driver is installed in another way than from ``source`` and must not be replaced; changes nothing."""
    others = other_installations(host.get_fact(Installations), source)
    if others and not replace:
        raise OperationError(
            f"another NVIDIA driver is installed here: {'; '.join(others)}. Remove it, or set "
            "replace_other_installations: true"
        )
    host.noop("to be replaced: " + "; ".join(others) if others else "no other driver is installed")
    yield from ()


def other_installations(found: Installation, source: Source) -> list[str]:
    """Describe the installations that did not come from ``source``."""
    packages_of = {
        "vendor": ("NVIDIA's packages", found.vendor),
        "distro": ("the distribution's packages", found.distro),
    }
    described = [f"NVIDIA's .run installer ({', '.join(found.runfile)})"] if found.runfile else []
    for other, (title, names) in packages_of.items():
        described += [f"{title} ({', '.join(names)})"] if names and other != source else []
    return described


@operation()
def replace_others(source: Source) -> Commands:
    """Remove every driver that did not come from ``source``: by the .run file's own uninstaller, and by apt."""
    found = host.get_fact(Installations)
    foreign = found.distro if source == "vendor" else found.vendor
    if not found.runfile and not foreign:
        host.noop("no other driver is installed")
        return
    if found.runfile and not any(path.endswith("nvidia-uninstall") for path in found.runfile):
        raise OperationError(
            f"no package owns {', '.join(found.runfile)}, and there is no nvidia-uninstall to remove them"
        )
    if found.runfile:
        yield StringCommand("nvidia-uninstall", "--silent")
    if foreign:
        yield from packages.remove._inner(packages=foreign, purge=True)


@operation()
def kernel_headers(pattern: str) -> Commands:
    """Install headers for every installed kernel, and the metapackages that bring them with the next ones.

    + pattern: the headers package of a kernel, ``{}`` standing for its release
    """
    kernels = host.get_fact(Kernels)
    images: dict[str, str] = host.get_fact(InstalledPackages, packages=("linux-image-*",))
    wanted = header_packages(kernels, images, pattern)
    # On a machine that never fetched package lists nothing can be known: the plan takes everything as available.
    known = host.get_fact(PackageListsAge) < PackageListsAge.NEVER
    available = host.get_fact(AvailablePackages, packages=tuple(wanted)) if wanted and known else list(wanted)
    without = [k for k in kernels if not k.headers and pattern.format(k.release) not in available]
    if without and len(without) == len(kernels):
        raise OperationError(
            f"no headers are to be had for kernel {', '.join(k.release for k in without)}: the driver's module cannot "
            "be built. Install a kernel of the distribution and reboot, or bring the headers and set headers: false"
        )
    for kernel in without:
        logger.warning("%sno headers are to be had for kernel %s: it gets no driver", host.print_prefix, kernel.release)
    todo = [name for name in wanted if name in available]
    if todo:
        yield from packages.install._inner(packages=todo)
    else:
        host.noop("every kernel has its headers")


def header_packages(kernels: Sequence[Kernel], images: Sequence[str] | dict[str, str], pattern: str) -> list[str]:
    """Name the header packages for kernels without headers, and for the kernel metapackages among ``images``."""
    endings = [name.removeprefix("linux-image-") for name in images]
    meta = [ending for ending in endings if not ending[:1].isdigit() and not re.search("-(dbg|unsigned)$", ending)]
    names = [pattern.format(kernel.release) for kernel in kernels if not kernel.headers]
    return sorted({*names, *(pattern.format(ending) for ending in meta)})


@operation()
def install_driver(wanted: Sequence[str], remove: Sequence[str]) -> Commands:
    """Install the driver's packages, in one transaction.

    + wanted: ``name=version`` patterns
    + remove: packages of the other flavour

    What is held is released before: apt changes a held package only when it is named, and so calls a change of branch
    "held broken packages", because the libraries come as dependencies. Holding them again is the caller's next step.
    """
    commands = list(packages.install._inner(packages=wanted, remove=remove))
    if commands:
        yield from packages.release._inner(packages=DRIVER_PACKAGES)
    yield from commands


@operation()
def build_modules() -> Commands:
    """Build the driver's module for kernels that have headers but not the module of the installed version.

    Packages build it when they are installed, and again with each new kernel, but a build that fails or is missed then
    fails nothing. Here it stops the host, with DKMS's own message.
    """
    kernels: list[Kernel] = host.get_fact(Kernels)
    modules: list[Module] = host.get_fact(ModulesOnDisk)
    missing = kernels_without_module(kernels, modules, host.get_fact(DriverLibrary))
    if not missing:
        host.noop("every kernel with headers has its module")
    for release in missing:
        yield StringCommand("dkms", "autoinstall", "-k", QuoteString(release))


def kernels_without_module(kernels: Sequence[Kernel], modules: Sequence[Module], version: str) -> list[str]:
    """Name the kernels with headers whose module is not of ``version``; real-time kernels cannot have one."""
    built = {module.kernel: module.version for module in modules}
    able = [kernel.release for kernel in kernels if kernel.headers and not re.search(r"-rt(-|\d|$)", kernel.release)]
    return [release for release in able if built.get(release) != version]


@operation()
def rebuild_initramfs(path: str) -> Commands:
    """Rebuild each initramfs that is older than a file which belongs into it.

    + path: the file, like a modprobe configuration
    """
    stale = host.get_fact(StaleInitramfs, path=path)
    if not stale:
        host.noop("every initramfs is newer than the file, or there is none")
    for release in stale:
        yield StringCommand("update-initramfs", "-u", "-k", QuoteString(release))


@operation()
def start_driver(persistence: bool) -> Commands:
    """Load the driver where it can be loaded now, and have the persistence daemon run, or not run.

    + persistence: whether the daemon is wanted
    """
    unit, loaded = host.get_fact(UnitState, unit=PERSISTENCED), host.get_fact(LoadedDriver)
    ready = bool(host.get_fact(NvidiaGpus)) and not _reboot_reason()
    commands = _daemon(unit.enabled, unit.active, ready) if persistence else _no_daemon(unit.enabled, unit.active)
    if ready and not loaded and not (persistence and commands):
        # nvidia-modprobe also makes the device nodes; modprobe says why when it cannot be loaded.
        commands = [StringCommand("nvidia-modprobe -c 0 -u || modprobe nvidia"), *commands]
    if not commands:
        host.noop("the driver is loaded and its daemon is as it should be" if ready else "it waits for the reboot")
    yield from commands


def _daemon(enabled: str, active: str, ready: bool) -> list[StringCommand]:
    enable = [] if enabled in ("enabled", "static", "alias", "indirect", "generated") else ["enable"]
    start = ["start"] if ready and active != "active" else []
    # A unit that failed too often while there was no driver refuses to start until that is forgotten.
    reset = ["reset-failed"] if start and active == "failed" else []
    return [StringCommand("systemctl", verb, PERSISTENCED) for verb in (*enable, *reset, *start)]


def _no_daemon(enabled: str, active: str) -> list[StringCommand]:
    disable = ["disable"] if enabled == "enabled" else []
    stop = ["stop"] if active == "active" else []
    return [StringCommand("systemctl", verb, PERSISTENCED) for verb in (*disable, *stop)]


@operation()
def require_reboot() -> Commands:
    """Ask for a reboot when the installed driver cannot take the cards before one."""
    reason = _reboot_reason()
    noted: list[str] = host.get_fact(RebootReasons)
    over = [line for line in noted if line.startswith(_REBOOT) and line != reason]
    if over:  # as when a change of branch was taken back before the reboot
        yield from reboot.withdraw._inner(reasons=over)
    if reason:
        yield from reboot.require._inner(reason=reason)
    elif not over:
        host.noop("no reboot is needed")


def _reboot_reason() -> str:
    gpus: list[Gpu] = host.get_fact(NvidiaGpus)
    modules: list[Module] = host.get_fact(ModulesOnDisk)
    kernels: list[Kernel] = host.get_fact(Kernels)
    return reboot_reason(gpus, host.get_fact(LoadedDriver), modules, kernels)


def reboot_reason(gpus: Sequence[Gpu], loaded: str, on_disk: Sequence[Module], kernels: Sequence[Kernel]) -> str:
    """Say why the driver needs a reboot before it can take the cards; empty when it does not."""
    if not gpus:
        return ""
    for gpu in gpus:
        if gpu.driver.lower().replace("_", "").replace("-", "") in _FOREIGN:
            return f"{_REBOOT}{gpu.driver} holds the GPU at {gpu.slot} until then"
    running = next((kernel.release for kernel in kernels if kernel.running), "")
    here = next((module.version for module in on_disk if module.kernel == running), "")
    if loaded and here and loaded != here:
        return f"{_REBOOT}{loaded} is loaded, {here} is installed"
    if not here and on_disk:
        return f"{_REBOOT}it is built for kernel {on_disk[-1].kernel}, not for the running {running}"
    return ""
