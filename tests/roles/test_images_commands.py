"""What is run on hosts for images: by a shell here, with a Docker that only plays, and with real git. No host."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from labprov_roles.images import commands, facts
from labprov_roles.images.references import parse

DIGEST = "sha256:" + "d" * 64
ID, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
TINY = parse("labprov/tiny:1.0")

# Answers by the first words of what it is asked; writes down what it was asked.
PLAYED = """#!/bin/sh
echo "$*" >>{asked}
case "$*" in
"image inspect --format {{{{.Id}}}} "*LastTag*) echo '{id} labprov/tiny:1.0 "2026-11-22T10:00:00Z"';;
"image inspect --format {{{{.Id}}}}"*) echo {id};;
"image inspect --format {{{{range"*) cat {here};;
"images -aq"*) cat {all} 2>/dev/null;;
"pull "*) cat {said} >&2; [ ! -s {said} ];;
"build "*) for d; do :; done; [ ! -d "$d" ] || ls -A "$d" >{context}; cat {said} >&2; [ ! -s {said} ];;
esac
"""


@pytest.fixture
def play(tmp_path):
    """Run shell text with the played Docker and the ledger below ``tmp_path``."""
    names = ("asked", "here", "all", "said", "context")
    paths = {name: tmp_path / name for name in names}
    for path in paths.values():
        path.touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(PLAYED.format(id=ID, **paths))
    (tmp_path / "bin/docker").chmod(0o755)
    (tmp_path / "bin/curl").symlink_to("/bin/false")

    def run(program: commands.Program) -> subprocess.CompletedProcess[str]:
        text = program.text.replace(commands.FOLDER, str(tmp_path / "state"))
        path = f"{tmp_path}/bin:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", "-c", program.line],
            input=text,
            capture_output=True,
            text=True,
            env={"PATH": path},
            timeout=60,
            check=False,
        )

    return run


def ledger(tmp_path: Path) -> str:
    path = tmp_path / "state/images.ledger"
    return path.read_text() if path.exists() else ""


def test_a_pull_takes_exactly_the_digest_names_it_and_notes_it(play, tmp_path):
    done = play(commands.pull(TINY, DIGEST))
    assert (done.returncode, done.stderr) == (0, "")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert f"pull -q labprov/tiny@{DIGEST}" in asked
    assert f"tag labprov/tiny@{DIGEST} labprov/tiny:1.0" in asked
    assert ledger(tmp_path).split()[:2] == [ID, "labprov/tiny:1.0"]


def test_an_image_that_was_there_before_is_not_noted_as_ours(play, tmp_path):
    (tmp_path / "all").write_text(f"{OTHER}\n{ID}\n")
    assert play(commands.pull(TINY, DIGEST)).returncode == 0
    assert ledger(tmp_path) == ""


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (
            "Error response from daemon: manifest for labprov/tiny@x not found: manifest unknown",
            "--upgrade images moves the lock",
        ),
        ("Error response from daemon: pull access denied for x, repository does not exist", "docker login as root"),
        ("error pulling image: received unexpected HTTP status: 403 Forbidden", "refuses this server"),
        ("unauthorized: authentication required", "refuses this server"),
        (
            'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
            "no registry was",
        ),
        ("dial tcp 10.0.0.1:5000: connect: connection refused", "no registry was reached"),
        (
            "net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
            "no registry was reached",
        ),
        ("write /var/lib/docker/tmp/x: no space left on device", "the disk is full"),
        ("manifest verification failed for digest sha256:1", "not what the lock says"),
        ("something else", "docker could not pull it"),
    ],
)
def test_a_pull_that_fails_says_what_to_do(play, tmp_path, said, hint):
    (tmp_path / "said").write_text(f"{said}\n")
    done = play(commands.pull(TINY, DIGEST))
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("error: labprov/tiny:1.0: ") and hint in last and said[:100] in last
    assert ledger(tmp_path) == "" and "tag" not in (tmp_path / "asked").read_text().split()


def test_what_is_here_decides_before_the_registry(play, tmp_path):
    (tmp_path / "here").write_text(f"other/name@{OTHER}\nlabprov/tiny@{DIGEST}\n")
    assert play(commands.find_digest(TINY)).stdout == f"{DIGEST}\n"
    assert "pull" not in (tmp_path / "asked").read_text()


def test_a_registry_that_cannot_be_asked_is_pulled_from_but_not_for_a_lock_alone(play, tmp_path):
    done = play(commands.find_digest(TINY))
    assert (done.returncode, "pull -q labprov/tiny:1.0" in (tmp_path / "asked").read_text()) == (1, True)
    assert ledger(tmp_path).split()[:1] == [ID], "it was this role that pulled it"
    (tmp_path / "asked").write_text("")
    done = play(commands.look_digest(TINY))
    assert done.returncode == 1 and done.stderr.startswith("error: labprov/tiny:1.0")
    assert "pull" not in (tmp_path / "asked").read_text()


def test_the_daemons_answer_is_read(play, tmp_path):
    (tmp_path / "bin/curl").unlink()
    said = {"Descriptor": {"mediaType": "x", "digest": DIGEST, "size": 1}, "Platforms": [{"os": "linux"}]}
    (tmp_path / "bin/curl").write_text(f"#!/bin/sh\necho '{json.dumps(said, separators=(',', ':'))}'\n")
    (tmp_path / "bin/curl").chmod(0o755)
    assert play(commands.ask_digest(TINY)).stdout == f"{DIGEST}\n"


@pytest.fixture
def repository(tmp_path):
    """A repository with a branch ``main``, an annotated tag ``v1`` on its first commit, and a second commit."""
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*words: str) -> str:
        identity = ("-c", "user.name=lab", "-c", "user.email=lab@example.org", "-c", "commit.gpgsign=false")
        command = ["git", *identity, "-C", str(folder), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q", "-b", "main")
    (folder / "Dockerfile").write_text("FROM labprov/tiny:1.0\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    git("tag", "-a", "v1", "-m", "one")
    (folder / "more").touch()
    git("add", ".")
    git("commit", "-q", "-m", "two")
    return folder, git("rev-parse", "v1^{commit}"), git("rev-parse", "HEAD")


def test_a_branch_a_tag_and_the_default_branch_are_commits(play, repository):
    folder, first, second = repository
    assert play(commands.find_commit(str(folder), "v1")).stdout == f"{first}\n", "the commit, not the tag's note"
    assert play(commands.find_commit(str(folder), "main")).stdout == f"{second}\n"
    assert play(commands.find_commit(str(folder), None)).stdout == f"{second}\n"
    done = play(commands.find_commit(str(folder), "nothing"))
    assert (done.returncode, done.stderr) == (1, f"error: {folder} has no branch or tag nothing\n")
    assert play(commands.find_commit(str(folder / "nowhere"), "v1")).returncode == 1


def test_a_commit_is_built_as_it_was_and_nothing_is_left(play, repository, tmp_path):
    folder, first, _ = repository
    done = play(commands.build_commit(str(folder), first, "lab/x:1", "c" * 64, "Dockerfile", {"A": "b c"}))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "context").read_text().split() == ["Dockerfile"], "the first commit has no more, and no .git"
    built = next(line for line in (tmp_path / "asked").read_text().splitlines() if line.startswith("build "))
    assert "-t lab/x:1 --label labprov.content=" + "c" * 64 in built and "--build-arg A=b c" in built
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["images.ledger"]


def test_a_build_that_fails_shows_its_last_lines_and_notes_nothing(play, tmp_path):
    (tmp_path / "said").write_text("".join(f"line {n}\n" for n in range(50)) + "ERROR: failed to solve\n")
    context = tmp_path / "context.tar"
    context.touch()
    done = play(commands.build_archive(str(context), "lab/x:1", "c" * 64, "Dockerfile", {}))
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "line 31" and done.stderr.splitlines()[-1] == "ERROR: failed to solve"
    assert ledger(tmp_path) == "" and not context.exists()


def test_images_are_read_by_each_of_their_names():
    line = json.dumps([ID, ["a/b:1"], [f"a/b@{DIGEST}"], "c" * 64])
    found = facts.Images().process([line, json.dumps([OTHER, None, None, ""])])
    assert {*found} == {"a/b:1", f"a/b@{DIGEST}"}
    assert (found["a/b:1"].id, found["a/b:1"].content) == (ID, "c" * 64)


def test_the_least_room_counts():
    room = facts.ImageRoom().process(["84000000 /var/lib/docker", "1000000 /var/lib/containerd"])
    assert (room.folder, room.free) == ("/var/lib/containerd", 1_024_000_000)
    assert str(room) == "1 GB are free in /var/lib/containerd"
    assert facts.ImageRoom().process([]) == facts.Room()


def brought(tags, *, ledger=f'ours {ID} a/b:1 "T"', used=(), parent="", tagged="T"):
    image = f"image {json.dumps([ID, tags, ['a/b@' + DIGEST], parent, tagged])}"
    return facts.BroughtImages().process([ledger, *(f"used {each}" for each in used), image])


def test_what_this_role_brought_and_nobody_uses_may_go():
    (old,) = brought(["a/b:1"]).without([])
    assert (old.id, old.names) == (ID, ("a/b:1", f"a/b@{DIGEST}"))
    assert len(brought([]).without(["a/b:1"])) == 1, "its tag is another image's by now"


def test_what_is_declared_used_or_somebody_elses_stays():
    assert brought(["a/b:1"]).without(["a/b:1"]) == []
    assert brought(["a/b:1"], used=[ID]).without([]) == []
    assert brought(["a/b:1", "a/b:mine"]).without([]) == []
    assert brought(["a/b:1"], ledger="").without([]) == []
    assert brought(["a/b:1"], tagged="later").without([]) == [], "somebody removed it and pulled it again"
