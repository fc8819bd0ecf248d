"""What ``labprov explain HOST`` tells of the lock, in words and as JSON. No host."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from labprov import explain, explain_hosts, explain_lock, inventory
from labprov.compat import cards, tables
from labprov.compat.request import Policy, Request
from labprov.compat.resolve import resolve
from labprov.engine.facts.board import Board, Machine
from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.system import OperatingSystem, System
from labprov.errors import UserError
from labprov.lock import classes, file
from labprov.lock.ask import PackageVersions, Versions
from labprov.lock.model import Entry, HostClass, Section, Tables
from labprov.lock.profile import Profile

A100 = Profile(System("debian", "12", "bookworm"), (Gpu("0000:21:00.0", "20b0", ""),), Machine())
OLD = Entry(
    settings={"source": "vendor", "branch": 570, "flavour": "open"},
    packages={"nvidia-driver-cuda": "570.211.01-1"},
)
BEHIND = "nvidia_driver: branch 570 is locked, today's labprov would choose 580"


class Answering:
    """A session whose hosts are A100 servers, and whose repository has newer drivers only."""

    names = ("gpu1",)

    def each(self, work, names=None):
        known = {
            OperatingSystem: A100.system,
            NvidiaGpus: list(A100.gpus),
            Board: A100.machine,
            PackageVersions: {"nvidia-driver-cuda": Versions("", ("580.178.04-1",))},
        }
        hosts = [SimpleNamespace(name=name, get_fact=lambda fact, **_: known[fact]) for name in names or self.names]
        return {host.name: work(host) for host in hosts}


@pytest.fixture
def held(tmp_path: Path):
    def of(*locked: Entry, text: str = "hosts: [gpu1]") -> explain_lock.Held:
        path = tmp_path / "lab.yml"
        path.write_text(text)
        what = classes.hardware(A100, tables.load())
        mark = Tables(collected="2026-11-22", sha256="a" * 64)
        one = HostClass(**what.model_dump(), tables=mark, roles={"nvidia_driver": locked[0]} if locked else {}).sealed()
        section = Section(classes={"debian12-a100": one}, hosts={"gpu1": "debian12-a100"}) if locked else Section()
        file.update(file.load(path), lambda _: section)
        loaded = inventory.load(path)
        return explain_lock.held(explain_lock.locking(loaded, loaded.select(())), Answering())["gpu1"]

    return of


def test_what_is_locked_and_what_would_be_decided_today(held):
    lines = list(held(OLD).lines())
    assert lines[0] == (
        "lock (debian12-a100): nvidia_driver: source vendor, branch 570, flavour open, nvidia-driver-cuda=570.211.01-1"
    )
    assert f"lock is behind: {BEHIND} (labprov lock DEPLOY --upgrade nvidia_driver)" in lines
    assert any("570.211.01-1 is no longer offered" in line for line in lines)


def test_nothing_is_behind_while_both_say_the_same(held):
    entry = OLD.model_copy(update={"settings": {**OLD.settings, "branch": 580}, "packages": {}})
    assert [line for line in held(entry).stale if "end of life" not in line] == []  # which depends on the day


def test_nothing_is_locked(held):
    assert list(held().lines()) == ["lock: nothing is locked for it"]


def test_a_contradiction_is_the_users_error(held):
    with pytest.raises(UserError, match="contradicts"):
        held(OLD, text="settings: {nvidia_driver: {branch: 580}}\nhosts: [gpu1]")


def test_json_has_lock_and_state_as_the_text_has(held, capsys):
    found = held(OLD)
    told = {"gpu1": explain_hosts._told(found, ["lab: PyTorch 2.14"], ["driver loaded: none; library: none"])}
    assert list(explain_hosts._text(found, told["gpu1"])) == [
        *found.lines(),
        "environment lab: PyTorch 2.14",
        "driver loaded: none; library: none",
    ]
    known = tables.load()
    answer = resolve(Request((cards.find("A100", known),), "debian12", Policy(known.collected)), known)
    quiet = SimpleNamespace(print=lambda *_, **__: None, is_terminal=True)
    assert explain.show({"gpu1": answer}, quiet, True, False, told) == 0
    said = json.loads(capsys.readouterr().out)["gpu1"]
    assert said["decided"] is True and said["branch"] == 580
    assert said["state"] == ["driver loaded: none; library: none"]
    assert said["lock"]["class"] == "debian12-a100"
    assert said["lock"]["roles"]["nvidia_driver"]["settings"]["branch"] == 570
    assert BEHIND in said["lock"]["stale"][0]
