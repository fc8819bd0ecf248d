"""A tiny image made of the host's own files, and containers of it, for checks: no registry is asked, nothing is left.

Not for anything that people use. Shared by the checks of the roles that bring containers about.
"""

from __future__ import annotations

import getpass
import hashlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from testinfra.backend.base import CommandResult
from testinfra.host import Host

TOOLS = ("sh", "sleep", "cat", "ls", "head", "grep", "id")
"""Programs in the image."""
LIFETIME = 600
"""Seconds after which a container ends by itself, should a check be killed before it cleans up."""

_OURS = hashlib.sha256(f"{getpass.getuser()}@{socket.gethostname()}".encode()).hexdigest()[:16]
"""The same at each verification from here, so that its commands are; another controller has other names."""

_MAKE = """set -eu
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
mkdir -p "$d/usr/bin" "$d/usr/lib" "$d/usr/lib64" "$d/usr/sbin" "$d/etc" "$d/tmp" "$d/dev" "$d/proc" "$d/sys"
for f in bin lib lib64 sbin; do ln -s "usr/$f" "$d/$f"; done
take() { [ -e "$d$1" ] || cp -L --parents "$1" "$d"; }
libraries() { ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r l; do take "$l"; done; true; }
for tool in TOOLS; do p=$(command -v "$tool"); take "$p"; libraries "$p"; done
for tool in LIBRARIES_OF; do p=$(command -v "$tool") && libraries "$p"; done
tar -C "$d" -c . | docker import - IMAGE >/dev/null
"""


@contextmanager
def image(host: Host, libraries_of: Sequence[str] = ()) -> Iterator[str]:
    """Make the image, and remove it at the end; gives its name.

    ``libraries_of``: programs of the host whose libraries go in too, for what is mounted into a container later.
    """
    name = f"labprov-verify:{_OURS}"
    script = _MAKE.replace("LIBRARIES_OF", " ".join(libraries_of) or '""').replace("TOOLS", " ".join(TOOLS))
    made = host.run("sh -c %s", script.replace("IMAGE", name))
    try:
        assert made.rc == 0, f"an image could not be made of the host's own files: {said(made)}"
        yield name
    finally:
        host.run("docker image rm --force %s", name)


@contextmanager
def container(host: Host, options: Sequence[str] = (), libraries_of: Sequence[str] = ()) -> Iterator[str]:
    """Start a container that waits, and remove it and its image at the end; gives its name.

    ``options`` are words for ``docker run``, written by us.
    """
    with image(host, libraries_of) as image_name:
        name = f"labprov-verify-{_OURS}"
        words = " ".join(options)
        started = host.run(f"docker run --detach --rm --name {name} {words} {image_name} sleep {LIFETIME}")
        try:
            assert started.rc == 0, f"docker run {words} failed: {said(started)}"
            yield name
        finally:
            host.run("docker rm --force %s", name)


def said(result: CommandResult) -> str:
    """The last line of what a command said, for a message."""
    lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
    return lines[-1] if lines else f"exit code {result.rc}"
