"""The upload script, run by this machine's own shell: atomic, private, nothing left behind."""

from __future__ import annotations

import os
import stat
import subprocess

import pytest

from labprov.engine.upload import Access, upload_script


def upload(dest, data: bytes, arrives: int | None = None):
    text, payload = upload_script(str(dest), data)
    return subprocess.run(["sh", "-c", text], input=payload[:arrives], capture_output=True, check=False)


@pytest.mark.parametrize("data", [b"", b"one\n", bytes(range(256)) * 4096, b"x" * 3_000_000])
def test_content_arrives(tmp_path, data):
    dest = tmp_path / "file"
    assert upload(dest, data).returncode == 0
    assert dest.read_bytes() == data
    assert stat.S_IMODE(dest.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["file"]


def test_an_existing_file_keeps_owner_and_mode(tmp_path):
    dest = tmp_path / "secret"
    dest.write_text("old")
    dest.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(dest, 12345, 54321)
    before = dest.stat()
    assert upload(dest, b"new").returncode == 0
    after = dest.stat()
    assert dest.read_text() == "new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


@pytest.mark.parametrize("arrives", [0, 1, 500, 999])
def test_a_connection_that_dies_leaves_the_old_file(tmp_path, arrives):
    dest = tmp_path / "file"
    dest.write_text("old")
    done = upload(dest, b"some bytes" * 100, arrives=arrives)
    assert done.returncode != 0
    assert b"bytes arrived" in done.stderr
    assert dest.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    assert upload(tmp_path / "link", b"new").returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    done = upload(tmp_path / "folder", b"x")
    assert done.returncode != 0
    assert b"is a folder" in done.stderr
    assert os.listdir(tmp_path / "folder") == []


def test_a_missing_folder_is_an_error(tmp_path):
    assert upload(tmp_path / "none" / "file", b"x").returncode != 0


@pytest.mark.parametrize("name", ["a b", "a'b", 'a"b', "$(touch pwned)", "a;b", "-rf", "ü", "a\\b"])
def test_hostile_names_arrive_literally(tmp_path, name):
    assert upload(tmp_path / name, b"x").returncode == 0
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    ("before", "asked", "after"), [(None, "600", 0o600), ("644", "600", 0o600), ("600", "0640", 0o640)]
)
def test_the_mode_asked_for_is_there_before_the_name(tmp_path, before, asked, after):
    dest = tmp_path / "secret"
    if before:
        dest.write_text("old")
        dest.chmod(int(before, 8))
    text, payload = upload_script(str(dest), b"new", Access(mode=asked))
    shown = text.replace('mv -fT -- new "../$n"', "stat -c %a new")
    assert shown != text
    modes = subprocess.run(["sh", "-c", shown], input=payload, capture_output=True, text=False, check=True).stdout
    assert int(modes, 8) == after, "it would have that mode at the moment of the rename"
    assert subprocess.run(["sh", "-c", text], input=payload, check=True).returncode == 0
    assert stat.S_IMODE(dest.stat().st_mode) == after


def test_a_private_folder_that_was_swapped_for_a_link_is_refused(tmp_path):
    """Somebody who may write to the folder puts a link to another one in its place at the worst moment."""
    (tmp_path / "aim").mkdir()
    (tmp_path / "home").mkdir()
    text, payload = upload_script(str(tmp_path / "home" / "file"), b"new")
    swap = f'mv "$t" away; ln -s {tmp_path}/aim "$t"; cd -P -- "$t"'
    attacked = text.replace('cd -P -- "$t"', swap, 1)
    assert attacked != text
    done = subprocess.run(["sh", "-c", attacked], input=payload, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"tampered" in done.stderr
    assert os.listdir(tmp_path / "aim") == []
