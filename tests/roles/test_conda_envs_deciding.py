"""conda_envs, the builder's decisions on a host: conda or pip for each package, and what it makes of their answers.

Fakes stand for conda and pip; nothing is built.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from labprov_roles.conda_envs.builder import deciding, programs
from labprov_roles.conda_envs.builder.places import Trouble
from labprov_roles.conda_envs.builder.programs import Missing, Unsolvable

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


def test_condas_answer_is_the_last_object_that_it_prints():
    progress = '{"fetch": "numpy", "progress": 1.0}\0Note: {not json\n'
    assert programs._json(progress + '{"success": true}') == {"success": True}
    assert programs._json("nothing") == {}
