"""``labprov.lock`` as a file: read with its lines, written whole, and every damage named before a host is touched."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from labprov.errors import UserError
from labprov.lock import file
from labprov.lock.model import Entry, HostClass, LockFile, Section, Tables
from labprov.main import main

SUM = "a" * 64


def host_class(version: str = "580.178.04", **more) -> HostClass:
    entry = Entry(
        given={"branch": 580},
        settings={"version": version, "versions": ["12.9"]},
        packages={"nvidia-driver-cuda": f"{version}-1"},
        keys={"nvidia-cuda": "A" * 40},
        reasons=("because: it fits",),
    )
    what = {"system": "debian12", "cards": {"20b0": "NVIDIA A100", "2684": "RTX 4090"}, **more}
    return HostClass(**what, tables=Tables(collected="2026-11-22", sha256=SUM), roles={"nvidia_driver": entry})


SECTION = Section(classes={"debian12-a100": host_class().sealed()}, hosts={"gpu-1": "debian12-a100"})


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    path = tmp_path / "lab.yml"
    path.write_text("hosts: [gpu-1, gpu-2]\n")
    return path


@pytest.fixture
def locked(lab: Path) -> Path:
    """The lock file of ``lab``, with one class."""
    file.update(file.load(lab), lambda now: SECTION)
    return lab.parent / "labprov.lock"


def test_what_is_written_is_read_again(lab, locked):
    assert file.load(lab).section == SECTION
    text = locked.read_text()
    assert text.startswith("# What labprov decided")
    assert yaml.safe_load(text)["format"] == 1
    assert "'2684': RTX 4090" in text and "because" in text


def test_the_order_is_the_same_whatever_came_first(lab, locked):
    before = locked.read_text()
    swapped = Section(classes=dict(reversed(SECTION.classes.items())), hosts=SECTION.hosts)
    file.update(file.load(lab), lambda now: Section())
    assert not locked.exists()
    file.update(file.load(lab), lambda now: swapped)
    assert locked.read_text() == before


def test_inventories_of_one_folder_have_a_section_each(lab, locked):
    other = lab.parent / "other.yml"
    other.write_text("hosts: [gpu-1]\n")
    assert file.load(other).section == Section()
    file.update(file.load(other), lambda now: Section(classes=SECTION.classes, hosts={"x": "debian12-a100"}))
    assert file.load(lab).section == SECTION
    assert file.forget(other) and not file.forget(other)
    assert file.load(lab).section == SECTION
    assert file.forget(lab) and not locked.exists()


def test_a_change_is_made_to_the_file_as_it_is_by_then(lab, locked):
    old = file.load(lab)
    file.update(file.load(lab), lambda now: now.model_copy(update={"hosts": {**now.hosts, "gpu-2": "debian12-a100"}}))
    file.update(old, lambda now: now.model_copy(update={"hosts": {**now.hosts, "gpu-3": "debian12-a100"}}))
    assert set(file.load(lab).section.hosts) == {"gpu-1", "gpu-2", "gpu-3"}


def test_many_at_once_lose_nothing(lab, locked):
    def add(number):
        lock = file.load(lab)
        for part in range(5):
            name = f"gpu-{number}-{part}"
            file.update(lock, lambda now, n=name: now.model_copy(update={"hosts": {**now.hosts, n: "debian12-a100"}}))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file.load(lab).section.hosts) == 31
    assert [path.name for path in lab.parent.iterdir() if path.name.startswith(".")] == []


def test_nothing_is_written_when_nothing_changes(lab, locked):
    stamp = locked.stat().st_mtime_ns
    inode = locked.stat().st_ino
    file.update(file.load(lab), lambda now: now)
    assert (locked.stat().st_mtime_ns, locked.stat().st_ino) == (stamp, inode)


def test_a_write_that_fails_leaves_the_old_file(lab, locked, monkeypatch):
    before = locked.read_text()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file.os, "fsync", full)
    with pytest.raises(UserError, match=r"labprov\.lock: cannot be written: No space left on device"):
        file.update(file.load(lab), lambda now: Section(classes=now.classes, hosts={}))
    assert locked.read_text() == before
    assert sorted(path.name for path in lab.parent.iterdir()) == ["lab.yml", "labprov.lock"]


DAMAGE = {
    "no YAML": (lambda text: text + "  x: [", "is not valid YAML"),
    "empty": (lambda text: "", "labprov.lock: is empty"),
    "a list": (lambda text: "- a\n", "should be a mapping"),
    "binary": (lambda text: "\0\0", "control character"),
    "unknown key": (lambda text: text.replace("    hosts:", "    host:"), ": inventories.lab.yml.host: unknown key"),
    "unknown key in a role": (
        lambda text: text.replace("packages:", "package:"),
        "debian12-a100.roles.nvidia_driver.package: unknown key",
    ),
    "wrong type": (lambda text: text.replace("gpu-1: debian12-a100", "gpu-1: [a]"), "hosts.gpu-1: should be a valid"),
    "hostile version": (lambda text: text.replace("580.178.04-1", "1;reboot"), "a package version"),
    "hostile key": (lambda text: text.replace("A" * 40, "x"), "an OpenPGP fingerprint"),
    "newer format": (lambda text: text.replace("format: 1", "format: 2"), ":3: format: a newer labprov wrote this"),
    "no such class": (
        lambda text: text.replace("gpu-1: debian12-a100", "gpu-1: debian12-a10"),
        ": inventories.lab.yml.hosts.gpu-1: there is no class 'debian12-a10'",
    ),
    "a version moved by hand": (
        lambda text: text.replace("580.178.04", "580.200.01"),
        "debian12-a100.digest: the class was changed by hand",
    ),
    "an edited digest": (
        lambda text: text.replace(SECTION.classes["debian12-a100"].digest, "0" * 16),
        "debian12-a100.digest: the class was changed by hand",
    ),
    "no digest": (
        lambda text: text.replace(f"digest: {SECTION.classes['debian12-a100'].digest}", ""),
        "the class was changed by hand",
    ),
    "an edited digest of the tables": (lambda text: text.replace(SUM, "b" * 64), "the class was changed by hand"),
    "a digest of the tables that is none": (lambda text: text.replace(SUM, "b"), "tables.sha256: should be a SHA-256"),
    "merge conflict": (
        lambda text: text.replace(
            "    hosts:\n",
            "    hosts:\n<<<<<<< ours\n      a: b\n=======\n      c: d\n>>>>>>> theirs\n",
        ),
        ": a merge conflict was not resolved (take one side, such as git checkout --theirs labprov.lock",
    ),
    "an alias bomb": (
        lambda text: (
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9))
        ),
        "holds more than",
    ),
}


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["verify"], ["lock"], ["lock", "--upgrade"]])
@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_named_before_a_host_is_touched(lab, locked, case, command, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    damage, said = DAMAGE[case]
    text = damage(locked.read_text())
    assert text != locked.read_text()
    locked.write_text(text)
    done = CliRunner().invoke(main, [command[0], "gpu-node", "-i", str(lab), *command[1:]], catch_exceptions=False)
    assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output
    assert f"labprov: {locked}" in done.output and said in done.output
    assert locked.read_text() == text


def test_a_damaged_lock_does_not_stop_what_removes_a_sandbox(lab, locked):
    locked.write_text("{")
    assert file.forget(lab) is False


def test_a_lock_of_nothing_is_no_file(lab):
    assert file.load(lab).section == Section()
    assert file.dump(LockFile()).startswith("format: 1")


def test_text_that_only_looks_like_a_conflict_is_none(lab, locked):
    locked.write_text(locked.read_text().replace("because: it fits", "because ======= it fits"))
    with pytest.raises(UserError, match="changed by hand"):
        file.load(lab)


def test_a_class_is_what_its_hosts_get_not_who_decided_when():
    later = host_class().model_copy(update={"tables": Tables(collected="2027-01-01", sha256="b" * 64)})
    assert later.alike(host_class()) and later.computed() != host_class().computed()
    assert not host_class("580.200.01").alike(host_class())
    assert not host_class(secure_boot=True).alike(host_class())
