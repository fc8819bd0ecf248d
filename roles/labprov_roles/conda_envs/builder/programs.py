"""Running conda and pip: with nothing of whoever runs this, and their complaints as one line with what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import complaints
from .places import Trouble

_PASSED = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Missing(Exception):
    """conda: some specs are in no channel."""

    def __init__(self, specs: list[str]) -> None:
        self.specs = specs
        super().__init__(", ".join(specs))


class Unsolvable(Exception):
    """conda: the specs do not go together; the first line of why."""


class Programs:
    """conda and pip, in a home of their own."""

    def __init__(self, conda: str, packages: Path, home: Path) -> None:
        self.conda, self.packages, self.home = conda, packages, home

    def environment(self) -> dict[str, str]:
        """What they see: proxies as the host has them, none of the user's settings."""
        kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
        return kept | {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "LC_ALL": "C.UTF-8",
            "CONDA_PKGS_DIRS": str(self.packages),
            "CONDA_REGISTER_ENVS": "false",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
        }

    def create(self, prefix: Path, *words: str) -> dict[str, Any]:
        """``conda create`` at a prefix. Raises Missing, Unsolvable, Trouble."""
        command = [self.conda, "create", "--yes", "--quiet", "--json", "--prefix", str(prefix), *words]
        done = self._run(command)
        answer = _json(done.stdout)
        if done.returncode == 0:
            return answer
        raise self.full_disk(done.stdout + done.stderr) or _of_conda(answer, done.stdout + done.stderr)

    def full_disk(self, said: str) -> Trouble | None:
        """The trouble when what a program said is that the disk is full."""
        if not complaints.full(said):
            return None
        return Trouble(complaints.full_disk(str(self.home.parent), shutil.disk_usage(self.home.parent).free))

    def pip(self, prefix: Path, *words: str) -> tuple[int, str]:
        """Run ``pip install`` of an environment: exit code, and all that it said."""
        done = self.python(prefix, "-m", "pip", "install", *words)
        said = done.stdout + done.stderr
        if done.returncode != 0 and "from versions: none" in said:  # an index that refuses looks like an empty one
            told = self.python(prefix, "-m", "pip", "install", "-vv", *words)
            said += complaints.unlisted(told.stdout + told.stderr)
        return done.returncode, said

    def python(self, prefix: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python of an environment."""
        return self._run([str(prefix / "bin/python"), "-I", *words])

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        environment = self.environment()
        try:  # open files go along: the lock of ``places`` is held for as long as a child lives
            return subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                errors="replace",
                env=environment,
                close_fds=False,
                stdin=subprocess.DEVNULL,
                cwd=self.home,
            )
        except OSError as error:
            raise Trouble(f"{command[0]} cannot be run: {error.strerror}") from None


def _of_conda(answer: dict[str, Any], said: str) -> Exception:
    kind = str(answer.get("exception_name") or "")
    message = str(answer.get("message") or answer.get("error") or said).strip()
    if kind.startswith("PackagesNotFound") or kind == "ResolvePackageNotFound":
        found = [str(spec) for spec in answer.get("packages") or []] or re.findall(
            r"^\s*- (?!http)(\S.*)$", message, re.M
        )
        return Missing(found)
    if line := complaints.unreached(message):
        return Trouble(f"a channel cannot be used: {line}; {complaints.advice(line, 'mirrors.conda')}")
    if line := complaints.broken_index(message):
        return Trouble(
            f"a channel's index cannot be read: {line}; the mirror is broken or half synchronised: name another one "
            "(mirrors.conda) or try again later"
        )
    if "Unsatisfiable" in kind:
        return Unsolvable(_line(message))
    return Trouble(f"conda: {_line(message)}")


def _line(message: str) -> str:
    """The telling beginning of what conda said, as one line."""
    return " ".join(message.split())[:300]


def _json(text: str) -> dict[str, Any]:
    """The last JSON object of what conda printed: it may tell its progress before, as objects too."""
    found: Any = {}
    decoder, start = json.JSONDecoder(), text.find("{")
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
        except ValueError:
            end = start + 1
        start = text.find("{", end)
    return found if isinstance(found, dict) else {}
