"""Packages present, absent, held; package lists fresh. By apt or dnf: ``manager`` chooses.

pyinfra 3.10's ``apt.packages`` never finds ``name=1.2*`` installed and changes something at every run, fails at once
when another apt is at work, and transfers all of ``dpkg -l`` each time, twice; it cannot hold (its issue 1334).
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pyinfra import host
from pyinfra.api import QuoteString, StringCommand, operation
from pyinfra.api.exceptions import OperationValueError

from labprov.engine.facts.packages import STAMPS, StaleSource, stamp_of
from labprov.engine.facts.rpm import ModuleStreams
from labprov.engine.operations import Commands, apt, dnf
from labprov.engine.operations.manager import package_manager


@operation()
def refresh_source(source: str, keyring: str) -> Commands:
    """Fetch the lists of one source file unless that was done since the file and its key were written.

    Looks at the host, not at what changed in this run: a run that was killed in between is made up for by the next.
    """
    manager = package_manager()
    if not host.get_fact(StaleSource, source=source, keyring=keyring):
        host.noop(f"the lists of {source} were fetched")
        return
    yield manager.update_source(source)
    stamp = stamp_of(source)
    yield StringCommand("mkdir -p", STAMPS, "&&", "touch", QuoteString(stamp))


@operation()
def install(
    packages: Sequence[str], recommends: bool = False, remove: Sequence[str] = (), together: str = ""
) -> Commands:
    """Install packages at the versions asked for, in one transaction.

    + packages: names, or ``name=version`` where the version may hold ``*``; a lower version is a downgrade
    + recommends: also install what the packages recommend
    + remove: packages that go in the same transaction, so that a switch never leaves the host with neither
    + together: a version that dependencies are taken at too, of those that have it

    A package that is held is changed all the same: whoever calls this manages it. Never upgrades a package whose
    installed version satisfies what is asked for. RHEL's versions are ``[epoch:]version-release``, of which epoch and
    release may be left out.
    """
    manager = package_manager()
    names = [apt.split(spec)[0] for spec in packages]
    if any(name.endswith("-") for name in names):  # apt-get would remove it
        raise OperationValueError(f"{', '.join(names)}: the name of a package does not end with -")
    installed = manager.installed(sorted({*names, *remove}))
    todo = manager.missing(packages, installed)
    gone = [name for name in remove if name in installed]
    if not todo and not gone:
        host.noop(f"{', '.join(packages)}: installed")
        return
    yield from manager.ready()
    *before, last = manager.change(todo, gone, recommends)
    yield from before
    yield manager.together(together, last) if together and isinstance(last, StringCommand) else last


@operation()
def remove(packages: Sequence[str], purge: bool = False) -> Commands:
    """Remove those of the named packages (``*`` allowed) that are there, also in part; purging takes the configuration.

    rpm keeps changed configuration as ``.rpmsave`` in either case.
    """
    manager = package_manager()
    unfinished = manager.unfinished(packages)
    installed = sorted({*manager.installed(packages), *unfinished})
    if not installed:
        host.noop(f"{', '.join(packages)}: not installed")
        return
    yield from manager.give_up(list(unfinished)) if unfinished else manager.repair()
    yield from manager.remove(installed, purge)


@operation()
def hold(packages: Sequence[str]) -> Commands:
    """Hold the named packages that are installed (``*`` allowed) against upgrades that nobody asked for."""
    manager = package_manager()
    installed = manager.installed(packages)
    todo = manager.loose(installed)
    if not todo:
        host.noop("those that are installed are held")
        return
    yield from manager.hold(todo, installed)


@operation()
def release(packages: Sequence[str]) -> Commands:
    """Release the named packages (``*`` allowed) from being held."""
    manager = package_manager()
    todo = [name for name in manager.held() if any(fnmatchcase(name, pattern) for pattern in packages)]
    if not todo:
        host.noop("none of them is held")
        return
    yield from manager.release(todo)


@operation()
def stream(module: str, stream: str) -> Commands:
    """Have a stream of a module enabled, instead of any other; for RHEL 8 and 9, RHEL 10 and Debian have no modules.

    + module: like ``nvidia-driver``
    + stream: like ``580-open``

    What is installed stays until the next installation, which then takes the stream's packages.
    """
    enabled: dict[str, str] = host.get_fact(ModuleStreams)
    if enabled.get(module) == stream:
        host.noop(f"{module}:{stream} is enabled")
        return
    if module in enabled:
        yield dnf.dnf("module reset", module)
    yield dnf.dnf("module enable", f"{module}:{stream}")
