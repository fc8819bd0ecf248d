"""CUDA, in order: check, install toolkits and libraries, make one the default, put it on the PATH."""

from __future__ import annotations

from pathlib import Path

from pyinfra import host
from pyinfra.api import OperationError, deploy
from pyinfra.operations import files

from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.system import OperatingSystem
from labprov.engine.operations import packages
from labprov.errors import HostError
from labprov_roles import cuda_repository
from labprov_roles.apt_components import enable_non_free
from labprov_roles.cuda import operations
from labprov_roles.cuda.libraries import Libraries, asked_for, libraries
from labprov_roles.cuda.settings import Settings
from labprov_roles.cuda.toolkits import Toolkits, toolkits

PROFILE = "/etc/profile.d/cuda.sh"
_TEMPLATES = Path(__file__).parent / "templates"


def skip_reason(settings: Settings) -> str | None:
    """Why the host in context gets no CUDA."""
    if settings.force or host.get_fact(NvidiaGpus):
        return None
    return "no NVIDIA GPU on the PCI bus (force: true installs all the same)"


@deploy("CUDA")
def tasks(settings: Settings) -> None:
    """Install the toolkits side by side, make one the default, and put its ``nvcc`` on the PATH of login shells."""
    system = host.get_fact(OperatingSystem)
    try:
        wanted = toolkits(settings, system)
        gpus: list[Gpu] = host.get_fact(NvidiaGpus) if asked_for(settings) else []
        beside = libraries(settings, wanted, system, gpus)
    except HostError as error:
        raise OperationError(str(error)) from None
    operations.check_versions(
        name="Check that the toolkits work with the driver and the GPUs",
        versions=wanted.versions,
        compat=settings.compat,
        warnings=beside.warnings,
    )
    if settings.source == "vendor":
        cuda_repository.add(system, settings.mirrors.cuda)
    else:
        enable_non_free(name="Enable the distribution's non-free packages", codename=system.codename)
    packages.install(name="Install the CUDA toolkits", packages=settings.exact(wanted.packages))
    if beside.packages:
        _libraries(settings, beside)
    if not wanted.prefix:  # the distribution's is in /usr/bin
        _distributions(wanted)
        return
    operations.default_toolkit(
        name="Set the default CUDA toolkit", version=wanted.default, prefix=wanted.prefix.format(wanted.default)
    )
    _profile("Put nvcc on the PATH of login shells", "cuda.sh")


def _distributions(wanted: Toolkits) -> None:
    if wanted.compiler:
        _profile("Have nvcc of login shells take the compiler that goes with it", "cuda-distribution.sh")
    else:
        files.file(name="Remove the PATH of NVIDIA's toolkits", path=PROFILE, present=False)


def _profile(name: str, template: str) -> None:
    source = str(_TEMPLATES / PROFILE[1:].replace("cuda.sh", template))
    files.put(name=name, src=source, dest=PROFILE, mode="644", user="root", group="root")


def _libraries(settings: Settings, beside: Libraries) -> None:
    """Held: an upgrade of everything would take NCCL to another CUDA version, and cuDNN from under old cards."""
    wanted = settings.exact(beside.packages)
    packages.install(name="Install the libraries beside CUDA", packages=wanted, remove=beside.instead)
    packages.hold(name="Hold the libraries beside CUDA", packages=beside.names)
