"""Where a family keeps repositories and their keys, and how it writes them. Pure: knows no host.

``repository`` works with either; what differs is data and text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labprov.engine.facts import rpm

KEYRINGS = "/etc/apt/keyrings"
SOURCES = "/etc/apt/sources.list.d"
RPM_KEYS = "/etc/pki/rpm-gpg"

Signed = Literal["packages", "metadata"]
"""What a vendor signs of an rpm repository: each package, or the index that holds their checksums. apt: the index."""


@dataclass(frozen=True, slots=True)
class Source:
    """A repository, as a role describes it."""

    title: str
    """How people call it."""
    slug: str
    """Its file name, and its id for dnf."""
    url: str
    suite: str
    """Of apt; dnf has none."""
    components: tuple[str, ...]
    """Of apt; dnf has none."""
    signed: Signed = "packages"
    """Of dnf."""
    exclude: tuple[str, ...] = ()
    """Of dnf: packages (``*`` allowed) that never come from here; apt has pins for that."""


@dataclass(frozen=True, slots=True)
class Places:
    """One family's."""

    tools: tuple[str, ...]
    """Packages that fetch and check a key."""
    keys: str
    """The folder for keys."""

    def key(self, slug: str, key_url: str) -> str:
        """The key's file."""
        raise NotImplementedError

    def source(self, slug: str) -> str:
        """The source's file."""
        raise NotImplementedError

    def text(self, source: Source, key: str) -> str:
        """What is in it."""
        raise NotImplementedError


class Apt(Places):
    """A deb822 source, and its key in a file of its own."""

    def key(self, slug: str, key_url: str) -> str:
        """Apt goes by the ending: ``.asc`` for an armored file, ``.gpg`` for a binary one."""
        return f"{self.keys}/{slug}.{'asc' if not key_url.endswith('.gpg') else 'gpg'}"

    def source(self, slug: str) -> str:
        """deb822."""
        return f"{SOURCES}/{slug}.sources"

    def text(self, source: Source, key: str) -> str:
        """One stanza."""
        return deb822(source.url, source.suite, source.components, key)


class Dnf(Places):
    """A .repo file, and its key in a file that dnf imports from."""

    def key(self, slug: str, key_url: str) -> str:
        """As other keys there are called."""
        return f"{self.keys}/RPM-GPG-KEY-{slug}"

    def source(self, slug: str) -> str:
        """One file for one repository."""
        return f"{rpm.REPOSITORIES}/{slug}.repo"

    def text(self, source: Source, key: str) -> str:
        """One section."""
        return repo(source, key)


APT = Apt(("ca-certificates", "curl", "gnupg"), KEYRINGS)
DNF = Dnf(("ca-certificates", "curl", "gnupg2"), RPM_KEYS)


def deb822(url: str, suite: str, components: Sequence[str], key_path: str, architectures: Sequence[str] = ()) -> str:
    """Text of a deb822 source. A flat repository has the suite ``/`` or ``./`` and no component."""
    lines = ["# Managed by labprov.", "Types: deb", f"URIs: {url}", f"Suites: {suite}"]
    lines += [f"Components: {' '.join(components)}"] if components else []
    lines += [f"Architectures: {' '.join(architectures)}"] if architectures else []
    return "\n".join([*lines, f"Signed-By: {key_path}", ""])


def repo(source: Source, key: str) -> str:
    """Text of a .repo file. dnf must not ask, and then imports what ``gpgkey`` names: a file that was checked."""
    lines = ["# Managed by labprov.", f"[{source.slug}]", f"name={source.title}", f"baseurl={source.url}", "enabled=1"]
    lines += [f"gpgcheck={int(source.signed == 'packages')}", f"repo_gpgcheck={int(source.signed == 'metadata')}"]
    lines += [f"gpgkey=file://{key}"]
    lines += [f"excludepkgs={' '.join(source.exclude)}"] if source.exclude else []
    return "\n".join([*lines, ""])
