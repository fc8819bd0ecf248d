"""What was found out about machines, in ``.vagrant/labprov``: machines.json and known_hosts. Decides nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labprov.vagrant.hostkeys import known_hosts
from labprov.vagrant.output import Machine, Way

_WRITTEN_BY_ASKING = ("vagrant_cwd",)


class Memory:
    """The memory of one Vagrantfile's folder. A lost or damaged file costs asking again, nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / os.environ.get("VAGRANT_DOTFILE_PATH", ".vagrant")
        """Vagrant's own folder; labprov's part goes when somebody deletes it."""
        self.file = self.data / "labprov" / "machines.json"
        self.known_hosts = self.data / "labprov" / "known_hosts"

    def mark(self) -> list[list[Any]]:
        """What changes when the Vagrantfile does, or when Vagrant makes, destroys or starts a machine."""
        files = [self.folder / "Vagrantfile", *self.folder.glob("*.y*ml")]
        files += [file for file in self.data.glob("machines/*/*/*") if file.name not in _WRITTEN_BY_ASKING]
        return [[str(file), *_age(file)] for file in sorted(files)]

    def identity(self, name: str, provider: str) -> str:
        """The provider's identity of a machine; empty when it is not created."""
        try:
            return (self.data / "machines" / name / provider / "id").read_text().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def read(self) -> tuple[list[Machine], bool]:
        """The machines as they were, and whether nothing of Vagrant's has changed since."""
        try:
            kept = json.loads(self.file.read_text())
            found = [_machine(values) for values in kept["machines"]]
        except (OSError, ValueError, KeyError, TypeError):
            return [], False
        return found, kept.get("mark") == self.mark() and self.known_hosts.is_file()

    def write(self, machines: Iterable[Machine]) -> None:
        """Keep ``machines``, and the host keys that they have."""
        found = list(machines)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        _replace(self.known_hosts, known_hosts(found))
        text = json.dumps({"mark": self.mark(), "machines": [asdict(machine) for machine in found]}, indent=1)
        _replace(self.file, text + "\n")


def _machine(values: dict[str, Any]) -> Machine:
    way = values["way"]
    kept = Way(way["address"], int(way["port"]), way["user"], tuple(way["keys"])) if way else None
    return Machine(**values | {"way": kept, "host_keys": tuple(values["host_keys"])})


def _age(file: Path) -> list[int]:
    try:
        about = file.stat()
    except OSError:
        return []
    return [about.st_mtime_ns, about.st_size]


def _replace(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(file)
