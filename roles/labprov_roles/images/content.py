"""What an image is built from: a folder as one archive, the same bytes for the same content, and its digest.

Reads the folder; knows no host.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from labprov.errors import UserError, Where
from labprov_roles.images.settings import Build

LARGEST = 256 * 2**20
"""Bytes of a folder: it is sent to every server, and read at every plan."""


def archive(folder: Path, dockerfile: str) -> bytes:
    """The folder as a tar archive. Only content counts: not times, owners or modes but for "executable".

    Raises UserError when it cannot be read, has no such Dockerfile, or is too large.
    """
    if not (folder / dockerfile).is_file():
        raise UserError(f"the folder has no {dockerfile}", Where(folder))
    buffer, size = io.BytesIO(), 0
    try:
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in _walk(folder):
                size += path.lstat().st_size if not path.is_dir() else 0
                if size > LARGEST:
                    raise UserError(
                        f"holds more than {LARGEST >> 20} MB",
                        Where(folder),
                        "keep data out of it: mount it, or COPY --from",
                    )
                _add(tar, folder, path)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", Where(Path(error.filename or folder))) from None
    return buffer.getvalue()


def digest(source: str, build: Build) -> str:
    """What an image is compared by: 64 hexadecimal digits over its source, Dockerfile and arguments.

    ``source``: what of the folder or the repository it is, like ``commit 3f2a...``; not where it came from.
    """
    data = [1, source, build.dockerfile, dict(sorted(build.args.items()))]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def of_folder(content: bytes) -> str:
    """The source that an archive is."""
    return f"folder {hashlib.sha256(content).hexdigest()}"


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below, sorted; links are not followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name == ".git":
            continue
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))


def _add(tar: tarfile.TarFile, folder: Path, path: Path) -> None:
    info, mode = tarfile.TarInfo(path.relative_to(folder).as_posix()), path.lstat().st_mode
    if stat.S_ISLNK(mode):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
        tar.addfile(info)
    elif stat.S_ISDIR(mode):
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
    elif stat.S_ISREG(mode):
        data = path.read_bytes()
        info.size, info.mode = len(data), 0o755 if mode & stat.S_IXUSR else 0o644
        tar.addfile(info, io.BytesIO(data))
    else:
        raise UserError("is no file, folder or link", Where(path))
