"""conda_envs, what the builder does on a host: deciding, complaints, builds, swaps. Fakes stand for conda and pip."""

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
from labprov_roles.conda_envs.builder import building, deciding, places, programs
from labprov_roles.conda_envs.builder.places import Place, Trouble, complete, state
from labprov_roles.conda_envs.builder.programs import Missing, Unsolvable
from labprov_roles.conda_envs.facts import EnvironmentsAt

WHERE = {"conda": "https://mirror.example/conda", "pip": None, "wheels": None}


def want(name: str, by: str = "any") -> dict[str, str]:
    return {"requirement": name, "by": by, "conda": name, "pip": name}


def asked(*items: dict[str, str]) -> dict:
    return {"system": "debian12-x86_64", "python": "3.12", "channels": ["conda-forge"], "items": list(items)}


class Fakes:
    """A channel with some names, sets of names that do not go together, and an index for pip."""

    def __init__(self, home: Path, channel=(), apart=(), index=(), conflict="") -> None:
        self.home, self.channel, self.apart, self.index, self.conflict = home, set(channel), apart, set(index), conflict
        self.solved: list[list[str]] = []

    def create(self, prefix: Path, *words: str) -> dict:
        specs = [w for n, w in enumerate(words) if not w.startswith("--") and words[n - 1] != "--channel"]
        names = [s for s in specs if not s.startswith("python=") and s != "pip"]
        self.solved.append(names)
        if missing := [name for name in names if name not in self.channel]:
            raise Missing(missing)
        if any(set(group) <= set(names) for group in self.apart):
            raise Unsolvable("they need different pythons")
        if "--dry-run" not in words:
            (prefix / "conda-meta").mkdir(parents=True)
            for name in [*names, "python"]:
                url = f"https://mirror.example/conda/conda-forge/noarch/{name}-1.0-0.conda"
                record = {"name": name, "version": "1.0", "build": "0", "sha256": "ab", "url": url}
                (prefix / f"conda-meta/{name}-1.0-0.json").write_text(json.dumps(record))
        return {"success": True}

    def python(self, prefix: Path, *words: str) -> SimpleNamespace:
        return SimpleNamespace(returncode=0, stdout="base==1.0\n", stderr="")

    def full_disk(self, said: str) -> None:
        return None

    def pip(self, prefix: Path, *words: str) -> tuple[int, str]:
        names = (self.home / "wanted.txt").read_text().split()
        assert (self.home / "constraints.txt").read_text() == "base==1.0\n"
        if self.conflict:
            return 1, self.conflict
        if missing := [name for name in names if name not in self.index]:
            return 1, f"ERROR: No matching distribution found for {missing[0]}"
        hashes = {"archive_info": {"hashes": {"sha256": "cd"}}, "url": "https://host/x/NAME-2.0.whl"}
        rows = [{"metadata": {"name": n, "version": "2.0"}, "download_info": hashes} for n in names]
        (self.home / "report.json").write_text(json.dumps({"install": rows}))
        return 0, ""


def decide(fakes: Fakes, *items: dict[str, str]) -> dict:
    return deciding.decide({"request": asked(*items), "where": WHERE}, fakes, fakes.home / "trial")


def by(lock: dict) -> dict[str, str]:
    return {row["requirement"]: row["by"] for row in lock["decisions"]}


def test_conda_has_it_else_pip(tmp_path):
    fakes = Fakes(tmp_path, channel=["numpy"], index=["solcore", "numpy"])
    lock = decide(fakes, want("numpy"), want("solcore"))
    assert by(lock) == {"numpy": "conda", "solcore": "pip"}
    assert lock["decisions"][1]["why"] == "no channel has a version that fits"
    assert [row["name"] for row in lock["conda"]] == ["numpy", "python"]
    assert lock["conda"][0]["file"] == "conda-forge/noarch/numpy-1.0-0.conda"
    assert lock["pip"] == [{"name": "solcore", "version": "2.0", "sha256": "cd", "file": "NAME-2.0.whl"}]


def test_who_is_named_installs(tmp_path):
    fakes = Fakes(tmp_path, channel=["numpy", "six"], index=["numpy", "six"])
    lock = decide(fakes, want("numpy", "pip"), want("six", "conda"))
    assert by(lock) == {"numpy": "pip", "six": "conda"}
    assert [row["why"] for row in lock["decisions"]] == ["named for pip", "named for conda"]


def test_what_does_not_go_together_is_pips_and_the_first_declared_stays(tmp_path):
    fakes = Fakes(tmp_path, channel="abc", apart=[("a", "c")], index="abc")
    assert by(decide(fakes, want("a"), want("b"), want("c"))) == {"a": "conda", "b": "conda", "c": "pip"}
    fakes = Fakes(tmp_path / "other", channel="abc", apart=[("a", "c")], index="abc")
    fakes.home.mkdir()
    assert by(decide(fakes, want("a"), want("b"), want("c", "conda"))) == {"a": "pip", "b": "conda", "c": "conda"}


def test_what_goes_together_is_solved_once(tmp_path):
    fakes = Fakes(tmp_path, channel="abc")
    decide(fakes, want("a"), want("b"))
    assert fakes.solved == [["a", "b"]]


@pytest.mark.parametrize(
    ("items", "options", "message"),
    [
        ([want("nix")], {}, r"nix: neither the channels \(conda-forge\) nor the pip index .* have a version that fits"),
        ([want("nix", "conda")], {"index": ["nix"]}, "nix: none of the channels conda-forge has"),
        ([want("a", "conda"), want("b", "conda")], {"channel": "ab", "apart": [("a", "b")]}, "conda cannot solve"),
        (
            [want("x")],
            {"conflict": "The conflict is caused by:\n    x 1 depends on y>2\n    (constraint) y==1.0\n\nTo fix\n"},
            r"do not agree: x 1 depends on y>2; \(constraint\) y==1\.0 .*write another version",
        ),
        (
            [want("x")],
            {"conflict": "WARNING: Could not fetch URL http://m/x: 403 Client Error\nERROR: No matching\n"},
            "pip index .* cannot be used: WARNING: Could not fetch URL http://m/x: 403",
        ),
    ],
)
def test_what_nobody_can_install_is_an_error_that_says_where_it_was_looked_for(tmp_path, items, options, message):
    with pytest.raises(Trouble, match=message):
        decide(Fakes(tmp_path, **options), *items)


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        ({"exception_name": "PackagesNotFoundError", "packages": ["foo>=9"]}, Missing, "foo>=9"),
        (
            {
                "exception_name": "PackagesNotFoundError",
                "message": "not available:\n\n  - foo>=9\n\nCurrent:\n\n  - https://x",
            },
            Missing,
            "foo>=9",
        ),
        (
            {"exception_name": "LibMambaUnsatisfiableError", "message": "Encountered\n problems"},
            Unsolvable,
            "Encountered",
        ),
        (
            {"exception_name": "CondaHTTPError", "message": "HTTP 403 FORBIDDEN for url <http://m>"},
            Trouble,
            "403 FORBIDDEN",
        ),
        ({"exception_name": "NoWritableEnvs", "message": "No\nspace left"}, Trouble, "conda: No space left"),
    ],
)
def test_condas_complaints(answer, kind, text):
    error = programs._of_conda(answer, "")
    assert type(error) is kind and text in str(error)


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


def test_condas_answer_is_the_last_object_that_it_prints():
    progress = '{"fetch": "numpy", "progress": 1.0}\0Note: {not json\n'
    assert programs._json(progress + '{"success": true}') == {"success": True}
    assert programs._json("nothing") == {}


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
