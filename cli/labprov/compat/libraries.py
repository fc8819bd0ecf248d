"""cuDNN, NCCL and DCGM: which packages go with a toolkit or a driver, and where there are none. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labprov.compat import toolkits
from labprov.compat.gpus import GpuModel
from labprov.compat.request import number
from labprov.compat.rows import Branch, Library
from labprov.compat.tables import Tables
from labprov.errors import HostError


def with_toolkit(name: str, version: str, cards: Sequence[GpuModel], rpm: bool, tables: Tables) -> tuple[str, ...]:
    """The packages of a library for one toolkit, as ``name`` or ``name=PATTERN``.

    + version: of the toolkit
    + cards: of the host; those that the toolkit cannot build for do not count
    + rpm: whether packages are named as RHEL's family does

    Raises HostError when there is no such library for the toolkit or the cards.
    """
    library, major = tables.libraries[name], version.partition(".")[0]
    _require_major(name, library, major, f"CUDA {version}")
    toolkit = tables.toolkits.get(version)
    served = [card for card in cards if toolkit is None or not toolkits.dropped(card, toolkit)]
    pattern = _built_with(version) if library.cuda else _last_for(served, library)
    return tuple(f"{package}={pattern}" if pattern else package for package in _packages(library, major, rpm))


def with_driver(name: str, branch: int, cards: Sequence[GpuModel], rpm: bool, tables: Tables) -> tuple[str, ...]:
    """The packages of a library for a driver: of its CUDA major, and of the last that builds for each of the cards.

    Raises HostError when there are none for the driver.
    """
    library, row = tables.libraries[name], tables.branches[branch]
    driver = row.max_cuda.partition(".")[0]
    _require_major(name, library, driver, f"driver branch {branch} (CUDA {row.max_cuda})")
    wanted = [major for major in _majors(cards, row, tables) if major in library.majors]
    return tuple(dict.fromkeys(package for major in wanted for package in _packages(library, major, rpm)))


def excluded(name: str, version: str, rpm: bool, tables: Tables) -> tuple[str, ...]:
    """The packages that must not be beside those for the toolkit: of other major versions, of an older generation."""
    library, major = tables.libraries[name], version.partition(".")[0]
    others = (package for other in library.majors if other != major for package in _packages(library, other, rpm))
    own = _packages(library, major, rpm)
    return (*(package for package in others if package not in own), *library.replaces)


def unseen(name: str, system: str, tables: Tables) -> str:
    """What to say where no source shows the library in NVIDIA's repository; empty where it was seen."""
    library = tables.libraries[name]
    if system not in library.unseen:
        return ""
    return f"{library.title} was not seen in {tables.systems[system].drivers['vendor'].title} yet"


def _require_major(name: str, library: Library, major: str, what: str) -> None:
    if major not in library.majors:
        known = " and ".join(library.majors)
        more = f"compat.libraries.{name}.majors in the inventory adds one"
        raise HostError(f"no {library.title} goes with {what}: it is packaged for CUDA {known} ({more})")


def _majors(cards: Iterable[GpuModel], row: Branch, tables: Tables) -> list[str]:
    """Newest first. A driver runs its own and older ones, but an old card has no code of the newest."""
    newest = int(row.max_cuda.partition(".")[0])
    lasts = (toolkits.last_for(card, tables) for card in cards)
    found = {newest, *(min(newest, number(last)[0]) for last in lasts if last)}
    return [str(major) for major in sorted(found, reverse=True)]


def _packages(library: Library, major: str, rpm: bool) -> list[str]:
    return [package.format(major) for package in (library.rpm if rpm else library.deb)]


def _built_with(version: str) -> str:
    """Versions built with the toolkit's CUDA or an older one of the same major; apt and dnf take the newest that fits.

    A minor version has one digit. The parts before are version and release, which dnf matches one by one; of a range
    like ``[0-8]`` it would take the dash for what parts them.
    """
    major, minor = version.split(".")
    return f"*-*+cuda{major}.[{'0123456789'[: int(minor) + 1]}]"


def _last_for(cards: Sequence[GpuModel], library: Library) -> str:
    """A pattern of the newest version that has code for every card; empty: the newest of all."""
    for version, oldest in library.versions.items():
        old = [card for card in cards if card.capability and number(card.capability) < number(oldest)]
        if not old:
            return "" if version == "newest" else f"{version}.*"
    if library.versions:
        raise HostError(f"no {library.title} has code for {old[0].name}")
    return ""
