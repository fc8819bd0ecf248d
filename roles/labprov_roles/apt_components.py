"""Components with non-free software, where a distribution's own NVIDIA packages are. Not a role: roles call it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from pyinfra import host
from pyinfra.api import FactBase, operation
from pyinfra.operations import files

from labprov.engine.operations import Commands, packages
from labprov.engine.operations.repository import SOURCES

OURS = f"{SOURCES}/labprov-non-free.sources"
COMPONENTS = ("contrib", "non-free", "non-free-firmware")
"""Debian's."""
_UBUNTU = ("restricted", "universe", "multiverse")
_UBUNTUS = ("jammy", "noble", "resolute")


@dataclass(frozen=True, slots=True)
class AptSource:
    """One active source of binary packages."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str
    """A path, or empty."""


class AptSources(FactBase[list[AptSource]]):
    """Every active source of binary packages, apart from the one that ``OURS`` holds."""

    default = list

    def command(self) -> str:
        """Every file, each after a line with its path."""
        return (
            f"for f in /etc/apt/sources.list {SOURCES}/*.list {SOURCES}/*.sources; do "
            f'[ ! -f "$f" ] || [ "$f" = {OURS} ] || {{ echo "==> $f"; cat "$f"; echo; }}; done'
        )

    def process(self, output: list[str]) -> list[AptSource]:
        """Parse both of apt's formats."""
        texts: dict[str, list[str]] = {}
        for line in output:
            if line.startswith("==> "):
                texts[line.removeprefix("==> ")] = current = []
            elif texts and not line.lstrip().startswith("#"):
                current.append(line)
        return [
            source
            for path, lines in texts.items()
            for source in (_deb822(lines) if path.endswith(".sources") else _one_line(lines))
        ]


def _deb822(lines: Sequence[str]) -> list[AptSource]:
    found = []
    for paragraph in "\n".join(lines).split("\n\n"):
        joined = paragraph.replace("\n ", " ").splitlines()
        fields = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in joined)}
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        signed = fields.get("signed-by", "")
        found += [
            AptSource(uri, suite, tuple(fields.get("components", "").split()), signed if signed[:1] == "/" else "")
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return found


def _one_line(lines: Sequence[str]) -> list[AptSource]:
    found = []
    for line in lines:
        kind, _, rest = line.strip().partition(" ")
        options, rest = rest.strip()[1:].split("]", 1) if rest.strip().startswith("[") else ("", rest)
        words = rest.split()
        if kind == "deb" and len(words) >= 2:
            signed = [word.partition("=")[2] for word in options.split() if word.startswith("signed-by=")]
            found.append(AptSource(words[0], words[1], tuple(words[2:]), (signed or [""])[0]))
    return found


def non_free_sources(sources: Sequence[AptSource], codename: str) -> str:
    """Text of a source with the components that Debian's own sources here lack; empty when they have all of them.

    Suites, mirrors and keys are those of the sources that carry ``main``, so that whatever mirror the host uses stays.
    """
    own = [s for s in sources if "main" in s.components and s.suite.partition("-")[0] == codename]
    have: dict[tuple[str, str], set[str]] = {}
    for source in sources:
        have.setdefault((source.uri.rstrip("/"), source.suite), set()).update(source.components)
    stanzas = []
    for source in dict.fromkeys(own):
        wanted = _UBUNTU if codename in _UBUNTUS else COMPONENTS
        lacking = [name for name in wanted if name not in have[source.uri.rstrip("/"), source.suite]]
        lines = ["Types: deb", f"URIs: {source.uri}", f"Suites: {source.suite}", f"Components: {' '.join(lacking)}"]
        lines += [f"Signed-By: {source.signed_by}"] if source.signed_by else []
        stanzas += ["\n".join(lines)] if lacking else []
    return "# Managed by labprov.\n" + "\n\n".join(stanzas) + "\n" if stanzas else ""


@operation()
def enable_non_free(codename: str) -> Commands:
    """Add components with non-free software where the host's sources lack them, in a file of our own.

    + codename: the release's, like ``bookworm`` or ``noble``
    """
    sources: list[AptSource] = host.get_fact(AptSources)
    text = non_free_sources(sources, codename)
    if not text:
        yield from files.file._inner(path=OURS, present=False)
    else:
        yield from files.put._inner(src=StringIO(text), dest=OURS, mode="644", user="root", group="root")
        yield from packages.refresh_source._inner(source=OURS, keyring=OURS)
