"""What a role's ``lock.py`` says of one host. A role that has none is not locked.

Such a module has

* ``FIELDS``: the settings that are locked where the inventory leaves them open,
* ``lock(settings, profile, versions) -> Found``: pure; ``versions`` are those of packages, as far as they are known,

and where it is of use

* ``TOLD``: those of the fields that only say again what the packages' versions say,
* ``FREE``: those that an inventory may change at any time although it named others when the lock was made,
* ``ages(settings, profile, today) -> list[str]``: what is over, or soon will be, one sentence each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Found:
    """What a role gets on a host."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Setting -> value, for those of ``FIELDS`` that are known by now."""
    packages: tuple[str, ...] = ()
    """Packages whose exact version is locked, as names or ``name=PATTERN``."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Repository, by the name of its source file on the host -> fingerprint of the key that must have signed it."""
    installers: Mapping[str, str] = field(default_factory=dict)
    """What is run beside packages -> its SHA-256."""
    reasons: tuple[str, ...] = ()
    """Why, one sentence a choice."""
