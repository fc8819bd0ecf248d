"""``labprov explain``: what people type, what they get, and every mistake as one line with exit code 2."""

import json

import pytest
from click.testing import CliRunner

from labprov import explain
from labprov.compat import cards, tables
from labprov.engine.facts.board import Board, Machine
from labprov.errors import UserError
from labprov.main import main

TABLES = tables.load()


def run(*words):
    return CliRunner().invoke(main, ["explain", *words])


def test_shopping_without_any_host():
    done = run("--gpu", "RTX 5090", "--os", "ubuntu-24.04", "--cuda", "12.8")
    assert done.exit_code == 0, done.output
    assert "driver branch 580, open modules, from vendor; CUDA 12.8" in done.output
    assert "not 570" not in done.output and "nor 10 more" in done.output
    assert "not 570" in run("--gpu", "RTX 5090", "--os", "ubuntu-24.04", "-v").output


def test_json_has_the_decision_and_its_reasons():
    done = run("--gpu", "A100:8", "--os", "rocky-9.4", "--nvswitch", "--json")
    answer = json.loads(done.output)["rocky-9.4"]
    assert done.exit_code == 0 and answer["decided"] is True
    assert (answer["system"], answer["branch"], answer["flavour"]) == ("rhel9", 580, "open")
    assert answer["packages"]["stream"] == "nvidia-driver:580-open"
    assert len(answer["cards"]) == 8 and answer["fabric_manager"] == ["nvidia-fabricmanager=580.*"]
    subjects = [choice["subject"] for choice in answer["choices"]]
    assert subjects[:3] == ["source", "driver branch", "kernel modules"]


def test_a_refusal_says_what_would_work_and_exits_with_2():
    done = run("--gpu", "GTX 1080 Ti", "--gpu", "RTX 5090", "--os", "debian-12")
    assert done.exit_code == 2
    assert "refused: no kernel module drives both" in done.output and "what would work: put" in done.output
    answer = json.loads(run("--gpu", "P100", "--os", "debian13", "--json").output)["debian13"]
    assert answer["decided"] is False and "source: distro" in answer["nearest"][0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--gpu", "A100"], "name a card and a system"),
        (["--os", "debian-12"], "name a card and a system"),
        (["--gpu", "ffff", "--os", "debian-12"], "no GPU has the PCI device id ffff (newer than these tables? Add it"),
        (["--gpu", "RTX 6090", "--os", "debian-12"], "no GPU is called 'RTX 6090' (perhaps RTX 5090"),
        (["--gpu", "RTX", "--os", "debian-12"], "more (name one"),
        (["--gpu", "A100", "--os", "slackware"], "no NVIDIA driver is known for 'slackware' (--os one of debian12"),
        (["--gpu", "A100", "--os", "debian-12", "--cuda", "new"], "--cuda: 'new' is no version (as 12.8)"),
        (["--gpu", "A100", "--os", "debian-12", "--driver", "x; id"], "--driver: 'x; id' is no version"),
        (["--gpu", "A100", "--os", "debian-12", "--branch", "580", "--driver", "570.26"], "is not of --branch 580"),
        (["node1", "--gpu", "A100"], "HOST and --gpu exclude each other"),
    ],
)
def test_mistakes_are_one_line(words, message):
    done = run(*words)
    assert done.exit_code == 2
    assert message in done.output and done.output.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("debian-12", "debian12"),
        ("Debian 13", "debian13"),
        ("ubuntu-24.04", "ubuntu2404"),
        ("ubuntu2604", "ubuntu2604"),
        ("rocky-9.4", "rhel9"),
        ("almalinux8", "rhel8"),
        ("rhel-10", "rhel10"),
    ],
)
def test_systems_as_people_write_them(text, name):
    assert explain.system_name(text, TABLES) == name


@pytest.mark.parametrize(
    ("asked", "device", "architecture"),
    [
        ("K80", "102d", "kepler"),
        ("GTX 1080 Ti", "1b06", "pascal"),
        ("1080 ti", "1b06", "pascal"),
        ("T4", "1eb8", "turing"),
        ("A100", "20b0", "ampere"),  # a name, although it could be an id
        ("RTX 4090", "2684", "ada"),
        ("B200", "2901", "blackwell"),
        ("20b5", "20b5", "ampere"),
        ("10de:2B85", "2b85", "blackwell"),
        ("K40", "1023", "kepler"),
        ("Quadro RTX 6000", "1e30", "turing"),
        ("RTX 6000 Ada", "26b1", "ada"),
    ],
)
def test_cards_by_what_people_call_them(asked, device, architecture):
    found = cards.find(asked, TABLES)
    assert (found.device, found.architecture) == (device, architecture)


@pytest.mark.parametrize("asked", ["", "  ", "RTX", "GeForce", "Radeon", "'; rm -rf /", "\x00", "a" * 10_000])
def test_what_is_no_card_is_the_users_error(asked):
    with pytest.raises(UserError):
        cards.find(asked, TABLES)


def test_a_name_that_stands_for_several_has_the_limits_of_all():
    assert cards.find("H100", TABLES).first_branch == 525


def test_a_machine_as_its_kernel_shows_it():
    output = ["kernel 6.1.0-40-amd64", "switch 0x22A3", "switch 0x22a3", "secure 1"]
    assert Board().process(output) == Machine("6.1.0-40-amd64", ("22a3", "22a3"), True)
    assert Board().process([]) == Machine()
    assert Board().process(["kernel 6.1", "secure 0"]) == Machine("6.1")
