"""What is run on a host for images: programs of the folder ``programs``, with arguments. Pure; runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from labprov_roles.images.references import Reference

LABEL = "labprov.content"
"""The label of a built image that says what it was built from."""
FOLDER = "/var/lib/labprov"
LEDGER = f"{FOLDER}/images.ledger"
"""Lines ``ID NAME TIME`` of images that this role brought to the host: those that were not there before."""

_PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Program:
    """Shell text that a host's ``sh`` reads from standard input, and its arguments."""

    name: str
    arguments: tuple[str, ...]

    @property
    def line(self) -> str:
        """The command. The name says what it does; the shell gets it as ``$1``."""
        return f"sh -s -- {' '.join(map(quote, (self.name, *self.arguments)))}"

    @property
    def text(self) -> str:
        """What the shell reads: all of it before anything is started."""
        parts = ((_PROGRAMS / f"{name}.sh").read_text(encoding="utf-8") for name in ("common", self.name))
        return "\n".join([*parts, 'shift\nmain "$@" </dev/null\nexit\n'])


def ask_digest(reference: Reference) -> Program:
    """Print what a tag is in its registry; nothing is pulled."""
    return Program("digest", ("ask", reference.name, reference.tag))


def look_digest(reference: Reference) -> Program:
    """Print what a tag is to mean from now on: the image that is here, else the registry's; nothing is pulled."""
    return Program("digest", ("look", reference.name, reference.tag))


def find_digest(reference: Reference) -> Program:
    """The same; a registry that the daemon may not ask, such as one with a login, is asked by a pull."""
    return Program("digest", ("find", reference.name, reference.tag))


def find_commit(url: str, ref: str | None) -> Program:
    """Print the commit that a git reference is."""
    return Program("commit", (url, ref or ""))


def pull(reference: Reference, digest: str) -> Program:
    """Pull that content, note it when it is new here, and give it its name."""
    content = reference.at(digest) if digest else reference.here
    return Program("pull", (content, reference.here))


def build_archive(path: str, tag: str, content: str, dockerfile: str, args: Mapping[str, str]) -> Program:
    """Build from an archive on the host, and remove that."""
    return Program("build_archive", (path, tag, content, dockerfile, *_words(args)))


def build_commit(url: str, commit: str, tag: str, content: str, dockerfile: str, args: Mapping[str, str]) -> Program:
    """Build from a commit, fetched into a folder that is removed again."""
    return Program("build_commit", (url, commit, tag, content, dockerfile, *_words(args)))


def remove(image: str, names: tuple[str, ...]) -> str:
    """Remove an image by its names, as far as Docker itself finds nobody who uses it."""
    words = " ".join(map(quote, names or (image,)))
    forget = f"docker image inspect {image} >/dev/null 2>&1 || sed -i '/^{image} /d' {LEDGER}"
    return f"docker image rm {words} || echo 'it stays: somebody uses it'; {forget}"


def _words(args: Mapping[str, str]) -> list[str]:
    return [word for name, value in sorted(args.items()) for word in ("--build-arg", f"{name}={value}")]
