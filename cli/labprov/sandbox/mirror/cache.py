"""The built mirror, kept between runs: ``ensure`` and ``Mirror``. Not how it is built (``build``) or served."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labprov.sandbox.mirror import catalogue, requirements, toolkit
from labprov.sandbox.mirror.build import build_mirror, publish
from labprov.sandbox.mirror.driver import Driver, Programs
from labprov.sandbox.mirror.signing import Key, ensure_key, keyring
from labprov.sandbox.shell import locked

_KEY_FOLDER = "mirror-key"
_KEPT = 24 * 3600  # seconds; a sandbox that is up may still be served from it
_SIGNED = ("docker", "cuda", "nvidia_container_toolkit")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A vendor mirror on disk: ``root`` is what a static HTTP server serves."""

    root: Path
    key: Key

    @property
    def fingerprint(self) -> str:
        """The key that signs every repository of the mirror."""
        return self.key.fingerprint

    def settings(self, base_url: str) -> dict[str, dict[str, str]]:
        """Return what goes under ``mirrors:`` in an inventory when ``root`` is served at ``base_url``."""
        urls = catalogue.urls(base_url.rstrip("/"))
        signed = {name: {"fingerprint": self.fingerprint} for name in _SIGNED}
        return {name: {"url": url, **signed.get(name, {})} for name, url in urls.items()}

    def role_settings(self, base_url: str) -> dict[str, Any]:
        """Return what goes under ``settings:``: what roles cannot know of stand-ins, such as checksums.

        ``base_url`` is where ``root`` is served.
        """
        # The channel's oldest Python: the newer one needs a newer glibc than Debian 12 has.
        environments = {"python": "3.11", "pip_index": f"{base_url.rstrip('/')}/pypi/simple"}
        newest = {item.distribution: item for item in catalogue.INSTALLERS}["miniconda"]
        sums = (self.root / f"{newest.path}.sha256").read_text()
        return {
            "miniconda": {
                "distribution": newest.distribution,
                "version": newest.version,
                "sha256": sums.split()[0],
            },
            "conda_envs": environments,
            "jupyter": dict(environments),
        }

    def installer_sha256(self, distribution: str, version: str) -> str:
        """Return the checksum of one installer, for an inventory that asks for another version."""
        item = next(i for i in catalogue.INSTALLERS if (i.distribution, i.version) == (distribution, version))
        return (self.root / f"{item.path}.sha256").read_text().split()[0]

    def copy(self, root: Path) -> Mirror:
        """Return a copy at ``root`` (hard links: no space, no time) that can be added to, and may be deleted."""
        shutil.copytree(self.root, root, copy_function=_link_or_copy)
        return Mirror(root, self.key)

    def add_release(self, vendor: str, distribution: str, versions: Sequence[str]) -> None:
        """Publish further versions and sign anew, as a vendor does overnight. For a ``copy``, not the cache.

        ``vendor`` is ``cuda`` (driver versions such as ``580.200.01`` for ``debian12``) or
        ``nvidia_container_toolkit`` (versions such as ``1.21.0-1``; ``distribution`` is not looked at).
        """
        layout = catalogue.Layout(self.root)
        with keyring(self.key) as home:
            if vendor == "cuda":
                programs = Programs()
                drivers = [package for number in versions for package in Driver(number, programs).packages()]
                publish(layout.cuda(distribution), drivers, home)
            elif vendor == "nvidia_container_toolkit":
                publish(layout.container_toolkit(), [p for v in versions for p in toolkit.packages(v)], home)
            else:
                raise ValueError(f"no releases can be added for {vendor!r}")


def ensure(cache_dir: Path, say: Callable[[str], None]) -> Mirror:
    """Return the vendor mirror, built at the first call with this recipe and kept in ``cache_dir`` afterwards.

    ``say`` gets a line a stage while it is built. A build that is killed leaves nothing that a later one would use.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    root = cache_dir / f"mirror-{recipe()[:16]}"
    with locked(cache_dir / "mirror.lock"):
        _forget_old(cache_dir, keep=root)
        key = ensure_key(cache_dir / _KEY_FOLDER)
        if not root.exists():
            requirements.ensure(say)
            fresh = cache_dir / ".mirror-building" / "root"
            fresh.mkdir(parents=True)
            build_mirror(fresh, key, say)
            fresh.rename(root)
            fresh.parent.rmdir()
        os.utime(root)
    return Mirror(root, key)


def _forget_old(cache_dir: Path, keep: Path) -> None:
    """Remove what a killed build left, and mirrors of other recipes that nobody asked for since a day."""
    old = [path for path in cache_dir.glob("mirror-*/") if path != keep and path.name != _KEY_FOLDER]
    forgotten = [path for path in old if time.time() - path.stat().st_mtime > _KEPT]
    for path in [*cache_dir.glob(".mirror-*/"), *forgotten]:
        shutil.rmtree(path)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def recipe() -> str:
    """Return what the mirror's content depends on: a hash over this package's code and files."""
    folder, digest = Path(__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
