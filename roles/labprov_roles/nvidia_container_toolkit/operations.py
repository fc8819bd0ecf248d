"""Operations on the CDI specification: who keeps it fresh, and making it when it is missing or stale."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api import StringCommand, operation

from labprov.engine.facts.units import Unit, Units
from labprov.engine.operations import Commands
from labprov_roles.nvidia_container_toolkit.facts import (
    BOOT_SPEC,
    LASTING_SPEC,
    PATH_UNIT,
    REFRESH_UNIT,
    AnsweringDriver,
    Cdi,
    CdiState,
)
from labprov_roles.nvidia_driver.facts import LoadedDriver


@operation()
def cdi_watched() -> Commands:
    """Have the toolkit's own units write the specification at boot and after a new driver (toolkit 1.18 and later)."""
    state, units = host.get_fact(CdiState), _units()
    if state.installed and not units:
        host.noop("this version of the toolkit has no units for it")
        return
    if state.installed and all(map(_ready, units, units.values())):
        host.noop("the toolkit's units do that")
        return
    # The service is only enabled: started, it would be a second writer beside the operation that comes next.
    yield StringCommand(f"systemctl enable {REFRESH_UNIT} && systemctl enable --now {PATH_UNIT}")


@operation()
def cdi_fresh() -> Commands:
    """Write the specification when it is missing or names the files of another driver than the one that runs."""
    state: Cdi = host.get_fact(CdiState)
    driver, units = _driver_to_describe(state), _units()
    if not driver:
        return
    if not units:
        yield StringCommand(f"mkdir -p {LASTING_SPEC.rpartition('/')[0]}")
        yield StringCommand(f"nvidia-ctk cdi generate --output={LASTING_SPEC}")
        return
    # A specification made by hand for an earlier driver lies where nobody renews it.
    if state.described - {driver}:
        yield StringCommand(f"[ ! -e {LASTING_SPEC} ] || mv -f {LASTING_SPEC} {LASTING_SPEC}.stale")
    # The unit skips drivers whose module it does not know by name; then the toolkit is asked directly.
    made = f"grep -qsF {driver} {BOOT_SPEC}"
    yield StringCommand(f"systemctl restart {REFRESH_UNIT}; {made} || nvidia-ctk cdi generate --output={BOOT_SPEC}")


def _driver_to_describe(state: Cdi) -> str:
    """Version of the driver that runs, where the specification does not name its files; empty: nothing is to be done.

    The driver itself is asked only where it matters: what is loaded, the kernel knows at once.
    """
    loaded: str = host.get_fact(LoadedDriver)
    driver: str = loaded if state.described == {loaded} else host.get_fact(AnsweringDriver)
    if not driver:
        host.noop("the driver does not answer yet: the specification is written once it is loaded")
    elif state.described == {driver}:
        host.noop(f"it names the files of the driver {driver}, which runs")
    return "" if state.described == {driver} else driver


def _units() -> dict[str, Unit]:
    """Those of the toolkit's units that exist."""
    found: dict[str, Unit] = host.get_fact(Units, units=(PATH_UNIT, REFRESH_UNIT))
    return found


def _ready(name: str, unit: Unit) -> bool:
    """Whether it does its work at the next boot and, if it has to watch, now."""
    return unit.enabled == "enabled" and (name != PATH_UNIT or unit.active == "active")
