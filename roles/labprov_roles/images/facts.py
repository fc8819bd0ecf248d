"""Which images a host has, where, and which of them this role may remove. Empty values on a host without Docker."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyinfra.api import FactBase, QuoteString, StringCommand

from labprov_roles.images.commands import LABEL, LEDGER

_IMAGE = (
    "[{{json .Id}},{{json .RepoTags}},{{json .RepoDigests}},"
    f'{{{{if .Config}}}}{{{{json (index .Config.Labels "{LABEL}")}}}}{{{{else}}}}""{{{{end}}}}]'
)
_LISTED = (
    "image [{{json .Id}},{{json .RepoTags}},{{json .RepoDigests}},{{json .Parent}},{{json .Metadata.LastTagTime}}]"
)


@dataclass(frozen=True)
class Image:
    """One image on a host."""

    id: str
    names: frozenset[str] = frozenset()
    """``NAME:TAG`` and ``NAME@DIGEST``."""
    content: str = ""
    """Digest of what labprov built it from; empty when it did not."""


class Images(FactBase[dict[str, Image]]):
    """Name -> image, for those of the named images that the host has."""

    default = dict

    def command(self, names: Sequence[str]) -> StringCommand:
        """One question for all of them; Docker complains of those that it has not, and tells of the others."""
        words = [QuoteString(name) for name in names]
        ask = f"docker image inspect --format '{_IMAGE}'"
        return StringCommand("! command -v docker >/dev/null ||", ask, *words, "2>/dev/null || true")

    def process(self, output: list[str]) -> dict[str, Image]:
        """A JSON list a line: id, tags, digests, what it was built from."""
        found: dict[str, Image] = {}
        for row in _rows(output, ""):
            image = Image(row[0], frozenset([*(row[1] or ()), *(row[2] or ())]), row[3] or "")
            found |= dict.fromkeys(image.names, image)
        return found


@dataclass(frozen=True)
class Room:
    """The disk that images go to."""

    folder: str = ""
    """Empty: Docker is not there yet."""
    free: int = 0
    """Bytes."""

    def __str__(self) -> str:
        return f"{self.free / 1e9:.0f} GB are free in {self.folder}"


class ImageRoom(FactBase[Room]):
    """The ``Room`` that is least, where Docker keeps images and, in its newer way, what they are unpacked from."""

    @staticmethod
    def default() -> Room:
        """Not known."""
        return Room()

    def command(self) -> str:
        """Docker's own word for the folder; df for the file system below it."""
        asked = "docker info --format '{{.DockerRootDir}} {{json .DriverStatus}}' 2>/dev/null"
        return (
            f'said=$({asked}); d=${{said%% *}}; case "$d" in /*) '
            'case "$said" in *io.containerd.snapshotter*) d="$d /var/lib/containerd";; esac; '
            'for f in $d; do df -Pk "$f" 2>/dev/null | awk -v f="$f" \'NR == 2 {print $4, f}\'; done;; esac; true'
        )

    def process(self, output: list[str]) -> Room:
        """``KILOBYTES FOLDER``, one or two lines."""
        rows = [line.split(" ", 1) for line in output if line[:1].isdigit() and " " in line]
        return min(
            (Room(folder, int(free) * 1024) for free, folder in rows), key=lambda room: room.free, default=Room()
        )


@dataclass(frozen=True)
class Old:
    """An image that this role brought, and that is as it left it."""

    id: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Brought:
    """What this role once brought to a host."""

    unused: tuple[Old, ...] = field(default_factory=tuple)
    """Those that no container has, no other image was built on, and nobody gave another name."""

    def without(self, declared: Collection[str]) -> list[Old]:
        """Those that have none of the declared names."""
        return [old for old in self.unused if not {*old.names} & {*declared}]


class BroughtImages(FactBase[Brought]):
    """The host's ``Brought``, by the role's ledger."""

    @staticmethod
    def default() -> Brought:
        """Nothing."""
        return Brought()

    def command(self) -> str:
        """The ledger, what containers use, and all images; nothing of Docker is asked while the ledger is empty."""
        return (
            f"[ ! -s {LEDGER} ] || {{ sed 's/^/ours /' {LEDGER}; "
            "docker ps -aq --no-trunc | xargs -r docker inspect --format 'used {{.Image}}'; "
            f"docker images -aq --no-trunc | sort -u | xargs -r docker image inspect --format '{_LISTED}'; }} "
            "2>/dev/null; true"
        )

    def process(self, output: list[str]) -> Brought:
        """``ours ID NAME TIME``, ``used ID``, ``image [id, tags, digests, parent, time of the last tag]``."""
        rows = [line.split(" ") for line in output]
        ours = {(row[1], row[3]): row[2] for row in rows if row[0] == "ours" and len(row) == 4}
        images = _rows(output, "image ")
        used = {row[1] for row in rows if row[0] == "used"} | {image[3] for image in images if image[3]}
        found = []
        for key, tags, digests, _, tagged in images:
            name = ours.get((key, json.dumps(tagged)))
            if name is not None and key not in used and {*(tags or ())} <= {name}:
                found.append(Old(key, tuple(sorted({*(tags or ()), *(digests or ())}))))
        return Brought(tuple(sorted(found, key=lambda old: old.id)))


def _rows(output: list[str], word: str) -> list[list[Any]]:
    lines = [line.removeprefix(word) for line in output if line.startswith(f"{word}[")]
    return [json.loads(line) for line in lines]
