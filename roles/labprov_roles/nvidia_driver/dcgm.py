"""DCGM: which packages go with the driver and the cards, and the operations that bring it about."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra import host
from pyinfra.api import OperationError, operation

from labprov.compat import libraries, tables
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.engine.operations import Commands, packages
from labprov.errors import HostError
from labprov_roles.nvidia_driver import services
from labprov_roles.nvidia_driver.settings import Settings

SERVICE = "nvidia-dcgm.service"


def wanted(settings: Settings, system: System, gpus: Sequence[Gpu], branch: int) -> tuple[str, ...]:
    """The packages for a driver of that branch; empty when none are asked for.

    Raises HostError when there are none for the branch.
    """
    if not settings.dcgm:
        return ()
    known = tables.of(settings.compat)
    cards = [card for gpu in gpus if (card := known.card(gpu.device))]
    return libraries.with_driver("dcgm", branch, cards, system.family == "rhel", known)


def keep(settings: Settings, system: System, gpus: Sequence[Gpu], branch: int) -> None:
    """Have DCGM installed and running. Call it from the role's tasks, after the driver was started."""
    try:
        names = wanted(settings, system, gpus, branch)
    except HostError as error:
        raise OperationError(str(error)) from None
    old = tables.of(settings.compat).libraries["dcgm"].replaces
    packages.install(name="Install DCGM", packages=settings.exact(names), remove=old)
    if settings.hold:
        packages.hold(name="Hold DCGM", packages=names)
    start(name="Start DCGM")


@operation()
def start() -> Commands:
    """Have DCGM's daemon run, now where the driver is loaded, and at every boot."""
    ready = services.loaded()
    commands = services.running(SERVICE, services.unit(SERVICE), ready)
    if not commands:
        host.noop("it runs" if ready else "it waits for the driver")
    yield from commands
