"""Mirrors in the package sources and in pip's configuration: texts in, texts out."""

from __future__ import annotations

import configparser

import pytest

from labprov.engine.facts.system import System
from labprov.mirrors import Mirrors
from labprov_roles.apt_components import AptSource
from labprov_roles.base import archives, marked, pip_conf

MIRROR = "https://mirror.example/debian"
WANTED = {"debian": MIRROR}
DEBIAN = System("debian", "12", "bookworm")

ONE_LINE = """# the archive
deb http://ftp.de.debian.org/debian bookworm main contrib
deb-src [signed-by=/usr/share/keyrings/x.gpg] http://ftp.de.debian.org/debian/ bookworm main
deb mirror+file:///etc/apt/mirrors/debian-security.list bookworm-security main
deb [arch=amd64] https://apt.example.com bookworm main
# deb http://ftp.de.debian.org/debian bookworm-backports main
"""
DEB822 = """Types: deb deb-src
URIs: http://ftp.de.debian.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: mirror+file:///etc/apt/mirrors/debian-security.list
Suites: bookworm-security
Components: main
"""
ROCKY = """[baseos]
name=Rocky Linux $releasever - BaseOS
mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever
#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/BaseOS/$basearch/os/
gpgcheck=1

[docker-ce-stable]
baseurl=https://download.docker.com/linux/rhel/$releasever
"""
ALMA = """[appstream]
mirrorlist=https://mirrors.almalinux.org/mirrorlist/$releasever/appstream
# baseurl=https://repo.almalinux.org/almalinux/$releasever/AppStream/$basearch/os/
"""


def sources(text: str, wanted: dict[str, str], path: str = "/etc/apt/sources.list") -> str:
    return archives.with_mirrors(path, text, wanted)


def active(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_only_the_archives_own_lines_change() -> None:
    assert active(sources(ONE_LINE, WANTED)) == [
        "deb https://mirror.example/debian bookworm main contrib",
        "deb-src [signed-by=/usr/share/keyrings/x.gpg] https://mirror.example/debian/ bookworm main",
        "deb mirror+file:///etc/apt/mirrors/debian-security.list bookworm-security main",
        "deb [arch=amd64] https://apt.example.com bookworm main",
    ]


def test_deb822_has_its_mirrors_by_archive() -> None:
    wanted = {**WANTED, "debian_security": "https://mirror.example/debian-security"}
    found = [line for line in sources(DEB822, wanted).splitlines() if line.startswith("URIs")]
    assert found == ["URIs: https://mirror.example/debian", "URIs: https://mirror.example/debian-security"]


@pytest.mark.parametrize(
    "text", [ONE_LINE, DEB822, ROCKY, ALMA, "", "deb http://ftp.de.debian.org/debian bookworm main\n"]
)
def test_taking_back_gives_the_text_of_before_and_twice_is_once(text: str) -> None:
    path = "/etc/yum.repos.d/x.repo" if "mirrorlist" in text else "/etc/apt/sources.list"
    wanted = {**WANTED, "rocky": "https://mirror.example/rocky", "almalinux": "https://mirror.example/alma"}
    once = sources(text, wanted, path)
    assert (once != text) == bool(text)
    assert sources(once, wanted, path) == once
    assert sources(once, {}, path) == text
    other = sources(once, {name: "https://other.example/x" for name in wanted}, path)
    assert sources(other, {}, path) == text, "one mirror after the other"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://ftp.de.debian.org/debian/", "debian"),
        ("https://mirrors.tuna.tsinghua.edu.cn/debian", "debian"),
        ("mirror+file:///etc/apt/mirrors/debian.list", "debian"),
        ("http://cn.archive.ubuntu.com/ubuntu/", "ubuntu"),
        ("http://security.ubuntu.com/ubuntu", "ubuntu_security"),
        ("http://ports.ubuntu.com/ubuntu-ports/", "ubuntu_ports"),
        ("http://ports.ubuntu.com/", "ubuntu_ports"),
    ],
)
def test_known_addresses_of_an_archive(address: str, name: str) -> None:
    line = f"deb {address} stable main\n"
    assert active(sources(line, {name: "https://m.example/x"}))[0].startswith("deb https://m.example/x")
    assert sources(line, {"rocky": "https://m.example/x"}) == line


@pytest.mark.parametrize(
    "address", ["http://mirror.campus.example/debian", "http://ftp.de.debian.org.evil.example/debian"]
)
def test_other_addresses_stay(address: str) -> None:
    assert sources(f"deb {address} bookworm main\n", WANTED) == f"deb {address} bookworm main\n"


def test_a_mirror_that_somebody_wrote_is_named() -> None:
    uris = [
        "http://mirror.campus.example/debian/",
        MIRROR,
        "https://apt.example.com",
        "http://ftp.de.debian.org/debian",
    ]
    rows = [AptSource(uri, "bookworm", ("main",), "") for uri in uris]
    assert archives.others(rows, DEBIAN, WANTED) == ["http://mirror.campus.example/debian"]


def test_a_mirror_must_have_each_suite() -> None:
    rows = [AptSource(f"{MIRROR}/", suite, ("main",), "") for suite in ("bookworm", "bookworm-updates")]
    rows += [AptSource("https://apt.example.com", "bookworm", ("main",), "")]
    assert archives.probes(rows, WANTED) == [
        f"{MIRROR}/dists/bookworm-updates/InRelease",
        f"{MIRROR}/dists/bookworm/InRelease",
    ]


def test_repositories_of_dnf_get_the_place_below_the_mirror() -> None:
    found = sources(ROCKY, {"rocky": "https://mirror.example/rocky"}, "/etc/yum.repos.d/rocky.repo")
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read_string(found)
    assert parsed["baseos"]["baseurl"] == "https://mirror.example/rocky/$releasever/BaseOS/$basearch/os/"
    assert "mirrorlist" not in parsed["baseos"]
    assert parsed["docker-ce-stable"]["baseurl"] == "https://download.docker.com/linux/rhel/$releasever"
    parsed.read_string(sources(ALMA, {"almalinux": "https://m.example/a"}, "/etc/yum.repos.d/a.repo"))
    assert parsed["appstream"]["baseurl"] == "https://m.example/a/$releasever/AppStream/$basearch/os/"


def test_archives_of_a_system() -> None:
    mirrors = Mirrors(preset="tuna", debian_security="https://own.example/security")
    assert archives.of_system(DEBIAN, mirrors) == {
        "debian": "https://mirrors.tuna.tsinghua.edu.cn/debian",
        "debian_security": "https://own.example/security",
    }
    assert set(archives.of_system(System("ubuntu", "24.04", "noble"), mirrors)) == {"ubuntu"}
    assert set(archives.of_system(System("ubuntu", "24.04", "noble", (), "aarch64"), mirrors)) == {"ubuntu_ports"}
    assert set(archives.of_system(System("rocky", "9.4"), mirrors)) == {"rocky"}
    assert archives.of_system(System("rhel", "9.4"), mirrors) == {}


def test_what_a_person_changed_since_is_theirs() -> None:
    ours = sources("deb http://ftp.de.debian.org/debian bookworm main\n", WANTED)
    theirs = ours.replace("mirror.example", "mirror.campus.example")
    assert marked.changed_by_hand(theirs.splitlines()) == ["deb https://mirror.campus.example/debian bookworm main"]
    assert marked.changed_by_hand(ours.splitlines()) == []
    assert sources(theirs, {}) == "deb https://mirror.campus.example/debian bookworm main\n"


PIP = "https://pypi.example/simple"
CONFIGURATIONS = [
    "",
    "[global]\ntimeout = 60\n",
    "[global]\nindex-url = https://old.example/simple\nextra-index-url = https://lab.example/simple\n",
    "[install]\nno-compile = true\n",
    "[global]\ntrusted-host =\n    a.example\n    b.example\nindex_url: https://o.example/\n[list]\nformat = freeze\n",
]


def read(text: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser()
    parsed.read_string(text)
    return parsed


@pytest.mark.parametrize("text", CONFIGURATIONS)
@pytest.mark.parametrize("url", [PIP, "http://10.0.0.1:8080/simple"])
def test_pip_reads_the_index_and_everything_else_as_before(text: str, url: str) -> None:
    found = pip_conf.with_index(text, url)
    section = {key.replace("_", "-"): value for key, value in read(found)["global"].items()}
    before = {s: {k.replace("_", "-"): v for k, v in read(text)[s].items()} for s in read(text).sections()}
    assert section.pop("index-url") == url
    trusted = section.pop("trusted-host", "").split()
    assert ("10.0.0.1:8080" in trusted) == url.startswith("http:")
    assert set(before.get("global", {}).get("trusted-host", "").split()) <= set(trusted)
    kept = {key: value for key, value in before.get("global", {}).items() if key not in ("index-url", "trusted-host")}
    assert section == kept
    assert {s: dict(read(found)[s]) for s in read(found).sections() if s != "global"} == {
        s: dict(values) for s, values in before.items() if s != "global"
    }


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_pip_configuration_is_taken_back(text: str) -> None:
    once = pip_conf.with_index(text, "http://10.0.0.1/simple")
    assert pip_conf.with_index(once, "http://10.0.0.1/simple") == once
    assert pip_conf.with_index(pip_conf.with_index(once, PIP), None) == text


def test_an_index_that_somebody_wrote_over_ours_stays_when_ours_goes() -> None:
    theirs = pip_conf.with_index("", PIP).replace(PIP, "https://campus.example/simple")
    assert read(pip_conf.with_index(theirs, None))["global"]["index-url"] == "https://campus.example/simple"
