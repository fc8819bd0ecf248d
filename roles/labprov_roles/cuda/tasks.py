"""CUDA, in order: check, install the toolkits, make one the default, put it on the PATH."""

from __future__ import annotations

from pathlib import Path

from pyinfra import host
from pyinfra.api import OperationError, deploy
from pyinfra.operations import files

from labprov.engine.facts.gpu import NvidiaGpus
from labprov.engine.facts.system import OperatingSystem
from labprov.engine.operations import packages
from labprov.errors import HostError
from labprov_roles import cuda_repository
from labprov_roles.apt_components import enable_non_free
from labprov_roles.cuda import operations
from labprov_roles.cuda.settings import Settings
from labprov_roles.cuda.toolkits import toolkits

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
    except HostError as error:
        raise OperationError(str(error)) from None
    operations.check_versions(
        name="Check that the toolkits work with the driver and the GPUs",
        versions=wanted.versions,
        compat=settings.compat,
    )
    if settings.source == "vendor":
        cuda_repository.add(system, settings.mirrors.cuda)
    else:
        enable_non_free(name="Enable the distribution's non-free packages", codename=system.codename)
    packages.install(name="Install the CUDA toolkits", packages=settings.exact(wanted.packages))
    if not wanted.prefix:  # the distribution's is in /usr/bin
        files.file(name="Remove the PATH of NVIDIA's toolkits", path=PROFILE, present=False)
        return
    operations.default_toolkit(
        name="Set the default CUDA toolkit", version=wanted.default, prefix=wanted.prefix.format(wanted.default)
    )
    files.put(
        name="Put nvcc on the PATH of login shells",
        src=str(_TEMPLATES / PROFILE[1:]),
        dest=PROFILE,
        mode="644",
        user="root",
        group="root",
    )
