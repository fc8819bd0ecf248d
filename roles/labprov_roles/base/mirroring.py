"""Mirrors for everybody on the server: in the package sources and in pip's configuration; taken back when not wanted.

What is decided about texts is in ``archives``, ``pip_conf`` and ``marked``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO

from pyinfra import host, logger
from pyinfra.api import FactBase, QuoteString, StringCommand, operation
from pyinfra.operations import files

from labprov.engine.facts.paths import Paths
from labprov.engine.facts.rpm import REPOSITORIES
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.operations import Commands, apt, packages
from labprov.engine.operations.repository import SOURCES
from labprov_roles.apt_components import AptSource, AptSources
from labprov_roles.base import archives, marked, pip_conf

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_FILES = ("/etc/apt/sources.list", f"{SOURCES}/*.list", f"{SOURCES}/*.sources", f"{REPOSITORIES}/*.repo")
# The archive's own signatures are checked whatever is said here: this is only for a host that knows no authority yet.
_UNVERIFIED = "-o Acquire::https::Verify-Peer=false"
_CHECK = (
    'd=$(mktemp -d) || exit 1; trap \'rm -rf -- "$d"\' EXIT; for u in "$@"; do '
    "/usr/lib/apt/apt-helper -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "
    '{options} download-file "$u" "$d/f" >"$d/said" 2>&1 || {{ '
    'echo "the mirror cannot be used: $(grep "^E:" "$d/said" | head -n 1); the sources are as they were; '
    'labprov mirrors check says more" >&2; exit 1; }}; rm -f -- "$d/f"; done'
)


class TextFiles(FactBase[dict[str, str]]):
    """Path -> text, of the files among ``paths`` (``*`` allowed in the last part) that hold ``word``."""

    default = dict

    def command(self, paths: Sequence[str], word: str) -> str:
        """Nothing but grep where none does."""
        words = str(StringCommand(QuoteString(word)))
        show = 'while IFS= read -r f; do echo "==> $f"; cat -- "$f"; echo; done'
        return f"grep -lsF -e {words} -- {' '.join(paths)} | {show}"

    def process(self, output: list[str]) -> dict[str, str]:
        """Each file after a line with its path, and with one more line end."""
        found: dict[str, list[str]] = {}
        for line in output:
            if line.startswith("==> /"):
                found[line.removeprefix("==> ")] = current = []
            elif found:
                current.append(line)
        return {path: "".join(f"{line}\n" for line in _without_last_blank(text)) for path, text in found.items()}


@operation()
def archive(wanted: Mapping[str, str]) -> Commands:
    """Have the distribution's packages come from mirrors, in place of its own locations; take that back without any.

    + wanted: archive -> mirror

    Other locations that a person wrote stay, and are named. A mirror that does not answer is not taken.
    """
    system: System = host.get_fact(OperatingSystem)
    ours = host.get_fact(TextFiles, paths=(*_FILES, pip_conf.PATH), word=marked.WORD)
    texts = host.get_fact(TextFiles, paths=_FILES, word="") if wanted else _sources_only(ours)
    new = {path: archives.with_mirrors(path, text, wanted) for path, text in texts.items()}
    changed = {path: text for path, text in new.items() if text.splitlines() != texts[path].splitlines()}
    _warn(system, texts, new, wanted)
    if changed and wanted and system.family == "debian":
        yield from _usable(archives.probes(_sources(new), wanted))
    for path, text in changed.items():
        yield from files.put._inner(src=StringIO(text), dest=path, mode=None)
    if system.family == "debian" and wanted:
        yield from _lists([path for path, text in new.items() if marked.WORD in text], list(wanted.values()))
    elif system.family == "debian" and changed:
        yield apt.patient(
            apt.apt_get("update", options=["-o Acquire::Retries=0"])
        )  # a vendor that does not answer now is no reason to fail
    if not changed:
        host.noop("the package sources name the mirrors" if wanted else "no package source names a mirror of ours")


@operation()
def pip_index(url: str | None) -> Commands:
    """Have everybody's pip look at an index; take that back without one.

    + url: of the index
    """
    ours = host.get_fact(TextFiles, paths=(*_FILES, pip_conf.PATH), word=marked.WORD)
    there = host.get_fact(TextFiles, paths=(pip_conf.PATH,), word="") if url else ours
    old = there.get(pip_conf.PATH, "")
    new = pip_conf.with_index(old, url)
    for line in marked.changed_by_hand(old.splitlines()):
        logger.warning(f"{pip_conf.PATH}: {line!r} was changed by hand: it stays")
    if new.splitlines() == old.splitlines():
        host.noop(f"{pip_conf.PATH} names it" if url else f"{pip_conf.PATH} has nothing of ours")
    elif new:
        yield from files.put._inner(src=StringIO(new), dest=pip_conf.PATH, mode=None if old else "644")
    else:
        yield StringCommand("rm -f --", pip_conf.PATH)


def _usable(indexes: Sequence[str]) -> Commands:
    if not indexes:
        return
    bare = _bare(indexes)
    script = _CHECK.format(options=_UNVERIFIED if bare else "")
    yield StringCommand("sh", "-c", QuoteString(script), "labprov", *(QuoteString(url) for url in indexes))


def _lists(paths: Sequence[str], mirrors: Sequence[str]) -> Commands:
    """Fetch the lists of changed sources, also after a killed run; certificates first, where there are none."""
    if _bare(mirrors):
        yield apt.patient(apt.apt_get("update", options=[_UNVERIFIED]))
        yield apt.apt_get("install", "ca-certificates", options=[_UNVERIFIED, "--no-install-recommends"])
    for path in paths:
        yield from packages.refresh_source._inner(source=path, keyring=path)


def _bare(urls: Sequence[str]) -> bool:
    """Whether something is to be had by https and the host knows no authority."""
    return any(url.startswith("https:") for url in urls) and not host.get_fact(Paths, paths=(CERTIFICATES,))


def _warn(system: System, old: Mapping[str, str], new: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    for path, text in old.items():
        for line in marked.changed_by_hand(text.splitlines()):
            logger.warning(f"{path}: {line!r} was changed by hand: it stays")
    for uri in archives.others(_sources(new), system, wanted) if wanted else ():
        logger.warning(f"{uri} stays among the package sources beside {', '.join(wanted.values())}: somebody wrote it")


def _sources(texts: Mapping[str, str]) -> list[AptSource]:
    apts = {path: text for path, text in texts.items() if not path.endswith(".repo")}
    return AptSources().process([line for path, text in apts.items() for line in (f"==> {path}", *text.splitlines())])


def _sources_only(texts: Mapping[str, str]) -> dict[str, str]:
    return {path: text for path, text in texts.items() if path != pip_conf.PATH}


def _without_last_blank(lines: list[str]) -> list[str]:
    return lines[:-1] if lines and not lines[-1] else lines
