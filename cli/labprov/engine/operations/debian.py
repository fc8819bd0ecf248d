"""Packages of Debian's family: what ``packages`` asks of a package manager, by apt and dpkg."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra import host
from pyinfra.api import StringCommand

from labprov.engine.facts.packages import (
    HalfInstalledPackages,
    HeldPackages,
    InstalledPackages,
    InterruptedPackages,
    PackageListsAge,
)
from labprov.engine.operations import Commands, apt

LISTS_MAX_AGE = 24 * 3600
"""Seconds after which package lists are fetched anew before something is installed."""


class Debian:
    """A ``PackageManager``."""

    def installed(self, names: Sequence[str]) -> dict[str, str]:
        """By dpkg."""
        found: dict[str, str] = host.get_fact(InstalledPackages, packages=tuple(sorted(names)))
        return found

    def unfinished(self, names: Sequence[str]) -> dict[str, str]:
        """Those that dpkg did not configure."""
        found: dict[str, str] = host.get_fact(HalfInstalledPackages, packages=tuple(sorted(names)))
        return found

    def missing(self, specs: Sequence[str], installed: dict[str, str]) -> list[str]:
        """As apt compares."""
        return apt.missing(specs, installed)

    def held(self) -> list[str]:
        """What apt-mark says."""
        found: list[str] = host.get_fact(HeldPackages)
        return found

    def loose(self, installed: dict[str, str]) -> list[str]:
        """A hold of apt is at whatever version is there."""
        return sorted(set(installed) - set(self.held()))

    def ready(self) -> Commands:
        """Repair, and fetch lists that are old."""
        yield from self.repair()
        if host.get_fact(PackageListsAge) > LISTS_MAX_AGE:
            yield apt.update()

    def repair(self) -> Commands:
        """Configure what an interrupted dpkg left."""
        if host.get_fact(InterruptedPackages):
            yield apt.repair()

    def give_up(self, names: Sequence[str]) -> Commands:
        """A package whose own script fails must not keep apt from removing it."""
        yield StringCommand(apt.repair(), "||", "true")

    def change(self, install: Sequence[str], remove: Sequence[str], recommends: bool) -> Commands:
        """By one ``apt-get install``: ``name-`` removes."""
        exact = [spec for spec in install if "=" in spec and "*" not in spec]
        if exact:
            yield apt.know(exact)
        options = [] if recommends else ["--no-install-recommends"]
        options += ["--allow-downgrades", "--allow-change-held-packages"]
        yield apt.apt_get("install", *install, *(f"{name}-" for name in remove), options=options)

    def together(self, version: str, command: StringCommand) -> StringCommand:
        """On its own apt would take dependencies at their newest."""
        return apt.together(version, command)

    def remove(self, names: Sequence[str], purge: bool) -> Commands:
        """By apt-get."""
        yield apt.apt_get("purge" if purge else "remove", *names, options=["--allow-change-held-packages"])

    def hold(self, names: Sequence[str], installed: dict[str, str]) -> Commands:
        """By apt-mark."""
        yield apt.mark("hold", names)

    def release(self, names: Sequence[str]) -> Commands:
        """By apt-mark."""
        yield apt.mark("unhold", names)

    def update_source(self, source: str) -> StringCommand:
        """Only that source's lists."""
        return apt.update_source(source)
