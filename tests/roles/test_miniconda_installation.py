"""Which installer a host gets, what stands at a prefix, and what is done about it."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from labprov.errors import HostError
from labprov_roles.miniconda.facts import AcceptedTerms, CondaAt
from labprov_roles.miniconda.installation import COMPLETE, Action, Installation, adopted, decide, marker, refusal
from labprov_roles.miniconda.installers import DEFAULT_VERSIONS, KNOWN, Installer, choose, conda_version

WANTED = Installer("miniforge", "26.3.2-3", "https://x.example.org/m.sh", "a" * 64)
OURS = Installation(used=True, marker=marker(WANTED), conda="26.3.2")
OLDER = replace(OURS, marker="miniforge 25.1.1-0 " + "b" * 64, conda="25.1.1")
BASE = "https://m.example.org"


def test_every_known_checksum_is_one_and_says_where_it_is_from() -> None:
    known = [each for machines in KNOWN.values() for each in machines.values()]
    assert known and all(len(each.sha256) == 64 and set(each.sha256) <= set("0123456789abcdef") for each in known)
    assert all(each.source for each in known)
    assert {(name, version) for name, version in DEFAULT_VERSIONS.items()} <= set(KNOWN)


def test_urls_have_the_vendors_layout() -> None:
    forge = choose("miniforge", None, "aarch64", f"{BASE}/forge", None, None)
    assert forge.url == f"{BASE}/forge/26.3.2-3/Miniforge3-26.3.2-3-Linux-aarch64.sh"
    conda = choose("miniconda", None, "x86_64", f"{BASE}/miniconda", None, None)
    assert conda.url == f"{BASE}/miniconda/Miniconda3-py313_26.5.3-2-Linux-x86_64.sh"
    assert (forge.sha256, conda.sha256) == (
        KNOWN["miniforge", "26.3.2-3"]["aarch64"].sha256,
        KNOWN["miniconda", "py313_26.5.3-2"]["x86_64"].sha256,
    )


def test_given_url_and_checksum_come_first() -> None:
    custom = choose("miniforge", None, "x86_64", BASE, "https://files.example.org/x.sh", "c" * 64)
    assert custom == Installer("miniforge", "custom", "https://files.example.org/x.sh", "c" * 64)
    assert choose("miniforge", "26.3.2-3", "x86_64", BASE, None, "c" * 64).sha256 == "c" * 64


def test_a_machine_without_a_known_checksum_is_told_what_to_write() -> None:
    with pytest.raises(HostError, match="aarch64: write sha256"):
        choose("miniconda", None, "aarch64", BASE, None, None)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("26.3.2-3", (26, 3, 2)),
        ("py313_26.5.3-2", (26, 5, 3)),
        ("py39_4.12.0", (4, 12, 0)),
        ("custom", ()),
        ("", ()),
    ],
)
def test_condas_version_in_an_installers(text: str, version: tuple[int, ...]) -> None:
    assert conda_version(text) == version


@pytest.mark.parametrize(
    ("found", "action"),
    [
        (Installation(), Action.INSTALL),
        (Installation(used=True, started=True), Action.INSTALL),
        (Installation(used=True, started=True, conda="26.3.2"), Action.INSTALL),
        (OURS, Action.KEEP),
        (OLDER, Action.UPGRADE),
        (replace(OURS, conda=""), Action.UPGRADE),
        (replace(OLDER, conda="26.9.0"), Action.KEEP),
        (replace(OURS, marker=adopted(WANTED), conda="26.3.2"), Action.UPGRADE),
        (replace(OURS, marker=adopted(WANTED), conda="26.9.0"), Action.KEEP),
        (Installation(used=True, conda="25.1.1"), Action.UPGRADE),
        (Installation(used=True, conda="26.9.0"), Action.ADOPT),
    ],
)
def test_what_is_done_about_what_is_there(found: Installation, action: Action) -> None:
    assert decide(found, WANTED) is action


def test_a_custom_installer_of_no_known_version_upgrades_whatever_is_there() -> None:
    custom = Installer("miniforge", "custom", "https://x.example.org/c.sh", "c" * 64)
    assert decide(replace(OURS, conda="99.0.0"), custom) is Action.UPGRADE


@pytest.mark.parametrize("found", [Installation(), OURS, OLDER, Installation(used=True, started=True)])
def test_free_prefixes_and_labprovs_own_are_not_refused(found: Installation) -> None:
    assert refusal(found, WANTED, False, "/opt/conda") is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Installation(used=True), "no conda"),
        (Installation(used=True, conda="25.1.1"), "adopt: true"),
        (Installation(used=True, link=True), "symbolic link"),
        (replace(OURS, marker="miniconda py313_26.5.3-2 " + "b" * 64), "choose another prefix"),
    ],
)
def test_what_is_somebody_elses_is_refused_with_a_way_out(found: Installation, words: str) -> None:
    said = refusal(found, WANTED, False, "/opt/conda")
    assert said is not None and said.startswith("/opt/conda ") and words in said


def test_adopting_takes_over_a_conda_and_nothing_else() -> None:
    assert refusal(Installation(used=True, conda="25.1.1"), WANTED, True, "/opt/conda") is None
    assert refusal(Installation(used=True), WANTED, True, "/opt/conda") is not None


def test_installation_is_read_from_literal_output() -> None:
    output = [
        "used",
        "marker miniforge 26.3.2-3 " + "a" * 64,
        "conda conda-26.3.2-py313h78bf25f_1.json",
        "terms",
    ]
    assert CondaAt().process(output) == replace(OURS, asks_for_terms=True)
    assert CondaAt().process([]) == Installation()
    assert CondaAt().process(["link", "used", "started"]) == Installation(used=True, link=True, started=True)


def looked_at(prefix: Path) -> Installation:
    command = ["/bin/sh", "-c", CondaAt().command(str(prefix))]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": ""})
    assert said.stderr == ""
    return CondaAt().process(said.stdout.splitlines())


def test_a_prefix_is_read_by_the_shell_alone(tmp_path: Path) -> None:
    prefix = tmp_path / "it's $HOME"
    assert looked_at(prefix) == Installation()
    prefix.mkdir()
    assert looked_at(prefix) == Installation()
    (prefix / ".hidden").touch()
    assert looked_at(prefix) == Installation(used=True)
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta/conda-26.3.2-py313h1_0.json").touch()
    (prefix / COMPLETE).write_text("miniforge 26.3.2-3 8481")
    (tmp_path / "link").symlink_to(prefix)
    whole = Installation(used=True, marker="miniforge 26.3.2-3 8481", conda="26.3.2")
    assert [looked_at(prefix), looked_at(tmp_path / "link")] == [whole, replace(whole, link=True)]
    assert looked_at(prefix / ".hidden") == Installation(used=True), "a file is in the way"


def test_accepted_terms_are_read_and_broken_files_are_not() -> None:
    lines = [
        '{"version":"2025-07-15T00:00:00Z","text":"...","base_url":"https://repo.anaconda.com/pkgs/main","tos_accepted":true}',
        '{"base_url":"https://repo.anaconda.com/pkgs/r","tos_accepted":false}',
        "{broken",
        "[]",
        "",
    ]
    assert AcceptedTerms().process(lines) == ["https://repo.anaconda.com/pkgs/main"]
