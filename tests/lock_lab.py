"""What tests of the lock share: hardware, entries, and an inventory with a lock beside it. No host."""

from __future__ import annotations

import textwrap
from pathlib import Path

from labprov import deploy, inventory, plan
from labprov.compat import tables
from labprov.engine.facts.board import Machine
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.lock import classes, file
from labprov.lock.follow import follow
from labprov.lock.model import Entry, HostClass, Section, Tables
from labprov.lock.profile import Profile

TABLES = tables.load()
MARK = Tables(collected="2026-11-22", sha256="a" * 64)
DRIVER = Entry(
    settings={"source": "vendor", "branch": 580, "flavour": "open", "version": "580.178.04"},
    packages={"nvidia-driver-cuda": "580.178.04-1", "nvidia-kernel-open-dkms": "580.178.04-1"},
)
DOCKER = Entry(settings={"source": "vendor", "version": "5:29.0.4-1~d"}, packages={"docker-ce": "5:29.0.4-1~d"})


def profile(*devices: str, system: str = "12", **machine) -> Profile:
    gpus = tuple(Gpu(f"0000:{number}1:00.0", device, "") for number, device in enumerate(devices))
    return Profile(System("debian", system, "bookworm"), gpus, Machine(**machine))


A100, P100, RTX_5090 = profile("20b0"), profile("15f8"), profile("2b85")


def host_class(what: Profile = A100, **roles: Entry) -> HostClass:
    return HostClass(**classes.hardware(what, TABLES).model_dump(), tables=MARK, roles=roles).sealed()


class Lab:
    """An inventory with a lock beside it."""

    def __init__(self, folder: Path, text: str, **classes: HostClass) -> None:
        self.path = folder / "lab.yml"
        self.path.write_text(textwrap.dedent(text))
        self.base = plan.make(
            deploy.load("gpu-node"), loaded := inventory.load(self.path), tuple(loaded.hosts.values())
        )
        hosts = {name: f"debian12-{name}" for name in classes}
        section = Section(classes={f"debian12-{name}": one for name, one in classes.items()}, hosts=hosts)
        self.lock = file.load(self.path)
        if classes:
            file.update(self.lock, lambda now: section)
        self.lock = file.load(self.path)

    def settings(self, host: str, role: str, **profiles: Profile):
        hardware = {name: classes.hardware(one, TABLES) for name, one in profiles.items()}
        followed = follow(self.base, self.lock, hardware).plan
        return next(settings for its, settings in followed.of_host(host) if its.name == role)


def newer(entry: Entry = DRIVER) -> Entry:
    return Entry(
        settings={**entry.settings, "version": "580.200.01"}, packages=dict.fromkeys(entry.packages, "580.200.01-1")
    )
