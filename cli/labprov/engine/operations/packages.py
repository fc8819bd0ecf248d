"""Packages present, absent, held; package lists fresh. On Debian's family by apt; other families join here.

pyinfra 3.10's ``apt.packages`` never finds ``name=1.2*`` installed and changes something at every run, fails at once
when another apt is at work, and transfers all of ``dpkg -l`` each time, twice; it cannot hold (its issue 1334).
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pyinfra import host
from pyinfra.api import OperationError, QuoteString, StringCommand, operation
from pyinfra.api.exceptions import OperationValueError

from labprov.engine.facts.packages import (
    STAMPS,
    HeldPackages,
    InstalledPackages,
    InterruptedPackages,
    PackageListsAge,
    StaleSource,
    stamp_of,
)
from labprov.engine.facts.system import OperatingSystem
from labprov.engine.operations import Commands, apt

LISTS_MAX_AGE = 24 * 3600
"""Seconds after which package lists are fetched anew before something is installed."""


@operation()
def refresh_source(source: str, keyring: str) -> Commands:
    """Fetch the lists of one source file unless that was done since the file and its key were written.

    Looks at the host, not at what changed in this run: a run that was killed in between is made up for by the next.
    """
    _require_apt()
    if not host.get_fact(StaleSource, source=source, keyring=keyring):
        host.noop(f"the lists of {source} were fetched")
        return
    yield apt.update_source(source)
    stamp = stamp_of(source)
    yield StringCommand("mkdir -p", STAMPS, "&&", "touch", QuoteString(stamp))


@operation()
def install(packages: Sequence[str], recommends: bool = False, remove: Sequence[str] = ()) -> Commands:
    """Install packages at the versions asked for, in one transaction.

    + packages: names, or ``name=version`` where the version may hold ``*``; a lower version is a downgrade
    + recommends: also install what the packages recommend
    + remove: packages that go in the same transaction, so that a switch never leaves the host with neither

    A package that is held is changed all the same: whoever calls this manages it. Never upgrades a package whose
    installed version satisfies what is asked for.
    """
    _require_apt()
    names = [apt.split(spec)[0] for spec in packages]
    if any(name.endswith("-") for name in names):  # apt-get would remove it
        raise OperationValueError(f"{', '.join(names)}: the name of a package does not end with -")
    installed = host.get_fact(InstalledPackages, packages=tuple(sorted({*names, *remove})))
    todo = apt.missing(packages, installed)
    gone = [name for name in remove if name in installed]
    if not todo and not gone:
        host.noop(f"{', '.join(packages)}: installed")
        return
    yield from _ready()
    options = [] if recommends else ["--no-install-recommends"]
    options += ["--allow-downgrades", "--allow-change-held-packages"]
    yield apt.apt_get("install", *todo, *(f"{name}-" for name in gone), options=options)


@operation()
def remove(packages: Sequence[str], purge: bool = False) -> Commands:
    """Remove those of the named packages (``*`` allowed) that are installed; purging takes their configuration too."""
    _require_apt()
    found: dict[str, str] = host.get_fact(InstalledPackages, packages=tuple(sorted(packages)))
    installed = sorted(found)
    if not installed:
        host.noop(f"{', '.join(packages)}: not installed")
        return
    if host.get_fact(InterruptedPackages):
        yield apt.repair()
    yield apt.apt_get("purge" if purge else "remove", *installed, options=["--allow-change-held-packages"])


@operation()
def hold(packages: Sequence[str]) -> Commands:
    """Hold the named packages that are installed (``*`` allowed) against upgrades that nobody asked for."""
    _require_apt()
    installed = host.get_fact(InstalledPackages, packages=tuple(sorted(packages)))
    held: list[str] = host.get_fact(HeldPackages)
    todo = sorted(set(installed) - set(held))
    if not todo:
        host.noop("those that are installed are held")
        return
    yield apt.mark("hold", todo)


@operation()
def release(packages: Sequence[str]) -> Commands:
    """Release the named packages (``*`` allowed) from being held."""
    _require_apt()
    held: list[str] = host.get_fact(HeldPackages)
    todo = [name for name in held if any(fnmatchcase(name, pattern) for pattern in packages)]
    if not todo:
        host.noop("none of them is held")
        return
    yield apt.mark("unhold", todo)


def _ready() -> Commands:
    """Bring the package manager into a state in which an installation can begin."""
    if host.get_fact(InterruptedPackages):
        yield apt.repair()
    if host.get_fact(PackageListsAge) > LISTS_MAX_AGE:
        yield apt.update()


def _require_apt() -> None:
    system = host.get_fact(OperatingSystem)
    if system.family != "debian":
        raise OperationError(f"packages on {system.id} {system.version} are not supported yet: Debian and Ubuntu are")
