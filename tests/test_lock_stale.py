"""Where a lock is behind the times: one line each, with what to do, and silence when it is not. No host."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from labprov import deploy, inventory, plan
from labprov.compat import tables
from labprov.engine.facts.board import Machine
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.lock import classes, file, stale
from labprov.lock.ask import Versions
from labprov.lock.follow import follow
from labprov.lock.model import Entry, HostClass, Section, Tables
from labprov.lock.profile import Profile
from labprov.lock.run import Locking

TOOLKIT = {"docker-ce": "5:29.0.4-1"}
HOW = "(labprov lock gpu-node --upgrade docker)"


def profile(device: str, version: str = "12") -> Profile:
    return Profile(System("debian", version, "x"), (Gpu("0000:21:00.0", device, ""),), Machine())


class Told:
    """A session whose hosts say what their repositories offer."""

    def __init__(self, **offers: Versions) -> None:
        self.offers = offers

    def each(self, work, names):
        def get_fact(fact, packages):
            return {
                name: self.offers[name.replace("-", "_")] for name in packages if name.replace("-", "_") in self.offers
            }

        return {name: work(SimpleNamespace(name=name, get_fact=get_fact)) for name in names}


@pytest.fixture
def locking(tmp_path: Path):
    def make(entry: Entry, role: str = "docker", now: Profile | None = None, text: str = "hosts: [gpu1, gpu2]"):
        path = tmp_path / "lab.yml"
        path.write_text(text)
        mark = Tables(collected="2026-11-22", sha256="a" * 64)
        what = classes.hardware(profile("20b0"), tables.load())
        one = HostClass(**what.model_dump(), tables=mark, roles={role: entry}).sealed()
        name = classes.name_of(what)
        section = Section(classes={name: one}, hosts={"gpu1": name, "gpu2": name})
        file.update(file.load(path), lambda now: section)
        loaded = inventory.load(path)
        made = Locking(plan.make(deploy.load("gpu-node"), loaded, tuple(loaded.hosts.values()), [role]))
        made.profiles = {"gpu1": now or profile("20b0"), "gpu2": profile("20b0")}
        made.hardware = {host: classes.hardware(each, made.tables) for host, each in made.profiles.items()}
        made.followed = follow(made.base, made.lock, made.hardware)
        return made

    return make


DOCKER = Entry(settings={"source": "vendor", "version": "5:29.0.4-1"}, packages=TOOLKIT)


def test_a_lock_that_is_as_it_would_be_made_today_says_nothing(locking):
    fine = Told(docker_ce=Versions("5:29.0.4-1", ("5:29.1.0-1", "5:29.0.4-1")))
    assert stale.lines(locking(DOCKER), fine) == []
    assert stale.lines(locking(DOCKER), Told()) == []  # a bare host knows no repository yet


@pytest.mark.parametrize("installed", ["", "5:29.0.4-1"])
def test_a_version_that_nobody_offers_any_more(locking, installed):
    assert stale.lines(locking(DOCKER), Told(docker_ce=Versions(installed, ("5:29.1.0-1",)))) == [
        "gpu1, gpu2: docker: docker-ce 5:29.0.4-1 is no longer offered by the repository: a new host could not get it "
        + HOW
    ]


def test_lists_that_are_older_than_the_lock_are_no_reason(locking):
    """As between ``lock --upgrade`` and the apply that follows it."""
    assert stale.lines(locking(DOCKER), Told(docker_ce=Versions("5:28.5.2-1", ("5:28.5.2-1",)))) == []


def test_a_host_that_is_another_by_now(locking):
    fine = Told(docker_ce=Versions("5:29.0.4-1", ("5:29.0.4-1",)))
    (line,) = stale.lines(locking(DOCKER, now=profile("2b85")), fine)
    assert line.startswith("gpu1: is no longer what debian12-a100-sxm4-40gb was locked for, but debian12-rtx-5090: ")
    assert len(stale.lines(locking(DOCKER, now=profile("20b0", "13")), fine)) == 1


def test_what_todays_tables_would_choose(locking):
    entry = Entry(settings={"source": "vendor", "branch": 570, "flavour": "open"})
    told = stale.lines(locking(entry, "nvidia_driver"), Told())
    assert [line.partition(" (")[0] for line in told] == [
        "gpu1, gpu2: nvidia_driver: branch 570 is locked, today's labprov would choose 580",
        "gpu1, gpu2: nvidia_driver: branch 570 reached its end of life on 2026-01-27",
    ]
