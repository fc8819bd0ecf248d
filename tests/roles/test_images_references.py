"""Names of images, settings of the role, and what a build is compared by. No host."""

from __future__ import annotations

import os
import tarfile
from io import BytesIO

import pytest
from pydantic import ValidationError

from labprov.errors import UserError
from labprov_roles.images import content, pins, source
from labprov_roles.images.references import parse
from labprov_roles.images.settings import Build, Settings

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "name", "tag", "digest"),
    [
        ("debian", "debian", "latest", ""),
        ("docker.io/library/debian:13", "debian", "13", ""),
        ("index.docker.io/pytorch/pytorch:2.10.0", "pytorch/pytorch", "2.10.0", ""),
        ("library/debian:13", "debian", "13", ""),
        ("pytorch/pytorch:2.10.0-cuda12.8-cudnn9-runtime", "pytorch/pytorch", "2.10.0-cuda12.8-cudnn9-runtime", ""),
        ("tensorflow/tensorflow:2.20.0-gpu", "tensorflow/tensorflow", "2.20.0-gpu", ""),
        ("nvcr.io/nvidia/pytorch:26.08-py3", "nvcr.io/nvidia/pytorch", "26.08-py3", ""),
        ("registry.lab:5000/a/b/c:1", "registry.lab:5000/a/b/c", "1", ""),
        ("localhost:5000/x", "localhost:5000/x", "latest", ""),
        ("[fd00::1]:5000/x:1", "[fd00::1]:5000/x", "1", ""),
        ("registry.lab/library/x:1", "registry.lab/library/x", "1", ""),
        (f"a/b:1@{DIGEST}", "a/b", "1", DIGEST),
        (f"a/b@{DIGEST}", "a/b", "", DIGEST),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text, name, tag, digest):
    found = parse(text)
    assert (found.name, found.tag, found.digest) == (name, tag, digest)
    assert found.here == (f"{name}:{tag}" if tag else f"{name}@{digest}")


@pytest.mark.parametrize(
    "text",
    ["", "Debian", "a b", "a:b:c", "a//b", "a/-b", "a:", "a@sha256:12", f"a@md5:{'a' * 32}", "a:$(reboot)", "a;reboot",
     "a:x'y", "a\n", "a/b:1\n--privileged", "-v", "http://a/b", "a" * 300],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(ValidationError):
        Settings(pull=[text])


@pytest.mark.parametrize(
    "build",
    [
        {},
        {"folder": "x", "git": "https://x/y"},
        {"folder": "x", "ref": "main"},
        {"git": "file:///etc"},
        {"git": "https://user:password@x/y"},
        {"git": "https://x/y", "ref": "--upload-pack=reboot"},
        {"git": "https://x/y;reboot"},
        {"folder": "x", "dockerfile": "../Dockerfile"},
        {"folder": "x", "dockerfile": "-f"},
        {"folder": "x", "args": {"API_TOKEN": "1"}},
        {"folder": "x", "args": {"a b": "1"}},
        {"folder": "x", "args": {"a": "1\n2"}},
        {"folder": "x", "tag": f"a@{DIGEST}"},
    ],
)
def test_what_cannot_be_built_is_refused(build):
    with pytest.raises(ValidationError):
        Settings(build={"x": build})


def test_a_git_repository_by_ssh_is_one():
    assert Build(git="ssh://git@git.lab.example/lab/image.git", ref="v1").ref == "v1"


def test_two_images_cannot_have_one_name():
    with pytest.raises(ValidationError, match="two images would be called lab:1"):
        Settings(pull=["docker.io/library/lab:1"], build={"x": {"folder": "x", "tag": "lab:1"}})
    with pytest.raises(ValidationError, match="two images"):
        Settings(pull=["x"], build={"x": {"folder": "x"}})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "image/sub").mkdir(parents=True)
    (tmp_path / "image/Dockerfile").write_text("FROM debian\n")
    (tmp_path / "image/sub/run").write_text("#!/bin/sh\n")
    (tmp_path / "image/link").symlink_to("sub/run")
    return tmp_path / "image"


def digest(folder, **more):
    build = Build(folder=str(folder), **more)
    return source.of(build).content("")


def test_only_content_counts(folder):
    before = digest(folder)
    os.utime(folder / "Dockerfile", (1, 1))
    (folder / "Dockerfile").chmod(0o600)
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").write_text("x")
    assert digest(folder) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "Dockerfile").write_text("FROM debian:13\n"),
        lambda folder: (folder / "sub/run").chmod(0o755),
        lambda folder: (folder / "sub/more").touch(),
        lambda folder: (folder / "sub").rename(folder / "bus"),
        lambda folder: (folder / "link").unlink() or (folder / "link").symlink_to("Dockerfile"),
    ],
    ids=["text", "executable", "a file more", "a name", "a link"],
)
def test_every_change_of_content_counts(folder, change):
    before = digest(folder)
    change(folder)
    assert digest(folder) != before


def test_arguments_and_the_dockerfile_count(folder):
    (folder / "Other").write_text("FROM debian\n")
    assert len({digest(folder), digest(folder, args={"A": "1"}), digest(folder, dockerfile="Other")}) == 3


def test_the_archive_is_the_folder(folder):
    with tarfile.open(fileobj=BytesIO(content.archive(folder, "Dockerfile"))) as archive:
        assert archive.getnames() == ["Dockerfile", "link", "sub", "sub/run"]


def test_a_folder_that_cannot_be_sent_is_named(folder, monkeypatch):
    with pytest.raises(UserError, match="has no Containerfile"):
        content.archive(folder, "Containerfile")
    with pytest.raises(UserError, match="has no Dockerfile"):
        content.archive(folder / "nowhere", "Dockerfile")
    monkeypatch.setattr(content, "LARGEST", 10)
    with pytest.raises(UserError, match="holds more than"):
        content.archive(folder, "Dockerfile")


def test_decisions_are_kept_and_read_again(tmp_path):
    assert pins.read(str(tmp_path / "nowhere")) == pins.Pins()
    known = pins.Pins().decided("a/b:1", DIGEST).decided("https://x/y#main", "b" * 40)
    pins.write(str(tmp_path), known)
    again = pins.read(str(tmp_path))
    assert (again.of("a/b:1"), again.of("https://x/y#main"), again.of("other")) == (DIGEST, "b" * 40, "")
    before = (tmp_path / pins.NAME).read_bytes()
    pins.write(str(tmp_path), again)
    assert (tmp_path / pins.NAME).read_bytes() == before


@pytest.mark.parametrize(
    "text", ["<<<<<<< HEAD\n", "format: 2\n", "format: 1\nimages: {a: latest}\n", "format: 1\nmore: 1\n", "- a\n", ""]
)
def test_a_damaged_lock_is_named(tmp_path, text):
    (tmp_path / pins.NAME).write_text(text)
    with pytest.raises(UserError, match=r"images\.lock"):
        pins.read(str(tmp_path))


def test_a_commit_needs_no_decision():
    build = Build(git="https://x/y", ref="c" * 40)
    made = source.of(build)
    assert (made.key, made.commit("")) == ("", "c" * 40)
    assert source.of(Build(git="https://x/y")).key == "https://x/y#HEAD"
