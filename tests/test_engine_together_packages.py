"""What dpkg and gpg are asked as one command: each question gets the answer that it would have got alone."""

from __future__ import annotations

import base64
import os
import shutil

import pytest

from labprov.engine.batch import Completed
from labprov.engine.facts.packages import HeldPackages
from labprov.engine.together import together
from together_lab import answers, drivers, fingerprints, held, installed, shell

STATES = """\
un  b  
ii  bash 5.2 Maria <m@example.org>
hi  cuda-drivers 595-1 NVIDIA CORPORATION <c@nvidia.com>
hn  gone  
hc  left 2:1 Some | one <a@b>
ii  libcuda1 595-1 Debian * Maintainers <d@debian.org>
ii  libcuda1 595-1 Debian * Maintainers <d@debian.org>
rc  libnvidia-ml1 1.0 Some (one) <a@b>
"""  # noqa: W291  # dpkg-query prints it so


@pytest.fixture
def dpkg(tmp_path, monkeypatch):
    """A dpkg-query that prints those lines of ``STATES`` that it is asked for, as the real one does."""
    program = """#!/usr/bin/env python3
import sys
from fnmatch import fnmatchcase
form, names, installed = sys.argv[3], [name for name in sys.argv[4:] if name != "--"], len(sys.argv) == 4
assert sys.argv[1:3] == ["-W", "-f"], sys.argv
for line in open(sys.argv[0] + ".states"):
    state, (name, version, by) = line[:3], line[4:].rstrip("\\n").split(" ", 2)
    if state[1] != "n" if installed else any(fnmatchcase(name, pattern) for pattern in names):
        want = {"h": "hold", "i": "install", "r": "deinstall", "u": "unknown"}[state[0]]
        values = {"db:Status-Abbrev": state, "Package": name, "Version": version, "Maintainer": by}
        for key, value in (values | {"db:Status-Want": want}).items():
            form = form.replace("${%s}" % key, value)
        print(form, end="")
        form = sys.argv[3]
"""
    (tmp_path / "dpkg-query").write_text(program)
    (tmp_path / "dpkg-query").chmod(0o755)
    (tmp_path / "dpkg-query.states").write_text(STATES)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


PACKAGES = [
    installed("bash", "b", "c?da-*"),
    drivers("lib[a-d]*", "b"),
    installed("libcuda1"),
    drivers("nothing", "b+"),
]


@pytest.mark.parametrize(
    "asked",
    [PACKAGES, [*PACKAGES, held()], [held(), installed("*")], [drivers("libcuda1"), installed("libcuda1")]],
    ids=["by name", "and what is held", "all", "one package"],
)
def test_dpkg_is_asked_once(dpkg, asked):
    assert len(together(asked)) == 1
    found = answers(asked)
    for command in asked:
        assert found[command] == shell(command), command
    assert HeldPackages().process(shell(held()).stdout.decode().splitlines()) == ["cuda-drivers", "left"]


def test_without_dpkg_there_are_no_packages(tmp_path, monkeypatch):
    for name in ("grep", "sed", "sh"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = [*PACKAGES, held()]
    assert answers(asked) == dict.fromkeys(asked, Completed(0, b"", b""))


def test_a_listing_that_cannot_be_searched_answers_nothing(tmp_path, monkeypatch, dpkg):
    (tmp_path / "grep").write_text("#!/bin/sh\nexit 2\n")
    (tmp_path / "grep").chmod(0o755)
    assert answers([*PACKAGES, held()]) == {}


KEY = "pub:-:255:22:82BA:1795358954:::-:::scSC:::::ed25519:::0:\nfpr:::::::::{0}:\nuid:-::::1::C4::NODATA::::::::::0:\n"
SUB = "sub:-:255:22:1:2::::::s:::::ed25519::\nfpr:::::::::5B5B:\n"
NO_KEY = "[GNUPG:] NODATA 1\n"


def test_keys_are_told_apart_by_what_is_no_key():
    asked = [fingerprints(f"/etc/apt/keyrings/{name}.asc") for name in "abc"]
    (question,) = together(asked)
    said = f"{KEY.format('AA')}{SUB}{KEY.format('BB')}{NO_KEY}{NO_KEY}{KEY.format('CC')}{NO_KEY}[GNUPG:] FAILURE\n"
    found = question.answers(Completed(0, said.encode(), b""))
    assert [found[each].stdout for each in asked] == [b"AA\nBB\n", b"", b"CC\n"]
    assert set(question.answers(Completed(0, b"", b"")).values()) == {Completed(0, b"", b"")}, "no such file, or no gpg"
    assert question.answers(Completed(0, f"{NO_KEY}{said}".encode(), b"")) == {}, "one is a file, and no key"


# Public keys made for this test, ed25519; nobody has the other halves any more.
ONE = base64.b64decode(
    "mDMEXgvhABYJKwYBBAHaRw8BAQdAnFJXvQby0RDLIO60Yys8ngDAILkzQM1PFKu0GW6BoG+0D29uZUBleGFtcGxlLm9yZ4iQBBMWCAA4FiEEWJ"
    "2i6vmUzMrxXaPA8Pz8hKHqGzsFAl4L4QACGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQ8Pz8hKHqGzsacwEA44Dux+sc8x1LKTsUr4xY"
    "VpSXV/pZi9Yvy+F0rRNIELQBALYWiM+PdgWGkvlNSCjMawcaieaFOkSuXm8fejdClBEJ"
)
TWO = base64.b64decode(
    "mDMEXgvhABYJKwYBBAHaRw8BAQdAEaR9GklvxXhjbRkVHhD/yJfdUZHz4/wT+AXm48Q6uM+0D3R3b0BleGFtcGxlLm9yZ4iQBBMWCAA4FiEE5h"
    "P7pV9oV/qegRWvEaWfncuO5WoFAl4L4QACGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQEaWfncuO5WoMMwEApkS8zrupq4AilwXaj97N"
    "o6FMaBtsxY21vUOX06En2zcBANkEfq0sknflJnfAJL2PkuJbxrGa0TJ7tErnFGdzP14G"
)
ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{}={}\n-----END PGP PUBLIC KEY BLOCK-----\n"
SUM_OF_ONE = "RZbH"


@pytest.mark.skipif(not shutil.which("gpg"), reason="gpg says what is a key")
def test_gpg_is_asked_once(tmp_path):
    (tmp_path / "both.gpg").write_bytes(ONE + TWO)
    (tmp_path / "one.asc").write_text(ARMOR.format(base64.encodebytes(ONE).decode(), SUM_OF_ONE))
    asked = [fingerprints(tmp_path / name) for name in ("both.gpg", "nothing.asc", "one.asc")]
    assert len(together(asked)) == 1
    found = answers(asked)
    one, two = b"589DA2EAF994CCCAF15DA3C0F0FCFC84A1EA1B3B\n", b"E613FBA55F6857FA9E8115AF11A59F9DCB8EE56A\n"
    assert [found[each].stdout for each in asked] == [one + two, b"", one]
    for command in asked:
        assert found[command].stdout == shell(command).stdout
    nothing = [fingerprints(tmp_path / name) for name in ("nothing.asc", "more.asc")]
    assert answers(nothing) == dict.fromkeys(nothing, Completed(0, b"", b""))
    (tmp_path / "page.asc").write_text("<html>not found</html>")
    assert answers([fingerprints(tmp_path / "page.asc"), *asked]) == {}, "they are asked one by one"
