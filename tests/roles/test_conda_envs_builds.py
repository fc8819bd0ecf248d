"""conda_envs, the builds on a host: complete or changed, swapped at once, swept, locked, and the program that builds.

Builds are folders here as the builder leaves them; no conda and no pip is run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from labprov_roles.conda_envs import program
from labprov_roles.conda_envs.builder import building, places
from labprov_roles.conda_envs.builder.places import Place, Trouble, complete, state
from labprov_roles.conda_envs.facts import EnvironmentsAt

WHERE = {"conda": "https://mirror.example/conda", "pip": None, "wheels": None}


def made(place: Place, name: str, digest: str = "d" * 64) -> Path:
    """A build that is complete, as ``building`` leaves it."""
    fresh = place.fresh(name, digest)
    (fresh / "conda-meta").mkdir(parents=True)
    (fresh / "conda-meta/python-3.12-0.json").write_text("{}")
    (fresh / "lib/python3.12/site-packages/six-1.dist-info").mkdir(parents=True)
    building._seal(fresh, {"lock": {}, "digest": digest, "shared": True})
    return fresh


@pytest.fixture
def place(tmp_path) -> Place:
    (tmp_path / "envs/.labprov").mkdir(parents=True)
    return Place(tmp_path / "envs")


def seen(place: Place, *wanted: tuple[str, str]):
    """What the fact says, by its own shell text."""
    fact = EnvironmentsAt()
    text = fact.command(str(place.envs), wanted)
    return fact.process(
        subprocess.run(["sh", "-c", text], check=True, capture_output=True, text=True).stdout.splitlines()
    )


def test_a_build_is_complete_until_somebody_changes_it(place):
    build = made(place, "a")
    place.point("a", build)
    assert place.current("a") == build and complete(build, "d" * 64)
    assert seen(place, ("a", ""), ("b", "")).digests == {"a": "d" * 64}
    assert not complete(build, "e" * 64)
    (build / "lib/python3.12/site-packages/evil-2.dist-info").mkdir()
    assert not complete(build, "d" * 64)
    assert seen(place, ("a", "")).digests == {"a": "changed"}
    (build / places.STATE).unlink()
    assert seen(place, ("a", "")).digests == {"a": "broken"}


def test_the_fact_and_the_builder_list_alike(place):
    build = made(place, "a")
    lines = (build / places.STATE).read_text().splitlines()
    assert lines == ["d" * 64, "conda-meta/python-3.12-0.json", "lib/python3.12/site-packages/six-1.dist-info"]
    assert state(build, "d" * 64).splitlines() == lines


def test_a_name_is_swapped_at_once_and_the_old_build_goes_when_nobody_uses_it(place):
    old = made(place, "a")
    place.point("a", old)
    program_ = old / "sleep"
    program_.write_bytes(Path("/bin/sleep").read_bytes())
    program_.chmod(0o755)
    with subprocess.Popen([program_, "60"]) as user:
        new = made(place, "a")
        assert new != old
        place.point("a", new)
        place.sweep(new)
        assert old.exists() and os.readlink(place.envs / "a") == f".labprov/{new.name}"
        assert seen(place, ("a", "")).left == frozenset()
        user.kill()
    assert seen(place, ("a", "")).left == {""}
    place.sweep(place.builds / "none")
    assert not old.exists() and new.exists()
    assert seen(place, ("a", "")).left == frozenset()


def test_what_is_not_ours_is_refused(place):
    (place.envs / "theirs").mkdir()
    (place.envs / "link").symlink_to("/opt")
    assert seen(place, ("theirs", ""), ("link", "")).digests == {"theirs": "foreign", "link": "foreign"}
    for name in ("theirs", "link"):
        with pytest.raises(Trouble, match="remove it, or give the environment another name"):
            place.current(name)


def test_a_user_that_does_not_exist_yet_has_no_environments(place):
    found = seen(place, ("a", "nobody-of-that-name"))
    assert (found.digests, found.left) == ({}, frozenset())


def test_a_state_that_a_user_made_something_else_stops_nobody(place):
    build = made(place, "a")
    place.point("a", build)
    (build / places.STATE).unlink()
    os.mkfifo(build / places.STATE)
    assert seen(place, ("a", "")).digests == {"a": "broken"}


def test_a_failed_build_leaves_the_old_one_and_nothing_else(place, tmp_path):
    old = made(place, "a")
    place.point("a", old)

    def create(prefix: Path, *words: str) -> dict:
        prefix.mkdir()
        (prefix / "half").write_text("")
        raise Trouble("conda: no space left")

    home = tmp_path / "home"
    home.mkdir()
    job = {"name": "a", "digest": "e" * 64, "lock": {"conda": [], "pip": []}, "where": WHERE, "shared": True}
    with pytest.raises(Trouble, match="no space left"):
        building.build(job, place, SimpleNamespace(create=create, home=home))
    assert place.current("a") == old
    assert [path.name for path in place.builds.iterdir()] == [old.name]


def test_pip_does_not_overwrite_what_conda_installed_under_another_name(place):
    build = made(place, "a")
    site = "lib/python3.12/site-packages"
    record = {"name": "py-opencv", "files": [f"{site}/cv2/__init__.py", f"{site}/cv2/__pycache__/x.pyc"]}
    (build / "conda-meta/py-opencv-4-0.json").write_text(json.dumps(record))
    info = build / site / "opencv_python_headless-4.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("cv2/__pycache__/x.pyc,,\n../../../bin/tool,,\ncv2/__init__.py,sha256=x,1\n")
    assert building.overwritten(build, {"six"}) is None
    assert building.overwritten(build, {"opencv-python-headless"}) == ("opencv_python_headless", "py-opencv")
    (info / "RECORD").write_text("cv2/other.py,,\n")
    assert building.overwritten(build, {"opencv-python-headless"}) is None


def test_a_process_stays_in_the_build_that_it_was_started_in(place, tmp_path):
    """Python started by the name; a module that is imported after the swap comes from the old build."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for digest, said in (("a" * 64, "old"), ("b" * 64, "new")):
        build = place.fresh("x", digest)
        site = build / "lib" / version / "site-packages"
        (site / "package").mkdir(parents=True)
        (build / "conda-meta").mkdir()
        (site / "package/__init__.py").write_text("")
        (site / "package/late.py").write_text(f"SAID = {said!r}\n")
        building._seal(build, {"lock": {}, "digest": digest, "shared": True})
    old, new = sorted(path for path in place.builds.iterdir())
    place.point("x", old)
    site = place.envs / "x/lib" / version / "site-packages"
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import package, _labprov_stay; print('ready', flush=True); "
        "input(); from package import late; print(late.SAID)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as running:
        assert running.stdout.readline() == "ready\n"
        place.point("x", new)
        assert running.communicate("\n")[0] == "old\n"


def test_only_its_owner_can_hold_the_lock(place):
    with place.alone(1):
        assert (place.builds / ".lock").stat().st_mode & 0o777 == 0o600
        with pytest.raises(Trouble, match="still running"), place.alone(0):
            pass


def test_the_program_is_the_same_bytes_and_runs_by_itself():
    data = program.archive()
    assert data == program.archive()
    assert "builder/main.py" in zipfile.ZipFile(BytesIO(data)).namelist()


def test_the_program_says_its_error_in_one_line(tmp_path):
    (tmp_path / "program.pyz").write_bytes(program.archive())
    (tmp_path / "envs/mine").mkdir(parents=True)
    job = {"do": "remove", "name": "mine", "envs": str(tmp_path / "envs"), "shared": True}
    done = subprocess.run(
        [sys.executable, "-I", tmp_path / "program.pyz"], input=json.dumps(job), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
    assert [path.name for path in (tmp_path / "envs/.labprov").iterdir()] == [".lock"]
