"""What this machine must have to build the mirror: a compiler, gpg, zstd. Debian's apt brings what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from labprov.sandbox.requirements import install
from labprov.sandbox.shell import environment

PROGRAMS = {
    "gcc": "gcc",
    "strip": "binutils",
    "gpg": "gpg",
    "gpgconf": "gnupg",
    "gpg-agent": "gpg-agent",
    "zstd": "zstd",
}
"""The programs that the mirror's build runs, and the Debian package that brings each."""

FILES = {
    "/usr/include/stdio.h": "libc6-dev",
    "/usr/share/keyrings/debian-archive-trixie-stable.gpg": "debian-archive-keyring",
}
"""The files that it reads, and the package that brings each."""


def ensure(say: Callable[[str], None]) -> None:
    """Install what is missing. Raises HostError when apt cannot."""
    install(missing(), say)


def missing() -> list[str]:
    """Return the Debian packages that this machine lacks, sorted."""
    path = environment()["PATH"]
    programs = {package for program, package in PROGRAMS.items() if not shutil.which(program, path=path)}
    return sorted(programs | {package for file, package in FILES.items() if not Path(file).exists()})
