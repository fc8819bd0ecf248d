"""Packages of Debian releases other than this machine's, by a private apt. Not this machine's package management."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from labprov.errors import HostError
from labprov.sandbox.apt_sources import machine_archive
from labprov.sandbox.shell import environment, run


def download(suite: str, names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Download the newest packages ``names`` of ``suite`` into ``folder``; returns the .deb of each name.

    Raises HostError when apt cannot.
    """
    state = folder / ".apt"
    for part in ("lists/partial", "cache/archives/partial", "sources"):
        (state / part).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    (state / "sources/debian.sources").write_text(machine_archive().deb822(suite))
    (state / "apt.conf").write_text(_configuration(state))
    _apt(["update"], state, folder)
    _apt(["download", *names], state, folder)
    return {name: next(folder.glob(f"{name}_*.deb")) for name in names}


def unpack(deb: Path, folder: Path) -> Path:
    """Unpack a .deb's files into ``folder`` and return it."""
    run(["dpkg-deb", "-x", deb, folder])
    return folder


def version_of(deb: Path) -> str:
    """Return the version of a .deb."""
    return run(["dpkg-deb", "--field", deb, "Version"]).strip()


def _apt(arguments: Sequence[str], state: Path, folder: Path) -> None:
    command = ["apt-get", "-q", "-c", str(state / "apt.conf"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["apt-get said nothing"])[-1]
        raise HostError(f"apt-get {arguments[0]} for the vendor mirror failed: {last}")


def _configuration(state: Path) -> str:
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": state / "sources",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    return "".join(f'{key} "{value}";\n' for key, value in settings.items())
