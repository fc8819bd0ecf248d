"""What is fetched of each mirror to judge it: an index that says how old it is, and a file to time. Pure.

The addresses below a mirror are those that roles and package managers ask for, for the host's own system.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Formatter

from labprov.engine.facts.system import System
from labprov.mirrors.origins import Origin


@dataclass(frozen=True, slots=True)
class Kind:
    """How a mirror of one key is judged. Words in braces are the host's."""

    index: str
    """Below the mirror: small, and there on every whole mirror."""
    file: str = ""
    """Below the mirror: what the speed is measured on; the index when empty."""
    max_age: int | None = None
    """Days after which the index is stale where it does not say itself until when it is valid; None: it may be old."""
    fine: frozenset[int] = frozenset({200, 206})
    """Answers of HTTP that mean that it works."""


@dataclass(frozen=True, slots=True)
class Target:
    """One mirror, and what is fetched of it."""

    origin: Origin
    compared: bool
    """Whether it is only looked at for comparison (``--preset``), and not what the host would use."""
    index: str
    file: str
    max_age: int | None
    fine: frozenset[int]


_RPM = "repodata/repomd.xml"
_APT = "dists/{codename}/main/binary-{arch}/Packages.xz"
_SECURITY = "dists/{codename}-security/main/binary-{arch}/Packages.xz"
_KINDS: Mapping[str, Mapping[str, Kind]] = {
    "debian": {
        "debian": Kind("dists/{codename}-updates/InRelease", _APT),
        "debian_security": Kind("dists/{codename}-security/InRelease", _SECURITY),
    },
    "ubuntu": {
        "ubuntu": Kind("dists/{codename}-updates/InRelease", _APT, 14),
        "ubuntu_security": Kind("dists/{codename}-security/InRelease", _SECURITY, 14),
        "ubuntu_ports": Kind("dists/{codename}-updates/InRelease", _APT, 14),
    },
    "rocky": {"rocky": Kind(f"{{major}}/BaseOS/{{machine}}/os/{_RPM}")},
    "almalinux": {"almalinux": Kind(f"{{major}}/BaseOS/{{machine}}/os/{_RPM}")},
    "family debian": {
        "docker": Kind(
            "linux/{id}/dists/{codename}/InRelease", "linux/{id}/dists/{codename}/stable/binary-{arch}/Packages", 120
        ),
        "cuda": Kind("{name}/{sbsa}/InRelease", "{name}/{sbsa}/Packages.gz", 120),
        "nvidia_container_toolkit": Kind("stable/deb/{arch}/InRelease", "stable/deb/{arch}/Packages", 240),
    },
    "family rhel": {
        "docker": Kind(f"linux/rhel/{{major}}/{{machine}}/stable/{_RPM}", "", 120),
        "cuda": Kind(f"{{name}}/{{sbsa}}/{_RPM}", "", 120),
        "nvidia_container_toolkit": Kind(f"stable/rpm/{{machine}}/{_RPM}", "", 240),
        "epel": Kind(f"{{major}}/Everything/{{machine}}/{_RPM}", "", 14),
    },
    "any": {
        "conda": Kind("{channel}/noarch/repodata.json", "{channel}/linux-64/repodata.json", 7),
        "anaconda": Kind("main/noarch/repodata.json", "main/linux-64/repodata.json", 30),
        "miniconda": Kind("", "Miniconda3-latest-Linux-{machine}.sh"),
        "miniforge": Kind("{miniforge}"),
        "pip": Kind("pip/", "numpy/"),
        "pytorch": Kind("cpu/torch/"),
        "registry": Kind("v2/", "", None, frozenset({200, 401})),
    },
}
_ONLY_IF_CHOSEN = ("miniconda", "anaconda")
"""Of the vendors' own locations these are not measured: few servers use them."""


def targets(
    origins: Iterable[Origin], compared: Iterable[Origin], system: System, words: Mapping[str, str]
) -> list[Target]:
    """What to fetch on a system. ``words`` are further words for addresses: ``channel``, ``miniforge``.

    What a system has no use for (Ubuntu's archive on Debian) is left out.
    """
    kinds = {**_KINDS["any"], **_KINDS.get(f"family {system.family}", {}), **_KINDS.get(system.id, {})}
    known = {**_words(system), **words}
    found: dict[tuple[str, str], Target] = {}
    for origin, other in [*((o, False) for o in origins), *((o, True) for o in compared)]:
        kind = kinds.get(origin.key)
        unused = other is False and not origin.configured and origin.key in _ONLY_IF_CHOSEN
        if kind is None or unused or (origin.key, origin.url) in found or _lacks(kind, known):
            continue
        index = f"{origin.url}/{kind.index.format_map(known)}"
        file = f"{origin.url}/{kind.file.format_map(known)}" if kind.file else index
        found[origin.key, origin.url] = Target(origin, other, index, file, kind.max_age, kind.fine)
    return list(found.values())


def _words(system: System) -> dict[str, str]:
    sbsa = {"aarch64": "sbsa"}.get(system.machine, system.machine)
    major = system.version.partition(".")[0]
    return {
        "id": system.id,
        "codename": system.codename,
        "arch": system.arch,
        "machine": system.machine,
        "sbsa": sbsa,
        "major": major,
        "name": system.name,
    }


def _lacks(kind: Kind, known: Mapping[str, str]) -> bool:
    fields = {field for _, field, _, _ in Formatter().parse(kind.index + kind.file) if field}
    return any(not known.get(field) for field in fields)
