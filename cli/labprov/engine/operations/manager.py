"""The one place that chooses a package manager: by the family of the host's system.

What the managers have in common, so that ``packages`` and ``repository`` have no branches. Not command lines: ``apt``
and ``dnf`` build those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pyinfra import host
from pyinfra.api import OperationError, StringCommand

from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.operations import Commands
from labprov.engine.operations.debian import Debian
from labprov.engine.operations.rhel import Rhel

DNF_4 = ("rhel8", "rhel9", "rhel10")
"""RHEL and its rebuilds. Fedora is of the family too, but its dnf 5 has other commands."""


class PackageManager(Protocol):
    """What operations on packages need of a family. Each method reads facts of the host in context."""

    def installed(self, names: Sequence[str]) -> dict[str, str]:
        """Versions of those of the named packages (``*`` allowed) that are installed."""

    def unfinished(self, names: Sequence[str]) -> dict[str, str]:
        """Versions of those of the named packages that are there in part, and so not ``installed``."""

    def missing(self, specs: Sequence[str], installed: dict[str, str]) -> list[str]:
        """Those of the specs (``name`` or ``name=version``) that the installed versions do not satisfy."""

    def held(self) -> list[str]:
        """Names of the packages that are held."""

    def loose(self, installed: dict[str, str]) -> list[str]:
        """Those of the installed packages that are not held, or held at another version than is there."""

    def ready(self) -> Commands:
        """Bring the package manager into a state in which an installation can begin."""

    def repair(self) -> Commands:
        """Finish what an interrupted run left."""

    def give_up(self, names: Sequence[str]) -> Commands:
        """The same as far as it goes, before the packages that cannot be finished are removed."""

    def change(self, install: Sequence[str], remove: Sequence[str], recommends: bool) -> Commands:
        """Install specs and remove packages in one transaction."""

    def together(self, version: str, command: StringCommand) -> StringCommand:
        """The command with dependencies taken at exactly this version where they have it."""

    def remove(self, names: Sequence[str], purge: bool) -> Commands:
        """Remove installed packages."""

    def hold(self, names: Sequence[str], installed: dict[str, str]) -> Commands:
        """Hold packages at their installed versions."""

    def release(self, names: Sequence[str]) -> Commands:
        """Release packages from being held."""

    def update_source(self, source: str) -> StringCommand:
        """Fetch the lists of one source file."""


def package_manager() -> PackageManager:
    """Return the manager of the host in context. Raises OperationError for a family that is not known."""
    system: System = host.get_fact(OperatingSystem)
    if system.family == "debian":
        return Debian()
    if system.name in DNF_4:
        return Rhel()
    raise OperationError(
        f"packages on {system.id} {system.version} are not supported yet: Debian, Ubuntu, RHEL and its rebuilds are"
    )
