"""Operations on the CDI specification: who keeps it fresh, and making it when it is missing or stale."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api import StringCommand, operation

from labprov.engine.operations import Commands
from labprov_roles.nvidia_container_toolkit.facts import BOOT_SPEC, LASTING_SPEC, PATH_UNIT, REFRESH_UNIT, CdiState


@operation()
def cdi_watched() -> Commands:
    """Have the toolkit's own units write the specification at boot and after a new driver (toolkit 1.18 and later)."""
    state = host.get_fact(CdiState)
    if state.installed and not state.units:
        host.noop("this version of the toolkit has no units for it")
        return
    if state.installed and state.ready >= state.units:
        host.noop("the toolkit's units do that")
        return
    # The service is only enabled: started, it would be a second writer beside the operation that comes next.
    yield StringCommand(f"systemctl enable {REFRESH_UNIT} && systemctl enable --now {PATH_UNIT}")


@operation()
def cdi_fresh() -> Commands:
    """Write the specification when it is missing or names the files of another driver than the one that runs."""
    state = host.get_fact(CdiState)
    if not state.driver:
        host.noop("the driver does not answer yet: the specification is written once it is loaded")
        return
    if state.described == {state.driver}:
        host.noop(f"it names the files of the driver {state.driver}, which runs")
        return
    if not state.units:
        yield StringCommand(f"mkdir -p {LASTING_SPEC.rpartition('/')[0]}")
        yield StringCommand(f"nvidia-ctk cdi generate --output={LASTING_SPEC}")
        return
    # A specification made by hand for an earlier driver lies where nobody renews it.
    if state.described - {state.driver}:
        yield StringCommand(f"[ ! -e {LASTING_SPEC} ] || mv -f {LASTING_SPEC} {LASTING_SPEC}.stale")
    # The unit skips drivers whose module it does not know by name; then the toolkit is asked directly.
    made = f"grep -qsF {state.driver} {BOOT_SPEC}"
    yield StringCommand(f"systemctl restart {REFRESH_UNIT}; {made} || nvidia-ctk cdi generate --output={BOOT_SPEC}")
