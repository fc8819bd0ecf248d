"""The Docker daemon of a host, put together from facts that are asked along with others of their kind."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyinfra import host

from labprov.engine.facts.units import Unit, Units
from labprov.engine.operations.manager import package_manager
from labprov_roles.docker.facts import DockerdSays, DockerProgram, Program

UNIT = "docker.service"
PACKAGES = ("docker-ce", "docker.io")
"""Those that dockerd comes in."""


@dataclass(frozen=True)
class Engine:
    """The Docker daemon of a host."""

    version: str = ""
    """Like ``26.1.5+dfsg1``; empty when dockerd is not installed."""
    active: bool = False
    """Whether docker.service runs now."""
    enabled: bool = False
    """Whether it starts at boot."""
    due: str = ""
    """What the running daemon still needs to take up its configuration: ``reload``, ``restart`` or nothing."""

    @property
    def major(self) -> int:
        """The first number of the version; 0 when dockerd is not installed."""
        found = re.match(r"\d+", self.version)
        return int(found.group()) if found else 0

    @property
    def validates(self) -> bool:
        """Whether ``dockerd --validate`` exists: https://docs.docker.com/engine/release-notes/23.0/."""
        return self.major >= 23


def engine_now() -> Engine:
    """The ``Engine`` of the host in context.

    Its package tells the version: to start dockerd takes as long as a tenth of all facts. One that was put elsewhere by
    hand tells for itself.
    """
    program: Program = host.get_fact(DockerProgram)
    units: dict[str, Unit] = host.get_fact(Units, units=(UNIT,))
    installed = package_manager().installed(PACKAGES)
    package = next((installed[name] for name in PACKAGES if name in installed), "") if program.packaged else ""
    said = host.get_fact(DockerdSays) if program.path and not package else ""
    return engine(program, package or said, units.get(UNIT, Unit()))


def engine(program: Program, version: str, unit: Unit) -> Engine:
    """What these say of the daemon; ``version`` may have a package's epoch."""
    active = unit.active in ("active", "reloading")
    due = next(
        (mark for mark in ("restart", "reload") if active and unit.run and program.marks.get(mark) == unit.run), ""
    )
    return Engine(re.sub(r"^\d+:", "", version), active, unit.enabled == "enabled", due)
