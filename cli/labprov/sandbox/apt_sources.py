"""The Debian archive that this machine's own apt sources name, and a node's sources made from it. Asks no network."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labprov.errors import UserError

COMPONENTS = "main contrib non-free non-free-firmware"
_RELEASES = {"bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"}
_ONE_LINE = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Archive:
    """Where Debian is fetched from: the archive, and its security updates (empty where this machine uses none)."""

    main: str
    security: str

    def lines(self, release: str) -> list[str]:
        """One-line sources of ``release`` (``bookworm``): the release, its updates, its security updates."""
        lines = [f"deb {self.main} {suite} {COMPONENTS}" for suite in (release, f"{release}-updates")]
        return lines + ([f"deb {self.security} {release}-security {COMPONENTS}"] if self.security else [])

    def deb822(self, release: str) -> str:
        """The same as a ``debian.sources`` file."""
        keyring = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg"
        both = [(self.main, f"{release} {release}-updates"), (self.security, f"{release}-security")]
        return "\n".join(
            f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: {COMPONENTS}\n{keyring}\n"
            for uri, suites in both
            if uri
        )


def machine_archive(apt: Path = Path("/etc/apt")) -> Archive:
    """The archive in the sources under ``apt``; UserError if they name none."""
    pairs: list[tuple[str, str]] = []
    for file in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if file.suffix == ".sources":
            pairs += parse_deb822(file.read_text())
        elif file.suffix == ".list" and file.exists():
            pairs += parse_one_line(file.read_text())
    return choose(pairs)


def parse_deb822(text: str) -> list[tuple[str, str]]:
    """(URI, suite) pairs of the enabled binary sources of a ``.sources`` file."""
    pairs = []
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = {k.lower(): v for k, v in re.findall(r"(?m)^([\w-]+):[ \t]*(.*(?:\n[ \t]+.*)*)", stanza)}
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").strip().lower() != "no":
            pairs += [(u, s) for u in fields.get("uris", "").split() for s in fields.get("suites", "").split()]
    return pairs


def parse_one_line(text: str) -> list[tuple[str, str]]:
    """(URI, suite) pairs of the binary sources of a ``.list`` file."""
    return [match.groups() for line in text.splitlines() if (match := _ONE_LINE.match(line.strip()))]  # type: ignore[misc]


def choose(pairs: Iterable[tuple[str, str]]) -> Archive:
    """The first Debian archive and the first security archive among ``pairs``; UserError without an archive."""
    main = security = ""
    for uri, suite in pairs:
        release, _, kind = suite.partition("-")
        if release not in _RELEASES:
            continue
        if not kind:
            main = main or _address(uri)
        elif kind.startswith("security"):
            security = security or _address(uri)
    if not main:
        raise UserError("this machine's apt sources name no Debian archive", hint="run the sandbox on a Debian machine")
    return Archive(main, security)


def _address(uri: str) -> str:
    """The URI without its last slash; of ``mirror+file:LIST`` (Debian's cloud images) the first address in the list."""
    if uri.startswith("mirror+file:"):
        listed = Path("/" + uri.removeprefix("mirror+file:").lstrip("/")).read_text().split()
        uri = next(word for word in listed if "://" in word)
    return uri.rstrip("/")
