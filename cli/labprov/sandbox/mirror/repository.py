"""A signed apt repository: index, release file, layout. Not the packages, and not how they are served."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from labprov.sandbox.mirror.package import Package, stanza
from labprov.sandbox.mirror.signing import sign_release


@dataclass(frozen=True, slots=True)
class Repository:
    """Where one repository keeps what, all relative to ``root``.

    ``release`` is the folder of its Release file, ``index`` the folder of its Packages file (the same in a flat
    repository), ``pool`` the folder of its packages, ``labels`` the fields of the Release file that say whose it is.
    """

    root: Path
    labels: Mapping[str, str]
    release: str = "."
    index: str = "."
    pool: str = "."

    @property
    def pool_path(self) -> Path:
        """The folder to build packages into; made when it is not there."""
        folder = self.root / self.pool
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def add(repository: Repository, packages: Iterable[tuple[Package, Path]], gpg_home: Path) -> None:
    """Put built packages into the index (same name and version: replaced), then write and sign the Release file."""
    index = repository.root / repository.index / "Packages"
    known = {_identity(text): text for text in _paragraphs(index)}
    for package, deb in packages:
        prefix = "./" if repository.pool == "." else f"{repository.pool}/"
        text = stanza(package, deb, f"{prefix}{deb.name}")
        known[_identity(text)] = text
    data = "\n".join(known[key] for key in sorted(known)).encode()
    replace(index, data)
    replace(index.with_name("Packages.gz"), gzip.compress(data, mtime=0))
    release = repository.root / repository.release / "Release"
    files = {
        path.relative_to(release.parent).as_posix(): path.read_bytes() for path in (index, index.with_suffix(".gz"))
    }
    replace(release, release_text(repository.labels, files, datetime.now(UTC)).encode())
    sign_release(gpg_home, release)


def release_text(labels: Mapping[str, str], files: Mapping[str, bytes], date: datetime) -> str:
    """Return a Release file that lists ``files`` (path relative to it, and content); ``date`` is in UTC."""
    head = {**labels, "Date": format_datetime(date.astimezone(UTC), usegmt=True)}
    lines = [f"{key}: {value}\n" for key, value in head.items()]
    sums = [f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}\n" for path, data in files.items()]
    return "".join([*lines, "SHA256:\n", *sums])


def replace(path: Path, data: bytes) -> None:
    """Write ``path`` by a rename, so that a reader, or a hard link to the old file, never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)


def _paragraphs(index: Path) -> list[str]:
    text = index.read_text() if index.exists() else ""
    return [part.rstrip("\n") + "\n" for part in text.split("\n\n") if part.strip()]


def _identity(text: str) -> tuple[str, str]:
    fields = dict(line.split(": ", 1) for line in text.splitlines() if line[:1].isalpha() and ": " in line)
    return fields["Package"], fields["Version"]
