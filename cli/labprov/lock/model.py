"""The lock as values: what the file may hold, and nothing else. Reads and decides nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from labprov.types import Fingerprint, Line, PackageName, PackageVersion, Sha256

FORMAT: Literal[1] = 1

Word = Annotated[Line, Field(max_length=128)]


class _Strict(BaseModel):
    # Built when a lock is read: most runs begin with none.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Entry(_Strict):
    """One role of a class of hosts."""

    given: dict[Word, JsonValue] = {}
    """What the inventory named of what can be locked; the rest was decided."""
    settings: dict[Word, JsonValue] = {}
    """What was decided."""
    packages: dict[PackageName, PackageVersion] = {}
    """Exact versions."""
    keys: dict[Word, Fingerprint] = {}
    """Repository -> the key that must have signed it."""
    installers: dict[Line, Sha256] = {}
    """What is run beside packages -> its checksum."""
    reasons: tuple[Line, ...] = ()


class Tables(_Strict):
    """The compatibility tables that decided."""

    collected: Word
    """The day on which they were collected; ``+inventory`` when its ``compat`` was on top."""
    sha256: Sha256


class Hardware(_Strict):
    """What hosts of a class are."""

    system: Word
    """As tables name it: ``debian12``."""
    machine: Word = "x86_64"
    cards: dict[Annotated[str, Field(pattern=r"^[0-9a-f]{4}$")], Line] = {}
    """PCI device id -> name; how many of each does not matter."""
    nvswitches: bool = False
    secure_boot: bool = False

    def same(self, other: Hardware) -> bool:
        """Whether it is the same, whatever the tables call the cards."""
        return _plain(self) == _plain(other)


class HostClass(Hardware):
    """Hosts that have everything alike."""

    tables: Tables
    roles: dict[Word, Entry] = {}
    digest: str = ""
    """Over all of the above: nobody changed it by hand."""

    @property
    def hardware(self) -> Hardware:
        """What its hosts are."""
        return Hardware(**{name: getattr(self, name) for name in Hardware.model_fields})

    def computed(self) -> str:
        """The digest as it should be."""
        said = self.model_dump(mode="json", exclude={"digest"}, exclude_defaults=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def sealed(self) -> HostClass:
        """The same with its digest."""
        return self.model_copy(update={"digest": self.computed()})

    def alike(self, other: HostClass) -> bool:
        """Whether hosts of both would get the same; who decided when, and in which words, does not matter."""
        return self.same(other) and _bare(self) == _bare(other)


def _plain(one: Hardware) -> tuple[object, ...]:
    return one.system, one.machine, sorted(one.cards), one.nvswitches, one.secure_boot


def _bare(one: HostClass) -> dict[str, Entry]:
    return {name: entry.model_copy(update={"reasons": ()}) for name, entry in one.roles.items()}


class Section(_Strict):
    """What is locked for the hosts of one inventory."""

    classes: dict[Word, HostClass] = {}
    hosts: dict[Word, Word] = {}
    """Host -> its class."""


class LockFile(_Strict):
    """All of ``labprov.lock``."""

    format: Literal[1] = FORMAT
    inventories: dict[Word, Section] = {}
    """By the name of the inventory's file, in the same folder."""
