"""Operations that start what is installed: the driver, its daemons; and that ask for a reboot where it must wait."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra import host
from pyinfra.api import StringCommand, operation

from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.reboot import RebootReasons
from labprov.engine.facts.units import Unit, Units
from labprov.engine.operations import Commands, packages, reboot
from labprov_roles.nvidia_driver.facts import DriverLibrary, LoadedDriver, LoadedModules, Module, ModulesOnDisk
from labprov_roles.nvidia_driver.facts_kernels import Kernel, Kernels
from labprov_roles.nvidia_driver.facts_secure_boot import SecureBoot, SecureBootState

PERSISTENCED = "nvidia-persistenced.service"
FABRIC_MANAGER = "nvidia-fabricmanager.service"
_REBOOT = "NVIDIA driver: "
"""How this role's reasons for a reboot begin."""
_FOREIGN = {"nouveau", "novacore"}
_STARTS = ("enabled", "static", "alias", "indirect", "generated")


@operation()
def start_driver(persistence: bool, certificate: str) -> Commands:
    """Load the driver where it can be loaded now, and have the persistence daemon run, or not run.

    + persistence: whether the daemon is wanted
    + certificate: of the key with which this host signs modules
    """
    daemon, loaded = unit(PERSISTENCED), host.get_fact(LoadedDriver)
    ready = bool(host.get_fact(NvidiaGpus)) and not _reboot_reason(certificate)
    commands = running(PERSISTENCED, daemon, ready) if persistence else _stopped(PERSISTENCED, daemon)
    if ready and not loaded and not (persistence and commands):
        # nvidia-modprobe also makes the device nodes; modprobe says why when it cannot be loaded.
        commands = [StringCommand("nvidia-modprobe -c 0 -u || modprobe nvidia"), *commands]
    if not commands:
        host.noop("the driver is loaded and its daemon is as it should be" if ready else "it waits for the reboot")
    yield from commands


@operation()
def install_fabric_manager(wanted: Sequence[str]) -> Commands:
    """Install the fabric manager at exactly the version of the installed driver: at any other it does not start.

    + wanted: its package as ``name=version`` pattern, and what it needs beside
    """
    version: str = host.get_fact(DriverLibrary)
    yield from packages.install._inner(packages=[at_version(spec, version) for spec in wanted])
    host.noop("it has the driver's version")


def at_version(spec: str, version: str) -> str:
    """``nvidia-fabricmanager=580.*`` at an exact version, where that is known; other packages stay as they are."""
    name, equals, pattern = spec.partition("=")
    if not version or not equals:
        return spec
    return f"{name}={version}-*" if pattern.endswith("*") or pattern.startswith(version) else spec


@operation()
def start_fabric_manager(certificate: str) -> Commands:
    """Have the fabric manager run, now and at every boot.

    + certificate: of the key with which this host signs modules
    """
    ready = bool(host.get_fact(LoadedDriver)) and not _reboot_reason(certificate)
    commands = running(FABRIC_MANAGER, unit(FABRIC_MANAGER), ready)
    if not commands:
        host.noop("it runs" if ready else "it waits for the driver")
    yield from commands


def loaded() -> bool:
    """Whether the driver is loaded on the host in context."""
    return bool(host.get_fact(LoadedDriver))


def unit(name: str) -> Unit:
    """How a service stands on the host in context."""
    units: dict[str, Unit] = host.get_fact(Units, units=(name,))
    return units.get(name, Unit())


def running(name: str, unit: Unit, ready: bool) -> list[StringCommand]:
    """What makes a service start at every boot, and now if it is ``ready`` to."""
    enable = [] if unit.enabled in _STARTS else ["enable"]
    start = ["start"] if ready and unit.active != "active" else []
    # A unit that failed too often while there was no driver refuses to start until that is forgotten.
    reset = ["reset-failed"] if start and unit.active == "failed" else []
    return [StringCommand("systemctl", verb, name) for verb in (*enable, *reset, *start)]


def _stopped(name: str, unit: Unit) -> list[StringCommand]:
    disable = ["disable"] if unit.enabled == "enabled" else []
    stop = ["stop"] if unit.active == "active" else []
    return [StringCommand("systemctl", verb, name) for verb in (*disable, *stop)]


@operation()
def require_reboot(certificate: str) -> Commands:
    """Ask for a reboot when the installed driver cannot take the cards before one.

    + certificate: of the key with which this host signs modules
    """
    reason = _reboot_reason(certificate)
    noted: list[str] = host.get_fact(RebootReasons)
    over = [line for line in noted if line.startswith(_REBOOT) and line != reason]
    if over:  # as when a change of branch was taken back before the reboot
        yield from reboot.withdraw._inner(reasons=over)
    if reason:
        yield from reboot.require._inner(reason=reason)
    elif not over:
        host.noop("no reboot is needed")


def _reboot_reason(certificate: str) -> str:
    gpus: list[Gpu] = host.get_fact(NvidiaGpus)
    loaded, flavour = host.get_fact(LoadedDriver), host.get_fact(LoadedModules).flavour
    kernels: list[Kernel] = host.get_fact(Kernels)
    trust: SecureBoot = host.get_fact(SecureBootState, certificate=certificate)
    modules: list[Module] = host.get_fact(ModulesOnDisk)
    return reboot_reason(gpus, (loaded, flavour), modules, kernels, trust)


def reboot_reason(
    gpus: Sequence[Gpu],
    loaded: tuple[str, str],
    on_disk: Sequence[Module],
    kernels: Sequence[Kernel],
    trust: SecureBoot = SecureBoot(),  # noqa: B008  # frozen
) -> str:
    """Say why the driver needs a reboot before it can take the cards; empty when it does not.

    + loaded: version and flavour of the loaded driver, empty where there is none
    """
    if not gpus:
        return ""
    for gpu in gpus:
        if gpu.driver.lower().replace("_", "").replace("-", "") in _FOREIGN:
            return f"{_REBOOT}{gpu.driver} holds the GPU at {gpu.slot} until then"
    running = next((kernel.release for kernel in kernels if kernel.running), "")
    here = next((module for module in on_disk if module.kernel == running), None)
    version, flavour = loaded
    if here and trust.enabled and not trust.trusts(here.signer) and trust.own_is_asked:
        return _REBOOT + at_the_console(trust)
    if version and here and version != here.version:
        return f"{_REBOOT}{version} is loaded, {here.version} is installed"
    if flavour and here and here.flavour and flavour != here.flavour:
        return f"{_REBOOT}the {flavour} modules are loaded, the {here.flavour} ones are installed"
    if not here and on_disk:
        return f"{_REBOOT}it is built for kernel {on_disk[-1].kernel}, not for the running {running}"
    return ""


def at_the_console(trust: SecureBoot) -> str:
    """What somebody has to do so that Secure Boot trusts this host's key."""
    typed = f"type {trust.password}" if trust.password else "type the password that was set for it"
    name = trust.own.name if trust.own else ""
    return (
        f"Secure Boot does not trust its key yet. At the console of the next boot, within ten seconds: press a key, "
        f"choose 'Enroll MOK', 'Continue' and 'Yes' for the key {name!r}, {typed}, and choose 'Reboot'"
    )
