"""How the driver stands on a host now, as lines for ``labprov explain``. Asks facts, all of them in one round trip."""

from __future__ import annotations

from pyinfra import host

from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.facts.units import Unit, Units
from labprov_roles.nvidia_driver.facts import (
    Cdi,
    CdiSpecs,
    DriverLibrary,
    Loaded,
    LoadedDriver,
    LoadedModules,
    Module,
    ModulesOnDisk,
)
from labprov_roles.nvidia_driver.facts_kernels import Compilers, Kernel, KernelCompilers, Kernels, NextKernel
from labprov_roles.nvidia_driver.facts_packages import DriverPackages, Installation, Package, Pins, installed_drivers
from labprov_roles.nvidia_driver.facts_secure_boot import SecureBoot, SecureBootState
from labprov_roles.nvidia_driver.names import DRIVER_PACKAGES
from labprov_roles.nvidia_driver.services import FABRIC_MANAGER, PERSISTENCED
from labprov_roles.nvidia_driver.systems import CERTIFICATES, distribution

CONTAINERS = "nvidia-container-toolkit"


def lines() -> list[str]:
    """The state of the host in context. What is asked depends on no answer: one round trip."""
    system: System = host.get_fact(OperatingSystem)
    keys: dict[str, SecureBoot] = {path: host.get_fact(SecureBootState, certificate=path) for path in CERTIFICATES}
    own = distribution(system).certificate if system.family != "unknown" else CERTIFICATES[0]
    packages: list[Package] = host.get_fact(DriverPackages, names=(*DRIVER_PACKAGES, CONTAINERS))
    return [
        *_cards(host.get_fact(NvidiaGpus)),
        _driver(host.get_fact(LoadedDriver), host.get_fact(LoadedModules), host.get_fact(DriverLibrary)),
        _source(installed_drivers(), packages, host.get_fact(Pins)),
        *_kernels(host.get_fact(Kernels), host.get_fact(ModulesOnDisk)),
        "next boot: {0.release} ({0.why})".format(host.get_fact(NextKernel)),
        _compilers(host.get_fact(KernelCompilers)),
        secure_boot(keys[own]),
        _services(host.get_fact(Units, units=(PERSISTENCED, FABRIC_MANAGER))),
        _containers(packages, host.get_fact(CdiSpecs)),
    ]


def _cards(gpus: list[Gpu]) -> list[str]:
    return [f"card {gpu.slot} (10de:{gpu.device}): held by {gpu.driver or 'no driver'}" for gpu in gpus]


def _driver(version: str, loaded: Loaded, library: str) -> str:
    now = f"{version}, {loaded.flavour} modules" if version else "none"
    rivals = [name for name in loaded.modules if name != "nvidia"]
    besides = f"; also loaded: {', '.join(rivals)}" if rivals else ""
    return f"driver loaded: {now}; library: {library or 'none'}{besides}"


def _source(found: Installation, packages: list[Package], pins: list[str]) -> str:
    ours = [package for package in packages if package.name != CONTAINERS]
    held = [package for package in ours if package.held]
    kept = f"; {len(held)} of {len(ours)} packages held" if ours else ""
    pinned = f"; pinned: {', '.join(pins)}" if pins else ""
    return f"installed from: {' and '.join(found.sources) or 'nowhere'}{kept}{pinned}"


def _kernels(kernels: list[Kernel], modules: list[Module]) -> list[str]:
    built = {module.kernel: module for module in modules}
    return [_kernel(kernel, built.get(kernel.release)) for kernel in kernels]


def _kernel(kernel: Kernel, module: Module | None) -> str:
    signed = f", signed by {module.signer}" if module and module.signer else ""
    has = f"module {module.version} ({module.flavour}{signed})" if module else "no module"
    headers = "headers" if kernel.headers else "no headers"
    return f"kernel {kernel.release}{' (runs)' if kernel.running else ''}: {headers}, {has}"


def _compilers(found: Compilers) -> str:
    built, default = (f"gcc {number}" if number else "not known" for number in (found.kernel, found.default))
    warn = "; modules may not build" if found.kernel and found.default and found.kernel != found.default else ""
    return f"compiler of the kernel: {built}; default compiler: {default}{warn}"


def secure_boot(state: SecureBoot) -> str:
    """What Secure Boot trusts of this host's, in a line."""
    if not state.enabled:
        return "Secure Boot: off"
    own = "no key of its own" if not state.own else f"its key {state.own.name!r} is "
    if state.own:
        own += (
            "enrolled"
            if state.own_is_enrolled
            else "to be confirmed at the console"
            if state.own_is_asked
            else "not enrolled"
        )
    names = ", ".join(key.name or key.fingerprint for key in state.enrolled)
    return f"Secure Boot: on; {own}; enrolled keys: {names or 'none'}"


def _services(units: dict[str, Unit]) -> str:
    said = [
        f"{title}: {f'{unit.enabled}, {unit.active}' if (unit := units.get(name)) else 'not installed'}"
        for name, title in {PERSISTENCED: "persistence daemon", FABRIC_MANAGER: "fabric manager"}.items()
    ]
    return "; ".join(said)


def _containers(packages: list[Package], specs: list[Cdi]) -> str:
    version = next((package.version for package in packages if package.name == CONTAINERS), "")
    said = [f"{spec.path} (CDI {spec.version}) for driver {spec.driver or 'unknown'}" for spec in specs]
    return f"container toolkit: {version or 'not installed'}; {', '.join(said) or 'no CDI specification'}"
