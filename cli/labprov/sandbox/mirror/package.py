"""A Debian package as data, and the one way to turn it into a file. Not what is in any particular package."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

STAND_IN = "Stand-in of the labprov sandbox, not the vendor's software."
"""The second line of every package's description, so that nobody takes one for the real thing."""

_EPOCH = "1700000000"  # fixed file times: the same recipe gives the same bytes


@dataclass(frozen=True, slots=True)
class File:
    """A regular file of a package: its bytes, or a file on this machine to copy them from, and its mode."""

    source: bytes | Path
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link of a package."""

    target: str


@dataclass(frozen=True, slots=True)
class Package:
    """One binary package. ``files`` maps absolute paths on the target, ``scripts`` maintainer script names to text.

    ``relations`` are control fields such as ``Depends`` in the order in which they are to be written.
    """

    name: str
    version: str
    summary: str
    relations: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, File | Link] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    architecture: str = "amd64"
    section: str = "admin"

    @property
    def file_name(self) -> str:
        """The name of the .deb as vendors write it: the epoch is not part of it."""
        return f"{self.name}_{self.version.split(':', 1)[-1]}_{self.architecture}.deb"


def control(package: Package) -> str:
    """Return the package's control file."""
    fields = {
        "Package": package.name,
        "Version": package.version,
        "Architecture": package.architecture,
        "Maintainer": "labprov sandbox <sandbox@labprov.invalid>",
        "Section": package.section,
        "Priority": "optional",
        **package.relations,
        "Description": f"{package.summary}\n {STAND_IN}",
    }
    return "".join(f"{key}: {value}\n" for key, value in fields.items() if value)


def stanza(package: Package, deb: Path, filename: str) -> str:
    """Return the package's paragraph of a ``Packages`` index; ``filename`` is relative to the repository's root."""
    data = deb.read_bytes()
    description = control(package).rstrip("\n")
    sha256 = hashlib.sha256(data).hexdigest()
    return f"{description}\nFilename: {filename}\nSize: {len(data)}\nSHA256: {sha256}\n"


def build(package: Package, folder: Path) -> Path:
    """Build the package into ``folder`` by ``dpkg-deb`` and return the .deb, put there by a rename."""
    deb = folder / package.file_name
    with tempfile.TemporaryDirectory(dir=folder, prefix=".stage-") as name:
        stage, fresh = Path(name) / "tree", Path(name) / "fresh.deb"
        _lay_out(package, stage)
        command = ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z1", "--build", str(stage), str(fresh)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": _EPOCH}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        fresh.rename(deb)
    return deb


def _lay_out(package: Package, stage: Path) -> None:
    stage.mkdir(mode=0o755)
    for path, entry in package.files.items():
        target = stage / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(entry, Link):
            target.symlink_to(entry.target)
        elif isinstance(entry.source, bytes):
            _write(target, entry.source, entry.mode)
        else:
            shutil.copyfile(entry.source, target)
            target.chmod(entry.mode)
    _write(stage / "DEBIAN/control", control(package).encode(), 0o644)
    conffiles = "".join(f"{path}\n" for path in package.files if path.startswith("/etc/"))
    if conffiles:
        _write(stage / "DEBIAN/conffiles", conffiles.encode(), 0o644)
    for script, text in package.scripts.items():
        _write(stage / "DEBIAN" / script, text.encode(), 0o755)


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
