"""Which installed packages have to come along when a driver changes its branch, flavour or source. Pure.

All that belongs to a driver changes in one transaction: what has a counterpart moves to it, what has none goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from labprov.compat.rows import Source
from labprov_roles.nvidia_driver.facts_packages import Package

_NUMBERED = re.compile(r"-([0-9]{3})(?:-|$)")


@dataclass(frozen=True, slots=True)
class Target:
    """What a driver's packages are to be."""

    source: Source
    branch: int
    pattern: str
    """Of their versions: ``580.*`` or ``580.178.04-*``."""


@dataclass(frozen=True, slots=True)
class Moves:
    """What to add to the transaction that installs the wanted packages."""

    install: tuple[str, ...] = ()
    """``name=version``."""
    remove: tuple[str, ...] = ()


def expand(patterns: Iterable[str], installed: Iterable[Package]) -> list[str]:
    """The installed packages that the names and patterns mean, sorted."""
    names = [package.name for package in installed]
    return sorted({name for pattern in patterns for name in names if fnmatchcase(name, pattern)})


def unfit(installed: Sequence[Package], target: Target) -> list[Package]:
    """Those that are of another branch, version or source."""
    return [
        package
        for package in installed
        if package.source != target.source
        or _of_another_branch(package.name, target.branch)
        or not fnmatchcase(package.version, target.pattern)
    ]


def moves(others: Sequence[Package], settled: Iterable[str], candidates: Mapping[str, str], target: Target) -> Moves:
    """What becomes of the packages ``others``.

    + settled: names that the transaction deals with already
    + candidates: what apt would install by the preferences in force

    A package of the wanted source with a version of its own, like Debian's nvidia-persistenced, stays.
    """
    done, install, remove = {*settled}, [], []
    for package in others:
        candidate = candidates.get(package.name, "")
        if package.name in done:
            continue
        if _of_another_branch(package.name, target.branch):
            remove.append(package.name)
        elif candidate and candidate != package.version:
            install.append(f"{package.name}={candidate}")
        elif package.source != target.source:
            remove.append(package.name)
    return Moves(tuple(sorted(install)), tuple(sorted(remove)))


def _of_another_branch(name: str, branch: int) -> bool:
    """Ubuntu's names and Debian's legacy packages carry the branch."""
    found = _NUMBERED.search(name)
    return found is not None and int(found[1]) != branch
