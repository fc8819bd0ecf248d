"""The distribution's archive in its package sources: which locations are its own, and a mirror in their place. Pure.

Only locations that are known (the distribution's, and public mirrors of it) are replaced. Any other one was written by
somebody who knew why, also if it looks like a mirror: third parties use the same names of suites and components.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from labprov.engine.facts.system import System
from labprov.mirrors import Mirrors
from labprov.mirrors.presets import load
from labprov_roles.apt_components import AptSource
from labprov_roles.base import marked

_OWN = {
    "debian": (
        r"((deb|cdn-aws\.deb|ftp|httpredir|cloudfront)\.debian\.(org|net)|ftp\.[a-z]{2}\.debian\.org)/debian",
        r"mirror\+file:///etc/apt/mirrors/debian\.list",  # Debian's cloud images
    ),
    "debian_security": (
        r"(security|deb|cdn-aws\.deb)\.debian\.org/debian-security",
        r"security\.debian\.org",
        r"mirror\+file:///etc/apt/mirrors/debian-security\.list",
    ),
    "ubuntu": (r"([a-z0-9.-]+\.)?archive\.ubuntu\.com/ubuntu",),
    "ubuntu_security": (r"security\.ubuntu\.com/ubuntu",),
    "ubuntu_ports": (r"([a-z0-9.-]+\.)?ports\.ubuntu\.com(/ubuntu-ports)?",),
    "rocky": (r"dl\.rockylinux\.org/(\$contentdir|pub/rocky)",),
    "almalinux": (r"repo\.almalinux\.org/almalinux",),
}
_APT_WORD = re.compile(r"(?<=\s)(\S+://\S+|mirror\+file:\S+)")
_BASEURL = re.compile(r"^\s*#?\s*baseurl\s*=\s*(\S+)")


def of_system(system: System, mirrors: Mirrors) -> dict[str, str]:
    """Archive -> mirror, of the archives that a system has and the inventory names a mirror for."""
    if system.id == "ubuntu":
        names = ("ubuntu", "ubuntu_security") if system.arch == "amd64" else ("ubuntu_ports",)
    else:
        names = {"debian": ("debian", "debian_security")}.get(system.id, (system.id,))
    named = {name: getattr(mirrors, name) for name in names if name in _OWN}
    return {name: url for name, url in named.items() if url}


def with_mirrors(path: str, text: str, wanted: Mapping[str, str]) -> str:
    """The text of a file of sources with these mirrors; with none of ours when ``wanted`` is empty."""
    change = _repo if path.endswith(".repo") else _apt
    return marked.rewritten(text, lambda lines: change(lines, wanted))


def others(sources: Sequence[AptSource], system: System, wanted: Mapping[str, str]) -> list[str]:
    """Addresses that look like a mirror of the archive, and are neither its own nor those wanted: somebody's choice."""
    alike = [
        source.uri.rstrip("/")
        for source in sources
        if "main" in source.components
        and source.suite.partition("-")[0] == system.codename
        and re.search(r"/(debian|ubuntu)(-security|-ports)?/?$", source.uri)
    ]
    return sorted({uri for uri in alike if uri not in wanted.values() and not any(is_own(name, uri) for name in _OWN)})


def probes(sources: Sequence[AptSource], wanted: Mapping[str, str]) -> list[str]:
    """What must be there for the mirrors to be of use: the signed index of each suite."""
    ours = [s for s in sources if any(s.uri == url or s.uri.startswith(f"{url}/") for url in wanted.values())]
    return sorted({f"{s.uri.rstrip('/')}/dists/{s.suite}/InRelease" for s in ours if not s.suite.endswith("/")})


def _apt(lines: list[str], wanted: Mapping[str, str]) -> list[str]:
    found = []
    for line in lines:
        new = line
        if re.match(r"(?i)\s*(deb|deb-src)\s|uris:\s", line):
            new = _APT_WORD.sub(lambda word: _mirror(word[0], wanted) or word[0], line)
        found += [line] if new == line else marked.mark(new, line)
    return found


def is_own(name: str, address: str) -> bool:
    """Whether an address is the archive's: the distribution's own, or a public mirror that labprov knows."""
    return bool(_known(name).match(address))


def _repo(lines: list[str], wanted: Mapping[str, str]) -> list[str]:
    """Files of dnf name a list of mirrors, and in a comment the one location below which the layout is the same."""
    found: list[str] = []
    for section in _sections(lines):
        address = next((match[1] for line in section if (match := _BASEURL.match(line))), "")
        mirror = _mirror(address, wanted)
        active = [i for i, line in enumerate(section) if re.match(r"\s*(mirrorlist|metalink|baseurl)\s*=", line)]
        for index, line in enumerate(section):
            place = mirror and active and index == active[0]
            found += marked.mark(f"baseurl={mirror}", line) if place else [line]
    return found


def _sections(lines: list[str]) -> Iterable[list[str]]:
    section: list[str] = []
    for line in lines:
        if line.startswith("["):
            yield section
            section = []
        section.append(line)
    yield section


def _mirror(address: str, wanted: Mapping[str, str]) -> str | None:
    """The same place below a mirror, when the address is the archive's."""
    for name, url in wanted.items():
        if match := _known(name).match(address):
            rest = address[match.end() :]
            return url + rest if rest.startswith("/") or not rest else None
    return None


@cache
def _known(name: str) -> re.Pattern[str]:
    """Matches what an archive's own locations begin with."""
    public = [
        re.escape(preset.mirrors[name].url.partition("://")[2])
        for preset in load().presets.values()
        if name in preset.mirrors
    ]
    return re.compile(rf"(?:https?://)?(?:{'|'.join((*_OWN[name], *public))})(?=/|$)")
