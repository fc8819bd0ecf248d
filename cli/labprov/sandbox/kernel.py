"""The stand-in packages of a node's kernel, and the local apt repository that carries them. Installs nothing.

A node runs this machine's kernel, which no package of the node carries. So that the node looks like a server whose
kernel came by apt, it gets ``linux-image-RELEASE`` and ``linux-headers-RELEASE`` made here, named as what they are.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from labprov.sandbox.shell import run, write

VERSION = "1.0+labprov.sandbox"
ORIGIN = "labprov sandbox"
_DATE = "Mon, 01 Jan 2024 00:00:00 UTC"
_IMAGE_POSTINST = """#!/bin/sh
set -e
depmod {release}
DEB_MAINT_PARAMS="configure" run-parts --arg={release} --arg=/boot/vmlinuz-{release} /etc/kernel/postinst.d
"""
_CONFIG = "# labprov sandbox: stand-in\nCONFIG_MODULES=y\nCONFIG_RD_GZIP=y\nCONFIG_RD_ZSTD=y\n"
_MAKEFILE = "# labprov sandbox: stand-in for the kernel's headers; nothing can be built with it\n"


def build_repository(folder: Path, release: str, architecture: str) -> None:
    """Make the flat apt repository ``folder`` with both packages for the kernel ``release`` (``uname -r``)."""
    folder.mkdir(parents=True)
    modules = f"usr/lib/modules/{release}"
    image = {
        f"boot/vmlinuz-{release}": "labprov sandbox: stand-in; the node runs the kernel of the machine\n",
        f"boot/config-{release}": _CONFIG,
        f"boot/System.map-{release}": "",
        f"{modules}/modules.order": "",
        f"{modules}/modules.builtin": "",
        f"{modules}/modules.builtin.modinfo": "",
    }
    headers = {
        f"usr/src/linux-headers-{release}/Makefile": _MAKEFILE,
        f"usr/src/linux-headers-{release}/.config": _CONFIG,
        f"usr/src/linux-headers-{release}/include/generated/utsrelease.h": f'#define UTS_RELEASE "{release}"\n',
    }
    stanzas = [
        _package(
            folder, f"linux-image-{release}", architecture, image, postinst=_IMAGE_POSTINST.format(release=release)
        ),
        _package(
            folder,
            f"linux-headers-{release}",
            architecture,
            headers,
            links={f"{modules}/build": f"/usr/src/linux-headers-{release}"},
        ),
    ]
    _index(folder, "\n".join(stanzas))


def _package(
    folder: Path,
    name: str,
    architecture: str,
    files: dict[str, str],
    postinst: str = "",
    links: dict[str, str] | None = None,
) -> str:
    """Build one package in ``folder``; give its stanza for the index."""
    tree = folder / "tree" / name
    control = (
        f"Package: {name}\nVersion: {VERSION}\nArchitecture: {architecture}\nSection: kernel\nPriority: optional\n"
        "Maintainer: labprov sandbox <root@localhost>\n"
        "Description: stand-in of the labprov sandbox, not a real kernel package\n"
    )
    write(tree / "DEBIAN/control", control)
    if postinst:
        write(tree / "DEBIAN/postinst", postinst, mode=0o755)
    for path, text in files.items():
        write(tree / path, text)
    for path, target in (links or {}).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).symlink_to(target)
    deb = folder / f"{name}.deb"
    run(["dpkg-deb", "--build", "--root-owner-group", "--nocheck", "-Zgzip", tree, deb])
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    return f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"


def _index(folder: Path, packages: str) -> None:
    write(folder / "Packages", packages)
    digest = hashlib.sha256(packages.encode()).hexdigest()
    write(
        folder / "Release",
        f"Origin: {ORIGIN}\nLabel: {ORIGIN}\nDate: {_DATE}\nSHA256:\n {digest} {len(packages.encode())} Packages\n",
    )
    run(["rm", "-r", folder / "tree"])
