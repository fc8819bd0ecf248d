"""How the vendor mirror is written, without a host: packages as text, indexes, stamps, settings, copies, the cache."""

import gzip
import hashlib
import re
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from labprov.mirrors import Mirrors
from labprov.sandbox.mirror import Mirror, cache, repository
from labprov.sandbox.mirror.compiled import stamp
from labprov.sandbox.mirror.package import STAND_IN, File, Package, build, control, stanza
from labprov.sandbox.mirror.repository import release_text
from labprov.sandbox.mirror.scripts import with_units
from labprov.sandbox.mirror.signing import Key


def test_control_file_is_in_debians_order_and_says_what_it_is():
    package = Package("tool", "1:2-3", "Does things", {"Depends": "libc6", "Conflicts": ""}, architecture="all")
    assert control(package).splitlines() == [
        "Package: tool",
        "Version: 1:2-3",
        "Architecture: all",
        "Maintainer: labprov sandbox <sandbox@labprov.invalid>",
        "Section: admin",
        "Priority: optional",
        "Depends: libc6",
        "Description: Does things",
        f" {STAND_IN}",
    ]
    assert package.file_name == "tool_2-3_all.deb"


def test_index_stanza_has_the_files_size_and_checksum(tmp_path):
    deb = tmp_path / "tool_1_amd64.deb"
    deb.write_bytes(b"not really")
    lines = stanza(Package("tool", "1", "Does things"), deb, "./tool_1_amd64.deb").splitlines()
    assert lines[-3:] == [
        "Filename: ./tool_1_amd64.deb",
        "Size: 10",
        f"SHA256: {hashlib.sha256(b'not really').hexdigest()}",
    ]


def test_release_file_lists_its_files_and_a_date_in_utc():
    date = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    text = release_text({"Origin": "NVIDIA", "Label": "NVIDIA CUDA"}, {"Packages": b"abc"}, date)
    assert text == (
        "Origin: NVIDIA\nLabel: NVIDIA CUDA\nDate: Sun, 01 Mar 2026 10:00:00 GMT\nSHA256:\n"
        " ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3 Packages\n"
    )


def test_adding_to_an_index_replaces_the_same_version_and_keeps_others(tmp_path, monkeypatch):
    monkeypatch.setattr(repository, "sign_release", lambda home, release: None)
    flat = repository.Repository(tmp_path, {"Label": "x"})
    for version, content in (("1", b"a"), ("2", b"b"), ("2", b"bb")):
        deb = tmp_path / f"tool_{version}_amd64.deb"
        deb.write_bytes(content)
        repository.add(flat, [(Package("tool", version, "t"), deb)], tmp_path)
    text = (tmp_path / "Packages").read_text()
    assert re.findall(r"^(?:Version|Size): (.*)$", text, re.M) == ["1", "1", "2", "2"]
    assert gzip.decompress((tmp_path / "Packages.gz").read_bytes()).decode() == text
    assert hashlib.sha256(text.encode()).hexdigest() in (tmp_path / "Release").read_text()
    assert text.count("\n\n") == 1 and text.endswith("\n")


def test_stamp_needs_a_placeholder_and_room():
    assert stamp(b"a@LABPROV-VERSION@" + b"\0" * 4 + b"z", {"VERSION": "1.2"}) == b"a1.2" + b"\0" * 18 + b"z"
    with pytest.raises(ValueError, match="no room"):
        stamp(b"nothing here", {"VERSION": "1.2"})
    with pytest.raises(ValueError, match="no room"):
        stamp(b"@LABPROV-VERSION@\0z", {"VERSION": "x" * 18})


def test_units_are_started_at_installation_and_stopped_at_removal():
    found = with_units(["a.service", "b.path"], {"postinst": "echo first\n"})
    assert found["postinst"].index("echo first") < found["postinst"].index("for unit in a.service b.path; do")
    assert "deb-systemd-invoke stop a.service b.path" in found["prerm"]
    assert set(found) == {"postinst", "prerm", "postrm"}


def test_settings_have_the_vendors_tails_and_fit_the_inventory():
    mirror = Mirror(Path("/nowhere"), Key(Path("/s"), Path("/p"), "A" * 40))
    found = mirror.settings("http://10.0.0.1:8000/")
    assert {name: value["url"] for name, value in found.items()} == {
        "docker": "http://10.0.0.1:8000/docker",
        "cuda": "http://10.0.0.1:8000/cuda/repos",
        "nvidia_container_toolkit": "http://10.0.0.1:8000/libnvidia-container",
        "miniconda": "http://10.0.0.1:8000/miniconda",
        "miniforge": "http://10.0.0.1:8000/miniforge",
        "conda": "http://10.0.0.1:8000/conda",
        "pytorch": "http://10.0.0.1:8000/pytorch",
    }
    signed = {name for name, value in found.items() if value.get("fingerprint") == "A" * 40}
    assert signed == {"docker", "cuda", "nvidia_container_toolkit"}
    assert Mirrors(**found).cuda.fingerprint == "A" * 40


def test_a_build_that_fails_leaves_nothing_that_counts(tmp_path, monkeypatch):
    key = Key(tmp_path / "s", tmp_path / "p", "A" * 40)
    monkeypatch.setattr(cache, "ensure_key", lambda folder: key)
    monkeypatch.setattr(cache.requirements, "ensure", lambda say: None)

    def broken(root, key, say):
        (root / "half").write_text("x")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "build_mirror", broken)
    with pytest.raises(KeyboardInterrupt):
        cache.ensure(tmp_path, print)
    assert not list(tmp_path.glob("mirror-*/"))
    calls = []
    monkeypatch.setattr(cache, "build_mirror", lambda root, key, say: calls.append(sorted(root.parent.rglob("*"))))
    assert cache.ensure(tmp_path, print).root.is_dir()
    assert cache.ensure(tmp_path, print).root.is_dir()
    assert calls == [[calls[0][0]]] and calls[0][0].name == "root", (
        "built once, in a folder without the first try's half"
    )


def test_the_recipe_follows_the_files(tmp_path, monkeypatch):
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a").write_text("1")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    first = cache.recipe()
    assert cache.recipe() == first
    (tmp_path / "files/a").write_text("2")
    assert cache.recipe() != first


def test_a_copy_shares_nothing_that_is_written_to(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/Packages").write_text("old")
    copied = Mirror(tmp_path / "one", Key(Path("/s"), Path("/p"), "A" * 40)).copy(tmp_path / "two")
    assert (copied.root / "Packages").stat().st_ino == (tmp_path / "one/Packages").stat().st_ino
    repository.replace(copied.root / "Packages", b"new")
    assert (tmp_path / "one/Packages").read_text() == "old"


def test_file_modes_are_kept(tmp_path):
    if not Path("/usr/bin/dpkg-deb").exists():
        pytest.skip("needs dpkg-deb")
    files = {"/usr/bin/x": File(b"#!/bin/sh\n", 0o4755), "/etc/x.conf": File(b"a\n")}
    deb = build(Package("x", "1:1-1", "x", files=files, scripts={"postinst": "#!/bin/sh\n"}), tmp_path)
    listed = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^-rwsr-xr-x root/root .* ./usr/bin/x$", listed, re.M)
    fields = subprocess.run(["dpkg-deb", "-I", deb], capture_output=True, text=True, check=True).stdout
    assert "conffiles" in fields and "postinst" in fields and STAND_IN in fields
    assert [path.name for path in tmp_path.iterdir()] == ["x_1-1_amd64.deb"]
