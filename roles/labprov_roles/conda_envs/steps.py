"""What is done where environments are declared, in order: all is decided before any is built."""

from __future__ import annotations

import json
from io import BytesIO, StringIO

from pyinfra import host
from pyinfra.api import OperationError
from pyinfra.operations import files

from labprov.compat import tables
from labprov.engine.facts.gpu import NvidiaGpus
from labprov.engine.facts.system import OperatingSystem, System
from labprov.errors import LabprovError
from labprov_roles.conda_envs import frameworks, operations, program
from labprov_roles.conda_envs.frameworks import Hardware
from labprov_roles.conda_envs.request import Request, request
from labprov_roles.conda_envs.settings import Settings
from labprov_roles.nvidia_driver.facts import LoadedDriver, ModulesOnDisk

KERNELS = "/usr/local/share/jupyter/kernels"
"""Where every Jupyter on the server looks for kernels."""


def bring_about(settings: Settings) -> list[Request]:
    """Decide who installs what, build what is missing or changed, offer kernels, remove what is to be absent.

    Returns the requests that the environments answer.
    """
    prefix, declared = settings.prefix, settings.environments
    wanted = tuple((name, each.user or "") for name, each in declared.items())
    operations.check(name="Check that the environments' names are free or ours", prefix=prefix, wanted=wanted)
    files.put(
        name="Put the builder of environments beside conda",
        src=BytesIO(program.archive()),
        dest=f"{prefix}/{operations.PROGRAM}",
        mode="644",
        user="root",
        group="root",
    )
    requests = _requests(settings, host.get_fact(OperatingSystem))
    for each in requests:
        operations.decide(
            name=f"Decide who installs what in {each.name}", prefix=prefix, request=each, locks=settings.locks
        )
    for each in requests:
        operations.build(
            name=f"Build the environment {each.name}",
            prefix=prefix,
            request=each,
            locks=settings.locks,
            wanted=wanted,
        )
    for name, each_declared in declared.items():
        if each_declared.state == "absent":
            operations.remove(
                name=f"Remove the environment {name}",
                prefix=prefix,
                environment=name,
                user=each_declared.user,
                wanted=wanted,
            )
        _kernel(settings, name)
    operations.sweep(name="Remove builds that nobody uses any more", prefix=prefix, wanted=wanted)
    return requests


def _requests(settings: Settings, system: System) -> list[Request]:
    names = [name for name, each in settings.environments.items() if each.state == "present"]
    try:
        hardware = hardware_of(system, settings)
        return [request(name, settings, system, hardware) for name in names]
    except LabprovError as error:
        raise OperationError(str(error)) from None


def hardware_of(system: System, settings: Settings) -> Hardware:
    """The cards and the driver of the host in context."""
    known = tables.of(settings.compat)
    gpus = host.get_fact(NvidiaGpus)
    if not gpus:
        return frameworks.hardware(system, (), "", known)
    modules = [module.version for module in host.get_fact(ModulesOnDisk)]
    loaded = host.get_fact(LoadedDriver)
    return frameworks.hardware(system, gpus, loaded or max(modules, key=_number, default=""), known)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _kernel(settings: Settings, name: str) -> None:
    """Jupyter's word for the environment; by its name, so that a kernel started later gets the build of then."""
    declared = settings.environments[name]
    folder = f"{KERNELS}/labprov-{name.lower()}"
    if declared.state == "absent" or not declared.jupyter_kernel:
        files.directory(name=f"Offer no Jupyter kernel {name}", path=folder, present=False)
        return
    python = f"{settings.prefix}/envs/{name}/bin/python"
    kernel = {
        "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        "metadata": {"debugger": True},
    }
    files.put(
        name=f"Offer the Jupyter kernel {name}",
        src=StringIO(json.dumps(kernel, indent=1) + "\n"),
        dest=f"{folder}/kernel.json",
        mode="644",
        user="root",
        group="root",
    )
