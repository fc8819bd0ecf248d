"""Packages of RHEL's family: what ``packages`` asks of a package manager, by dnf and rpm.

pyinfra 3.10's ``dnf.packages`` asks rpm once for each package and knows no version locks; its ``dnf.repo`` downloads
the vendor's file, whose ``gpgkey`` dnf then imports unseen when it must not ask.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra import host
from pyinfra.api import StringCommand

from labprov.engine.facts.rpm import CutOffUpgrades, InstalledRpms, MetadataAge, VersionLocks
from labprov.engine.operations import Commands, dnf

METADATA_MAX_AGE = 24 * 3600
"""Seconds after which metadata is fetched anew before something is installed."""

# A lock would hide every other version; without the plugin, whoever names a package changes it.
_UNLOCKED = "--disableplugin=versionlock"


class Rhel:
    """A ``PackageManager``."""

    def installed(self, names: Sequence[str]) -> dict[str, str]:
        """By rpm; with them what can stand in for them."""
        asked = {*names, *(dnf.STAND_INS[name] for name in names if name in dnf.STAND_INS)}
        found: dict[str, str] = host.get_fact(InstalledRpms, packages=tuple(sorted(asked)))
        return found

    def unfinished(self, names: Sequence[str]) -> dict[str, str]:
        """Rpm installs a package or does not."""
        return {}

    def missing(self, specs: Sequence[str], installed: dict[str, str]) -> list[str]:
        """As dnf compares."""
        return dnf.missing(specs, installed)

    def held(self) -> list[str]:
        """What has an entry in versionlock's list."""
        entries: list[str] = host.get_fact(VersionLocks)
        return sorted({dnf.locked_name(entry) for entry in entries})

    def loose(self, installed: dict[str, str]) -> list[str]:
        """A lock is at one version: after a change by hand it is at the wrong one."""
        entries: list[str] = host.get_fact(VersionLocks)
        return sorted(name for name, versions in installed.items() if not {*_locks(name, versions)} <= {*entries})

    def ready(self) -> Commands:
        """Repair, and fetch metadata that is old."""
        yield from self.repair()
        if host.get_fact(MetadataAge) > METADATA_MAX_AGE:
            yield dnf.dnf("makecache", options=["--refresh"])

    def repair(self) -> Commands:
        """Remove the old versions that a cut-off dnf left beside the new ones; nothing else of it stops dnf."""
        if replaced := host.get_fact(CutOffUpgrades):
            yield from dnf.finish(replaced)

    def give_up(self, names: Sequence[str]) -> Commands:
        """Nothing is ever half there."""
        yield from ()

    def change(self, install: Sequence[str], remove: Sequence[str], recommends: bool) -> Commands:
        """By ``dnf install``, or by ``dnf.exchange`` when something goes in the same transaction."""
        options = [] if recommends else ["--setopt=install_weak_deps=False"]
        if not remove:
            yield dnf.dnf("install", *map(dnf.spec, install), options=[*options, _UNLOCKED])
        elif not install:
            yield from self.remove(remove, purge=False)
        else:
            yield from dnf.exchange(install, remove, options=[*options, _UNLOCKED])

    def together(self, version: str, command: StringCommand) -> StringCommand:
        """Dnf looks for dependencies that fit by itself."""
        return command

    def remove(self, names: Sequence[str], purge: bool) -> Commands:
        """By dnf; what they alone needed stays, as it does with apt."""
        yield dnf.dnf("remove", *names, options=["--noautoremove", _UNLOCKED])

    def hold(self, names: Sequence[str], installed: dict[str, str]) -> Commands:
        """By versionlock, whose plugin is not part of a minimal system."""
        if not host.get_fact(InstalledRpms, packages=(dnf.VERSIONLOCK,)):
            yield dnf.dnf("install", dnf.VERSIONLOCK)
        wrong = [name for name in names if name in self.held()]
        if wrong:
            yield from self.release(wrong)
        yield dnf.add_locks([entry for name in names for entry in _locks(name, installed[name])])

    def release(self, names: Sequence[str]) -> Commands:
        """By versionlock."""
        yield dnf.dnf("versionlock delete", *names)

    def update_source(self, source: str) -> StringCommand:
        """The repository has its file's name."""
        return dnf.makecache(source.rpartition("/")[2].removesuffix(".repo"))


def _locks(name: str, versions: str) -> list[str]:
    return [dnf.exactly(name, version) for version in versions.split()]
