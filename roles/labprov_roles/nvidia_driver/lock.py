"""What of the driver is locked: source, branch and flavour, and the exact version of its packages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from labprov.compat import tables
from labprov.compat.warnings import SOON
from labprov.lock.found import Found
from labprov.lock.profile import Profile
from labprov_roles.cuda_repository import SLUG, cuda_repository
from labprov_roles.nvidia_driver import dcgm
from labprov_roles.nvidia_driver.choice import Choice, choose
from labprov_roles.nvidia_driver.settings import Settings

FIELDS = ("source", "branch", "version", "flavour")
TOLD = ("version",)


def lock(settings: Settings, profile: Profile, versions: Mapping[str, str]) -> Found:
    """The choice for the host's cards. Raises HostError when nothing drives all of them.

    The distribution's own packages have no version to hold on to: its archive carries one at a time.
    """
    choice = _choice(settings, profile)
    beside = dcgm.wanted(settings, profile.system, profile.gpus, choice.branch)
    settled = {"source": choice.source, "branch": choice.branch, "flavour": choice.flavour}
    if choice.source != "vendor" and not beside:
        return Found(settled, reasons=choice.reasons)
    where = cuda_repository(profile.system, settings.mirrors.cuda)
    keys = {SLUG: where.fingerprint}
    if choice.source != "vendor":
        return Found(settled, beside, keys, reasons=choice.reasons)
    specs = tuple(spec for spec in (*choice.packages.install, *choice.fabric_manager) if "=" in spec)
    known = (found for spec in specs if (found := _number(versions.get(spec.partition("=")[0], ""))))
    return Found({**settled, "version": next(known, None)}, (*specs, *beside), keys, reasons=choice.reasons)


def ages(settings: Settings, profile: Profile, today: date) -> list[str]:
    """A branch that NVIDIA no longer cares for, or will not for long."""
    row = tables.of(settings.compat).branches.get(_choice(settings, profile).branch)
    if row is None or row.eol is None or row.eol - today > SOON:
        return []
    days = (row.eol - today).days
    branch = row.latest.partition(".")[0]
    return [f"branch {branch} reached its end of life on {row.eol}" if days <= 0
            else f"branch {branch} reaches its end of life in {days} days, on {row.eol}"]  # fmt: skip


def _choice(settings: Settings, profile: Profile) -> Choice:
    return choose(settings, profile.system, profile.gpus, profile.machine)


def _number(version: str) -> str | None:
    """The driver's version in a package's: ``580.178.04-1``."""
    found = re.search(r"(?<!\d)\d{3}\.\d+(\.\d+)?", version)
    return found[0] if found else None
