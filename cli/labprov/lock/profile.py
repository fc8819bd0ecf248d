"""What a host is, as far as a lock depends on it: system, cards, board. Not what is installed on it."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api import Host

from labprov.engine.facts.board import Board, Machine
from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.system import OperatingSystem, System


@dataclass(frozen=True, slots=True)
class Profile:
    """One host."""

    system: System
    gpus: tuple[Gpu, ...]
    machine: Machine


COMMANDS = tuple(fact().command() for fact in (OperatingSystem, NvidiaGpus, Board))
"""What ``ask`` asks, so that a run may ask it along with everything else."""


def ask(host: Host) -> Profile:
    """Find out what the host is."""
    system, gpus = host.get_fact(OperatingSystem), host.get_fact(NvidiaGpus)
    return Profile(system, tuple(gpus), host.get_fact(Board))
