"""Which packages of cuDNN and NCCL a server gets, or why none. Pure: knows no host.

One of each, for the default toolkit. Their headers and libraries lie where every compiler and every program looks, and
the builds for two major versions of CUDA have one name: a program that finds the other one aborts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labprov.compat import libraries as compat
from labprov.compat import tables
from labprov.compat.gpus import GpuModel
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.cuda.settings import Settings
from labprov_roles.cuda.toolkits import Toolkits


@dataclass(frozen=True, slots=True)
class Libraries:
    """What to install beside the toolkits, and what somebody should know of it."""

    packages: tuple[str, ...] = ()
    """As ``name`` or ``name=PATTERN``."""
    instead: tuple[str, ...] = ()
    """Packages that they take the place of: the same for another major version of CUDA."""
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The packages without their versions."""
        return tuple(spec.partition("=")[0] for spec in self.packages)


def libraries(settings: Settings, wanted: Toolkits, system: System, gpus: Sequence[Gpu]) -> Libraries:
    """Decide on the packages. Raises HostError when there are none for the toolkit or the cards."""
    known, asked, rpm = tables.of(settings.compat), asked_for(settings), system.family == "rhel"
    cards: list[GpuModel] = [card for gpu in gpus if (card := known.card(gpu.device))]
    try:
        packages = [spec for name in asked for spec in compat.with_toolkit(name, wanted.default, cards, rpm, known)]
    except HostError as error:
        raise HostError(f"{error}; the default toolkit decides, which is CUDA {wanted.default}") from None
    unseen = (text for name in asked if (text := compat.unseen(name, system.name, known)))
    instead = (package for name in asked for package in compat.excluded(name, wanted.default, rpm, known))
    return Libraries(tuple(packages), tuple(instead), (*unseen, *_others(asked, wanted)))


def asked_for(settings: Settings) -> list[str]:
    """Rows of the table that the settings name."""
    return [name for name, wanted in {"cudnn": settings.cudnn, "nccl": settings.nccl}.items() if wanted]


def _others(asked: Sequence[str], wanted: Toolkits) -> Iterator[str]:
    major = _major(wanted.default)
    others = sorted({version for version in wanted.versions if _major(version) != major})
    if asked and others:
        yield (
            f"{' and '.join(asked)} {'are' if len(asked) > 1 else 'is'} for CUDA {major}, as the default toolkit is: "
            f"programs built with CUDA {', '.join(others)} take theirs from a Python environment or a container"
        )


def _major(version: str) -> str:
    return version.partition(".")[0]
