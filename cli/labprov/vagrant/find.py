"""From the folder of a Vagrantfile to its machines: remembered while that is true, asked of Vagrant otherwise."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from labprov.errors import UserError, Where
from labprov.vagrant.hostkeys import fetch
from labprov.vagrant.memory import Memory
from labprov.vagrant.output import Machine
from labprov.vagrant.program import Vagrant


def find(folder: Path, where: Where) -> tuple[tuple[Machine, ...], Path]:
    """The machines of the Vagrantfile in ``folder``, and the known_hosts that has the keys of those that run.

    ``where`` is the place that named the folder. Raises UserError when Vagrant cannot be asked, or knows no machine.
    """
    memory = Memory(folder)
    kept, unchanged = memory.read()
    if not (unchanged and any(machine.running for machine in kept) and all(map(_as_remembered, kept))):
        kept = _ask(Vagrant(folder, where), memory, kept)
        try:
            memory.write(kept)
        except OSError as error:
            text = f"the machines' host keys cannot be kept in {memory.file.parent}: {error.strerror}"
            raise UserError(text, where, "whoever ran `vagrant up` should run labprov") from None
    return tuple(kept), memory.known_hosts


def _as_remembered(machine: Machine) -> bool:
    """Whether a machine that ran still answers. One that was stopped may have been started: that is asked."""
    if machine.way is None:
        return not machine.created
    try:
        socket.create_connection((machine.way.address, machine.way.port), timeout=2).close()
    except OSError:
        return False
    return True


def _ask(vagrant: Vagrant, memory: Memory, before: Sequence[Machine]) -> list[Machine]:
    found = vagrant.machines()
    if not found:
        raise UserError(f"the Vagrantfile in {vagrant.folder} has no machine", vagrant.where)
    ways = vagrant.ways(machine.name for machine in found.values() if machine.running)
    known = {(machine.name, machine.provider, machine.identity): machine.host_keys for machine in before}
    machines = []
    for machine in found.values():
        identity = memory.identity(machine.name, machine.provider)
        way = ways.get(machine.name)
        keys = known.get((machine.name, machine.provider, identity), ()) if identity else ()
        if way and not keys:
            keys = fetch(machine.name, way, vagrant.where)
        machines.append(replace(machine, identity=identity, way=way, host_keys=keys))
    return machines
