"""Debian's non-free components: read from the host's own sources, written in a file of our own."""

from pyinfra.facts.files import Directory, File, Link

from labprov.engine.facts.packages import StaleSource
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.operations.repository import SOURCES
from labprov_roles.apt_components import OURS, AptSource, AptSources, enable_non_free, non_free_sources

DEB822 = """==> /etc/apt/sources.list.d/debian.sources
# comment
Types: deb deb-src
URIs: http://mirror.example.org/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp

Types: deb
Enabled: no
URIs: http://disabled.example.org/debian
Suites: trixie
Components: main

Types: deb-src
URIs: http://sources.example.org/debian
Suites: trixie
Components: main
""".splitlines()

ONE_LINE = """==> /etc/apt/sources.list
# deb http://old.example.org/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example.org/debian/ bookworm main contrib
deb-src http://mirror.example.org/debian/ bookworm main
==> /etc/apt/sources.list.d/vendor.list
deb https://vendor.example.org/repo /
""".splitlines()

KEY = "/usr/share/keyrings/debian-archive-keyring.pgp"
MIRROR = "http://mirror.example.org/debian"


def test_active_deb822_sources():
    assert AptSources().process(DEB822) == [
        AptSource(MIRROR, "trixie", ("main",), KEY),
        AptSource(MIRROR, "trixie-updates", ("main",), KEY),
    ]


def test_active_one_line_sources():
    assert AptSources().process(ONE_LINE) == [
        AptSource("http://mirror.example.org/debian/", "bookworm", ("main", "contrib"), "/k.gpg"),
        AptSource("https://vendor.example.org/repo", "/", (), ""),
    ]


def test_what_is_missing_is_added_from_the_same_mirror():
    text = non_free_sources(AptSources().process(DEB822), "trixie")
    assert text.count("Types: deb\n") == 2
    assert f"URIs: {MIRROR}\nSuites: trixie-updates\nComponents: contrib non-free non-free-firmware\n" in text
    assert f"Signed-By: {KEY}" in text


def test_only_what_is_missing():
    text = non_free_sources(AptSources().process(ONE_LINE), "bookworm")
    assert "Components: non-free non-free-firmware\nSigned-By: /k.gpg\n" in text
    assert "vendor.example.org" not in text


def test_components_in_a_file_of_their_own_count():
    sources = [
        AptSource(f"{MIRROR}/", "trixie", ("main",), ""),
        AptSource(MIRROR, "trixie", ("contrib", "non-free", "non-free-firmware"), ""),
    ]
    assert non_free_sources(sources, "trixie") == ""


def test_the_operation_writes_and_then_has_nothing_to_do(commands):
    nothing_there = {File: None, Link: None, Directory: lambda path: {"mode": 755} if path == SOURCES else None}
    nothing_there |= {OperatingSystem: System("debian", "13"), StaleSource: True}
    sources = [AptSource(MIRROR, "trixie", ("main",), KEY)]
    (written, *others) = commands(enable_non_free, {AptSources: sources, **nothing_there}, codename="trixie")
    assert any(f"Dir::Etc::sourcelist={OURS}" in command and " update" in command for command in others)
    assert written.startswith(f"{OURS} <- # Managed by labprov.\nTypes: deb\nURIs: {MIRROR}\n")
    complete = [AptSource(MIRROR, "trixie", ("main", "contrib", "non-free", "non-free-firmware"), KEY)]
    assert commands(enable_non_free, {AptSources: complete, **nothing_there}, codename="trixie") == []


def test_ubuntu_has_other_components():
    """26.04's toolkit is in multiverse; the archive's mirrors and key stay those of the host."""
    source = AptSource("http://archive.example.org/ubuntu", "resolute", ("main", "universe"), KEY)
    text = non_free_sources([source], "resolute")
    assert "Components: restricted multiverse\n" in text
    assert "URIs: http://archive.example.org/ubuntu\n" in text
