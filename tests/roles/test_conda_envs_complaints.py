"""What conda and pip complain of, told so that a person knows what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from labprov_roles.conda_envs.builder import complaints, programs
from labprov_roles.conda_envs.builder.places import Trouble
from labprov_roles.conda_envs.builder.programs import Programs

LIBMAMBA = "Could not load repodata: [json.exception.parse_error.101] parse error at line 1, column 2: syntax error"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("HTTP 403 FORBIDDEN for url <http://m/noarch/repodata.json>", "refuses by policy: ask its keepers"),
        ("Encountered problems while solving: HTTP status client error (403 Forbidden) for url", "refuses by policy"),
        ("HTTP 404 NOT FOUND for url <http://m/noarch/repodata.json>", "name another one (mirrors.conda) or try again"),
        ("CondaHTTPError: HTTP 000 CONNECTION FAILED for url", "name another one (mirrors.conda) or try again"),
        (LIBMAMBA, "index cannot be read"),
        ("JSONDecodeError: Expecting value: line 1 column 1 (char 0)", "half synchronised"),
        ("failed to deserialize repodata: expected value at line 1 column 1", "half synchronised"),
    ],
)
def test_a_channel_in_trouble(message: str, told: str) -> None:
    for kind in ("CondaError", "LibMambaUnsatisfiableError"):  # a solver says the latter of what it did not get, too
        error = programs._of_conda({"exception_name": kind, "message": message}, "")
        assert type(error) is Trouble and told in str(error), error


@pytest.mark.parametrize(
    "said",
    [
        "NoSpaceLeftError: No space left on devices.",
        "failed to link numpy: No space left on device (os error 28)",
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "Disk quota exceeded",
    ],
)
def test_a_full_disk_is_told_with_its_place_and_what_to_do(said: str, tmp_path: Path) -> None:
    trouble = Programs("conda", tmp_path, tmp_path / "home").full_disk(said)
    assert str(tmp_path) in str(trouble) and "MB free" in str(trouble) and "apply again" in str(trouble)


def test_other_complaints_are_not_the_disk(tmp_path: Path) -> None:
    assert Programs("conda", tmp_path, tmp_path / "home").full_disk("No matching distribution found for six") is None


VERBOSE = """Looking in indexes: http://m/simple
  Could not fetch URL http://m/simple/six/: 403 Client Error: Forbidden for url: http://m/simple/six/ - skipping
  Could not fetch URL http://wheels/six/: 404 Client Error: Not Found for url: http://wheels/six/ - skipping
ERROR: No matching distribution found for six
"""


def test_an_index_that_refuses_is_not_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip says only with -vv that it got no page; that a page is not there (404) is no news."""
    quiet = "ERROR: Could not find a version that satisfies the requirement six (from versions: none)\n"
    asked: list[tuple[str, ...]] = []

    def python(_: Path, *words: str) -> SimpleNamespace:
        asked.append(words)
        return SimpleNamespace(returncode=1, stdout=VERBOSE if "-vv" in words else "", stderr=quiet)

    made = Programs("conda", tmp_path, tmp_path)
    monkeypatch.setattr(made, "python", python)
    code, said = made.pip(tmp_path, "six")
    assert code == 1 and len(asked) == 2
    assert complaints.unreached(said).startswith("Could not fetch URL http://m/simple/six/: 403")
    assert "refuses by policy" in complaints.advice(complaints.unreached(said), "mirrors.pip")


def test_a_package_that_nobody_has_stays_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_missing = "\n".join(line for line in VERBOSE.splitlines() if " 403 " not in line)
    done = SimpleNamespace(returncode=1, stdout=only_missing, stderr="(from versions: none)")
    made = Programs("conda", tmp_path, tmp_path)
    monkeypatch.setattr(made, "python", lambda *_: done)
    assert "403" not in made.pip(tmp_path, "six")[1] and complaints.unlisted(only_missing) == ""


class Refusing(BaseHTTPRequestHandler):
    """403 for everything."""

    def do_GET(self) -> None:
        """Refuse."""
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


NONE = {"PIP_CONFIG_FILE": os.devnull}


def pip_says(url: str, folder: Path, *options: str) -> str:
    """What the machine's pip says with no configuration, asked to install from an index."""
    words = ["install", "--dry-run", "--ignore-installed", "--retries=0", "--timeout=5", f"--index-url={url}", *options]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, "six"],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("PIP_")} | NONE,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_pip_speaks_as_expected(tmp_path: Path) -> None:
    """The words that are looked for are pip's own: where nobody listens, and where somebody refuses."""
    said = pip_says("http://127.0.0.1:9/simple", tmp_path, "-vv")
    assert complaints.unreached(complaints.unlisted(said)), said
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/simple"
        said = pip_says(url, tmp_path)
        assert "from versions: none" in said and not complaints.unreached(said), "by itself it does not say why"
        assert " 403 " in complaints.unreached(complaints.unlisted(pip_says(url, tmp_path, "-vv")))
        server.shutdown()
