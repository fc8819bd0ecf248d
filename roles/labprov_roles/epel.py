"""EPEL, Fedora's extra packages for RHEL and its rebuilds. Not a role: roles call ``add``.

Written as a repository of our own rather than by the package epel-release: RHEL has none, and its key would be trusted
on sight. EPEL's manual also wants CRB (RHEL: CodeReady Builder), for packages to build with: what roles take from EPEL
(dkms, htop) does without.
"""

from __future__ import annotations

from pyinfra.api.operation import OperationMeta

from labprov.engine.facts.system import System
from labprov.engine.operations import repository
from labprov.errors import HostError
from labprov.mirrors import Mirror

SLUG = "epel"

# Release -> fingerprint of its key. Sources: public build recipes and provisioning code that verify them, 2026.
_KEYS = {
    "8": "94E279EB8D8F25B21810ADF121EA45AB2F86D6A1",
    "9": "FF8AD1344597106ECE813B918A3872BF3228467C",
    "10": "7D8D15CBFC4E62688591FB2633D98517E37ED158",
}


def url(system: System, mirror: Mirror) -> str:
    """Where the packages for a system are: from 10 on there is a folder for each minor release."""
    major = _major(system)
    return f"{mirror.url}/{system.version if major == '10' else major}/Everything/{system.machine}/"


def add(system: System, mirror: Mirror) -> OperationMeta:
    """Make EPEL usable. Call it from a role's tasks. Raises HostError for a system that it is not for."""
    major = _major(system)
    return repository.add(
        title="EPEL",
        slug=SLUG,
        url=url(system, mirror),
        suite="",
        components=(),
        key_url=mirror.key or f"{mirror.url}/RPM-GPG-KEY-EPEL-{major}",
        fingerprint=mirror.fingerprint or _KEYS[major],
    )


def _major(system: System) -> str:
    major = system.name.removeprefix("rhel")
    if major not in _KEYS:
        raise HostError(f"EPEL is for RHEL 8, 9 and 10 and their rebuilds, not for {system.id} {system.version}")
    return major
