"""CUDA's operations: the checks before anything is touched, and the default toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pyinfra import host, logger, state
from pyinfra.api import OperationError, QuoteString, StringCommand, operation

from labprov.compat import tables
from labprov.compat.tables import Tables
from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.operations import Commands
from labprov.errors import HostError
from labprov_roles.cuda.facts import Alternative, AlternativeLink
from labprov_roles.cuda.toolkits import driver_limits, number, require_targets
from labprov_roles.nvidia_driver.facts import DriverLibrary

LINK = "/usr/local/cuda"


@operation()
def check_versions(
    versions: Sequence[str], compat: Mapping[str, Any] = MappingProxyType({}), warnings: Sequence[str] = ()
) -> Commands:
    """Fail when a toolkit does not work with the installed driver or builds for none of the cards; changes nothing.

    + versions: like ``12.8``
    + compat: the inventory's rows on top of the compatibility tables
    + warnings: what else there is to say of the choice

    The driver that a plan finds may be about to be replaced by an earlier role: only a run is stopped by it.
    """
    driver: str = host.get_fact(DriverLibrary)
    cards: list[Gpu] = host.get_fact(NvidiaGpus)
    known = tables.of(compat)
    try:
        require_targets(versions, [known.card(card.device) for card in cards], known)
    except HostError as error:
        raise OperationError(str(error)) from None
    for limit in (*_limits(versions, driver, known), *warnings):
        logger.warning("%s%s", host.print_prefix, limit)
    host.noop(f"{', '.join(versions)} with driver {driver}" if driver else "there is no driver yet")
    yield from ()


def _limits(versions: Sequence[str], driver: str, known: Tables) -> list[str]:
    branch = int(driver.split(".")[0]) if driver else 0
    try:
        limits = [driver_limits(version, branch, known) for version in versions] if driver else []
    except HostError as error:
        if state.is_executing:
            raise OperationError(str(error)) from None
        return [f"unless the driver changes: {error}"]
    return [limit for limit in limits if limit]


@operation()
def default_toolkit(version: str, prefix: str) -> Commands:
    """Make a toolkit the one that ``/usr/local/cuda`` leads to, whatever is installed later.

    + version: like ``12.8``
    + prefix: its folder
    """
    link = host.get_fact(AlternativeLink, alternative="cuda", link=LINK)
    if link.blocked:
        raise OperationError(f"{LINK} is not a link: a toolkit was installed there in another way; move it away")
    if link.manual and link.value == prefix:
        host.noop(f"{LINK} leads to {prefix}")
        return
    yield from _set(link, version, prefix)


def _set(link: Alternative, version: str, prefix: str) -> Commands:
    folder = QuoteString(prefix)
    if prefix not in link.choices:  # as NVIDIA's own packages do when they are installed
        major, minor = number(version)
        priority = str(major * 10 + minor)
        yield StringCommand("update-alternatives", "--install", LINK, "cuda", folder, priority)
    yield StringCommand("update-alternatives", "--set", "cuda", folder)
