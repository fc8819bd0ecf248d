"""The machines of a Vagrantfile as hosts of an inventory: ``vagrant: FOLDER`` at its top. Asks ``labprov.vagrant``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from labprov import vagrant
from labprov.errors import UserError, Where
from labprov.inventory.names import did_you_mean, is_name
from labprov.inventory.schema import ALL, HostEntry, Written
from labprov.inventory.tree import Leaf, Map
from labprov.vagrant.output import NOT_CREATED


def added(written: Written, folder: Path) -> tuple[Written, Mapping[str, str]]:
    """Give the inventory with Vagrant's machines as hosts, and the machines that do not run with their states.

    ``folder`` is the inventory's. Raises UserError when Vagrant cannot be asked, and for a host that is no machine.
    """
    if written.vagrant is None:
        return written, {}
    where = written.vagrant.where
    found, known_hosts = vagrant.find((folder / Path(written.vagrant.value).expanduser()).resolve(), where)
    names = [machine.name for machine in found]
    for entry in written.mentions():
        if entry.name not in names:
            hint = did_you_mean(entry.name, names, f"its machines: {', '.join(names)}")
            raise UserError(f"the Vagrantfile has no machine {entry.name!r}", entry.where, hint)
    for name in names:
        if name in written.groups or name == ALL or not is_name(name):
            raise UserError(f"the machine {name!r} of Vagrant cannot be a host of that name", where, "rename it")
    entries = tuple(HostEntry(machine.name, where, _body(machine, known_hosts, where)) for machine in found)
    return replace(written, machines=entries), {m.name: m.state for m in found if not m.running}


def not_running(names: Sequence[str], states: Mapping[str, str], where: Where) -> UserError:
    """The mistake of asking for machines that do not run; without ``names``, of having none."""
    if not names:
        return UserError("no machine of the Vagrantfile is created", where, "`vagrant up` in its folder")
    told = "; ".join(f"the machine {name!r} is {_state(states[name])}" for name in names)
    return UserError(told, where, f"`vagrant up {' '.join(names)}` in the Vagrantfile's folder, or leave out with -l")


def _state(word: str) -> str:
    return "not created" if word == NOT_CREATED else f"stopped (Vagrant says {word})"


def _body(machine: vagrant.Machine, known_hosts: Path, where: Where) -> Map:
    """What Vagrant says of a machine as connection keys."""
    if machine.way is None:
        return Map({}, where)
    way = machine.way
    values = {"address": way.address, "port": way.port, "user": way.user, "known_hosts": str(known_hosts)}
    if way.keys:
        values["key"] = way.keys[0]
    return Map({key: Leaf(value, where) for key, value in values.items()}, where)
