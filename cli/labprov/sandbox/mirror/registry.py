"""A stand-in for a registry of container images: files as the OCI distribution API has them, pull-only.

``serve`` answers with the media types and digests; here is what it finds. The images hold one small program.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labprov.sandbox.mirror.compiled import compile_c

FOLDER = "v2"
"""Below the mirror's root: the registry is the mirror's own address."""
REPOSITORY = "labprov/tiny"
TAGS = ("1.0", "latest")
REFUSED = "labprov/members-only"
"""A repository that answers 403, by ``DENIED`` in its folder."""
DENIED = "denied"

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_PROGRAMS = ("true", "false", "sleep", "hello")
_SOURCE = Path(__file__).parent / "files/registry/tiny.c"


def tiny_program() -> bytes:
    """The program of the image, linked statically."""
    return compile_c(_SOURCE, "-static")


def build(root: Path) -> None:
    """Fill the mirror's registry: ``labprov/tiny`` by two tags, and a repository that refuses everybody."""
    program = tiny_program()
    for tag in TAGS:
        publish(root, REPOSITORY, tag, {"labprov": "stand-in"}, program)
    refused = root / FOLDER / REFUSED
    refused.mkdir(parents=True)
    (refused / DENIED).write_text("This repository refuses everybody: for the sandbox's tests.\n")


def publish(
    root: Path, repository: str, tag: str, labels: Mapping[str, str], program: bytes, environment: Sequence[str] = ()
) -> str:
    """Push an image for this machine's architecture under a tag, moving it; returns the digest of its index."""
    layer = _layer(program)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin", *environment], "Cmd": ["/bin/hello"], "Labels": dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    folder = root / FOLDER / repository
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST_TYPE,
        "config": _blob(folder, _CONFIG_TYPE, _json(config)),
        "layers": [_blob(folder, _LAYER_TYPE, gzip.compress(layer, mtime=0))],
    }
    described = _manifest(folder, _MANIFEST_TYPE, _json(manifest))
    platform = {"architecture": "amd64", "os": "linux"}
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [{**described, "platform": platform}]}
    digest = str(_manifest(folder, INDEX_TYPE, _json(index))["digest"])
    _replace(folder / "manifests" / tag, _json(index))
    return digest


def _layer(program: bytes) -> bytes:
    """An uncompressed layer: the program in /bin, under each of its names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        first = tarfile.TarInfo(f"bin/{_PROGRAMS[0]}")
        first.size, first.mode = len(program), 0o755
        archive.addfile(first, io.BytesIO(program))
        for name in _PROGRAMS[1:]:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname, link.mode = tarfile.LNKTYPE, first.name, first.mode
            archive.addfile(link)
    return buffer.getvalue()


def _blob(folder: Path, kind: str, data: bytes) -> dict[str, Any]:
    return _put(folder / "blobs", kind, data)


def _manifest(folder: Path, kind: str, data: bytes) -> dict[str, Any]:
    return _put(folder / "manifests", kind, data)


def _put(folder: Path, kind: str, data: bytes) -> dict[str, Any]:
    _replace(folder / _digest(data), data)
    return {"mediaType": kind, "digest": _digest(data), "size": len(data)}


def _replace(path: Path, data: bytes) -> None:
    """Files of a copied mirror are links to the cache's: never written in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
