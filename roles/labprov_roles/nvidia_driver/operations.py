"""The driver's operations on packages and modules: checks before anything is touched, headers, the driver, initramfs.

Each reads its facts when it runs, so that it sees what the operations before it have changed. ``services`` starts the
driver and asks for reboots, ``signing`` is about Secure Boot, ``mig`` about divided cards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from pyinfra import host, logger
from pyinfra.api import OperationError, QuoteString, StringCommand, operation

from labprov.engine.facts.board import Machine
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.packages import InstalledPackages, PackageListsAge
from labprov.engine.facts.system import System
from labprov.engine.operations import Commands, apt, packages
from labprov.errors import HostError
from labprov_roles.nvidia_driver.choice import UNKNOWN, choose
from labprov_roles.nvidia_driver.facts import DriverLibrary, Module, ModulesOnDisk
from labprov_roles.nvidia_driver.facts_kernels import Kernel, Kernels, StaleInitramfs
from labprov_roles.nvidia_driver.facts_packages import (
    Candidates,
    DriverPackages,
    Installation,
    Installations,
    Package,
    installed_drivers,
)
from labprov_roles.nvidia_driver.facts_secure_boot import SecureBoot, SecureBootState
from labprov_roles.nvidia_driver.moves import Moves, Target, expand, moves, unfit
from labprov_roles.nvidia_driver.names import DRIVER_PACKAGES, MODULE_PACKAGES
from labprov_roles.nvidia_driver.settings import Settings, Source

_REALTIME = re.compile(r"-rt(-|\d|$)")


@operation()
def check_cards(settings: Settings, system: System, gpus: Sequence[Gpu], machine: Machine = UNKNOWN) -> Commands:
    """Fail when no driver that the settings allow drives every card; changes nothing."""
    try:
        choice = choose(settings, system, gpus, machine)
    except HostError as error:
        raise OperationError(str(error)) from None
    for warning in choice.warnings:
        logger.warning("%s%s", host.print_prefix, warning)
    host.noop(f"{choice.branch}, {choice.flavour} modules: {'; '.join(choice.reasons) or 'as the inventory says'}")
    yield from ()


@operation()
def check_others(source: Source, replace: bool) -> Commands:
    """Fail when a driver is installed in another way than from ``source`` and must not be replaced; changes nothing.

    One that this role installed may be replaced: the inventory then wants another source.
    """
    found = installed_drivers()
    others = other_installations(found, source)
    if others and not replace and (found.runfile or not found.ours):
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
def remove_runfile() -> Commands:
    """Remove a driver that NVIDIA's .run file installed, by its own uninstaller; packages go with their successors."""
    found = host.get_fact(Installations)
    if not found.runfile:
        host.noop("no driver was installed by a .run file")
        return
    if not any(path.endswith("nvidia-uninstall") for path in found.runfile):
        raise OperationError(
            f"no package owns {', '.join(found.runfile)}, and there is no nvidia-uninstall to remove them"
        )
    yield StringCommand("nvidia-uninstall", "--silent")


@operation()
def kernel_headers(patterns: Sequence[str], kernels: str = "linux-image-*") -> Commands:
    """Install headers for every installed kernel, and the metapackages that bring them with the next ones.

    + patterns: the headers packages, ``{}`` standing for a kernel's release
    + kernels: packages of kernels, as a pattern; empty: the headers have one name for all of them
    """
    there: list[Kernel] = host.get_fact(Kernels)
    images: dict[str, str] = host.get_fact(InstalledPackages, packages=(kernels,)) if kernels else {}
    wanted = header_packages(there, images, patterns)
    available = _available(wanted) if kernels else wanted
    names = {kernel.release: [pattern.format(kernel.release) for pattern in patterns] for kernel in there}
    without = [kernel for kernel in there if not kernel.headers and not {*names[kernel.release]} & {*available}]
    if without and len(without) == len(there):
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


def _available(names: Sequence[str]) -> list[str]:
    """On a machine that never fetched package lists nothing can be known: then all count as available."""
    if not names or host.get_fact(PackageListsAge) >= PackageListsAge.NEVER:
        return list(names)
    candidates: dict[str, str] = host.get_fact(Candidates, packages=tuple(names))
    return [name for name in names if name in candidates]


def header_packages(
    kernels: Sequence[Kernel], images: Sequence[str] | dict[str, str], patterns: Sequence[str]
) -> list[str]:
    """Name the header packages for kernels without headers, and for the kernel metapackages among ``images``."""
    endings = [name.removeprefix("linux-image-") for name in images]
    meta = [end for end in endings if not re.search(r"^(\d|unsigned-)|-(dbg|unsigned)$", end)]
    without = [kernel.release for kernel in kernels if not kernel.headers]
    return sorted({pattern.format(name) for pattern in patterns for name in (*without, *meta)} | _plain(patterns))


def _plain(patterns: Sequence[str]) -> set[str]:
    return {pattern for pattern in patterns if "{}" not in pattern}


@operation()
def install_driver(wanted: Sequence[str], remove: Sequence[str], target: Target) -> Commands:
    """Install the driver's packages, in one transaction with all that has to come along or to go.

    + wanted: ``name=version`` patterns
    + remove: packages of the other flavour, ``*`` allowed
    + target: what every package of the driver is to be

    What is held is released before: apt changes a held package only when it is named, and so calls a change of branch
    "held broken packages", because the libraries come as dependencies. Holding them again is the caller's next step.
    """
    found: list[Package] = host.get_fact(DriverPackages, names=(*DRIVER_PACKAGES, *MODULE_PACKAGES))
    gone = [*expand(remove, found), *(name for name in remove if "*" not in name)]
    along = _along(found, [*(spec.partition("=")[0] for spec in wanted), *gone], target)
    install, leave = [*wanted, *along.install], sorted({*gone, *along.remove})
    commands = list(packages.install._inner(packages=install, remove=leave, together=exact_version(wanted)))
    if commands:
        yield from packages.release._inner(packages=DRIVER_PACKAGES)
    yield from commands


@operation()
def restore_links() -> Commands:
    """Bring back the libraries' links where they are missing though the library's package is there.

    Debian's nvidia-alternative makes them for Debian's driver. Removed in the transaction that brings NVIDIA's, it
    takes along those that were unpacked in their place.
    """
    found: list[Package] = host.get_fact(DriverPackages, names=("libcuda1", "libnvidia-[abdf-z]*"))
    names = sorted(package.name for package in found if fnmatchcase(package.name, "lib*"))
    if "libcuda1" not in names or host.get_fact(DriverLibrary):
        host.noop("they are there" if names else "there are no libraries")
        return
    options = ["--reinstall", "--no-install-recommends", "--allow-change-held-packages"]
    yield apt.apt_get("install", *names, options=options)


@operation()
def remove_orphans() -> Commands:
    """Remove libraries that an interrupted change left: the linker would prefer the newest one to the right one."""
    orphans = host.get_fact(Installations).orphans
    if not orphans:
        host.noop("there are none")
        return
    yield StringCommand("rm -f --", *map(QuoteString, orphans), "&& ldconfig")


def exact_version(wanted: Sequence[str]) -> str:
    """The version that all of ``name=version`` are asked for at; empty when it is left open."""
    versions = {version for _, _, version in (spec.partition("=") for spec in wanted) if version}
    return versions.pop() if len(versions) == 1 and "*" not in "".join(versions) else ""


def _along(found: Sequence[Package], settled: Sequence[str], target: Target) -> Moves:
    others = [package for package in unfit(found, target) if package.name not in settled]
    if not others:
        return Moves()
    candidates: dict[str, str] = host.get_fact(Candidates, packages=tuple(sorted(other.name for other in others)))
    return moves(others, settled, candidates, target)


@operation()
def signed_modules(prefix: str) -> Commands:
    """Install the distribution's signed modules for every installed kernel for which it has them.

    + prefix: of the packages' names; a kernel's release follows
    """
    kernels: list[Kernel] = host.get_fact(Kernels)
    modules: list[Module] = host.get_fact(ModulesOnDisk)
    missing = kernels_without_module([_able(k) for k in kernels], modules, host.get_fact(DriverLibrary))
    todo = _available([f"{prefix}{release}" for release in missing])
    if todo:
        yield from packages.install._inner(packages=todo)
    else:
        host.noop("every kernel has its module" if not missing else f"there is none for {', '.join(missing)}")


def _able(kernel: Kernel) -> Kernel:
    return Kernel(kernel.release, kernel.running, headers=True)


@operation()
def build_modules(certificate: str) -> Commands:
    """Build the driver's module for kernels that have headers but not the module of the installed version.

    + certificate: of the key that signs what is built; with Secure Boot, what another one signed is built anew

    Packages build it when they are installed, and again with each new kernel, but a build that fails or is missed then
    fails nothing. Here it stops the host, with DKMS's own message.
    """
    kernels: list[Kernel] = host.get_fact(Kernels)
    modules: list[Module] = host.get_fact(ModulesOnDisk)
    version: str = host.get_fact(DriverLibrary)
    missing = kernels_without_module(kernels, modules, version)
    for release in missing:
        yield StringCommand("dkms", "autoinstall", "-k", QuoteString(release))
    trust: SecureBoot = host.get_fact(SecureBootState, certificate=certificate)
    unsigned = [name for name in unsigned_modules(modules, trust) if name not in missing]
    for release in unsigned:
        yield _build_again(version, release)
    if not missing and not unsigned:
        host.noop("every kernel with headers has its module")


def kernels_without_module(kernels: Sequence[Kernel], modules: Sequence[Module], version: str) -> list[str]:
    """Name the kernels with headers whose module is not of ``version``; real-time kernels cannot have one."""
    built = {module.kernel: module.version for module in modules}
    able = [kernel.release for kernel in kernels if kernel.headers and not _REALTIME.search(kernel.release)]
    return [release for release in able if built.get(release) != version]


def unsigned_modules(modules: Sequence[Module], trust: SecureBoot) -> list[str]:
    """Name the kernels whose module was built before there was a key to sign it with."""
    if not trust.enabled or trust.own is None:
        return []
    good = {trust.own.name, *trust.builtin, *(key.name for key in trust.enrolled)}
    return [module.kernel for module in modules if module.signer not in good]


def _build_again(version: str, release: str) -> StringCommand:
    """DKMS signs when it builds, and builds nothing twice unless told to; its name for the driver is in its tree."""
    of = StringCommand("-v", QuoteString(version), "-k", QuoteString(release))
    tree = StringCommand("/var/lib/dkms/nvidia*/", QuoteString(version), _separator="")
    return StringCommand(
        "for d in", tree, "; do m=$(basename $(dirname $d)) &&",
        'dkms build --force -m "$m"', of, '&& dkms install --force -m "$m"', of, "|| exit 1; done",
    )  # fmt: skip


@operation()
def rebuild_initramfs(path: str, image: str, rebuild: Sequence[str]) -> Commands:
    """Rebuild each initramfs that is older than a file which belongs into it.

    + path: the file, like a modprobe configuration
    + image: of a kernel, ``{}`` standing for its release
    + rebuild: the command that rebuilds the one of a kernel, whose release follows
    """
    stale = host.get_fact(StaleInitramfs, path=path, image=image)
    if not stale:
        host.noop("every initramfs is newer than the file, or there is none")
    for release in stale:
        yield StringCommand(*rebuild, QuoteString(release))
