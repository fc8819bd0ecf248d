"""A conda package as data, and the one way to turn it into a ``.conda`` file. Not what is in any of them."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TIME = 1_700_000_000  # seconds since 1970; fixed, so that the same recipe gives the same bytes


@dataclass(frozen=True, slots=True)
class CondaPackage:
    """One package: its files are those below ``tree``; ``noarch`` ones have theirs in ``tree/site-packages``."""

    name: str
    version: str
    tree: Path
    build: str = "labprov_0"
    depends: tuple[str, ...] = ()
    noarch: bool = False
    entry_points: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def subdir(self) -> str:
        """The part of the channel that it belongs in."""
        return "noarch" if self.noarch else "linux-64"

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return f"{self.name}-{self.version}-{self.build}.conda"

    def index(self) -> dict[str, Any]:
        """Return ``info/index.json``."""
        where = {"noarch": "python"} if self.noarch else {"arch": "x86_64", "platform": "linux"}
        return {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": list(self.depends),
            "license": "see the package; repackaged by the labprov sandbox",
            "subdir": self.subdir,
            "timestamp": _TIME * 1000,
            **where,
            **self.extra,
        }


def build(package: CondaPackage, channel: Path) -> dict[str, Any]:
    """Write the package into its folder of ``channel``; returns its entry in ``repodata.json``."""
    folder = channel / package.subdir
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in package.tree.rglob("*") if path.is_symlink() or not path.is_dir())
    name = package.file_name.removesuffix(".conda")
    contents = _tar((path.relative_to(package.tree).as_posix(), path) for path in files)
    info = _tar((f"info/{key}", text.encode()) for key, text in _info(package, files).items())
    with zipfile.ZipFile(folder / package.file_name, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        archive.writestr(f"pkg-{name}.tar.zst", _zstd(contents))
        archive.writestr(f"info-{name}.tar.zst", _zstd(info))
    data = (folder / package.file_name).read_bytes()
    sums = {"md5": hashlib.md5(data, usedforsecurity=False).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}
    return {**package.index(), **sums, "size": len(data)}


def repodata(subdir: str, entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return ``repodata.json`` of one part of a channel; ``entries`` by file name."""
    data = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": dict(entries), "repodata_version": 1}
    return json.dumps(data, indent=1, sort_keys=True)


def _info(package: CondaPackage, files: Iterable[Path]) -> dict[str, str]:
    found = list(files)
    paths = {"paths": [_path_entry(path, package.tree) for path in found], "paths_version": 1}
    about = {"summary": f"{package.name}, in the channel of the labprov sandbox (simulation)"}
    parts: dict[str, Any] = {"index.json": package.index(), "paths.json": paths, "about.json": about}
    if package.noarch:
        noarch = {"type": "python", "entry_points": list(package.entry_points)}
        parts["link.json"] = {"noarch": noarch, "package_metadata_version": 1}
    texts = {name: json.dumps(part, indent=1) for name, part in parts.items()}
    return {**texts, "files": "".join(f"{path.relative_to(package.tree).as_posix()}\n" for path in found)}


def _path_entry(path: Path, tree: Path) -> dict[str, Any]:
    kind, data = ("softlink", b"") if path.is_symlink() else ("hardlink", path.read_bytes())
    entry = {"_path": path.relative_to(tree).as_posix(), "path_type": kind}
    return {**entry, "sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}


def _tar(members: Iterable[tuple[str, Path | bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, source in members:
            item = archive.gettarinfo(source, name) if isinstance(source, Path) else tarfile.TarInfo(name)
            item.uid = item.gid = 0
            item.uname = item.gname = "root"
            item.mtime = _TIME
            data = source if isinstance(source, bytes) else b"" if source.is_symlink() else source.read_bytes()
            if item.islnk():  # two names of one file on this machine: two files in the package
                item.type, item.linkname = tarfile.REGTYPE, ""
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    return buffer.getvalue()


def _zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-3", "-c"], input=data, check=True, capture_output=True).stdout
