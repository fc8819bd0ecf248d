"""A host whose GPU is held by nouveau: a reboot is asked for, done only when allowed, and verification waits for it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labprov.sandbox import NodeSpec

ROLES = ("--role", "nvidia_driver")
BOOT = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="module")
def story(make_sandbox, cli, ssh, tmp_path_factory) -> SimpleNamespace:
    """What runs gave, in order, on a Debian 13 node whose simulated nouveau holds the card; and its boot ids between.

    Each is a controller of its own, without memory of the others.
    """
    held = make_sandbox("nouveau", NodeSpec("held", "debian-13", (("A100", 1),), nouveau=True))
    boots: list[str] = []

    def run(command: str, *options: str) -> tuple[int, dict]:
        where = ("gpu-node", "-i", str(held.inventory), *ROLES)
        result = cli.report(command, *where, *options, state=tmp_path_factory.mktemp("s"))
        boots.append(ssh(held, "held", BOOT).stdout)
        return result

    boots.append(ssh(held, "held", BOOT).stdout)
    told = SimpleNamespace(
        forbidden=run("apply"),
        remembered=run("verify"),
        allowed=run("apply", "--reboot"),
        again=run("apply", "--reboot"),
    )
    told.boots, told.cards = boots, ssh(held, "held", "nvidia-smi -L").stdout
    return told


def test_a_reboot_is_asked_for_and_not_done(story):
    code, run = story.forbidden
    assert code == 0
    (host,) = run["hosts"]
    assert any("nouveau" in reason for reason in host["reboot"]), host
    assert host["held"] == "reboot: never"
    assert run["checks"] == [], "nothing may be called verified that waits for a reboot"
    assert story.boots[0] == story.boots[1]


def test_the_wait_for_a_reboot_is_remembered(story):
    """By the host, not by the run that asked: another run, from another controller, knows it too."""
    code, run = story.remembered
    assert code == 0
    assert run["hosts"][0]["reboot"]
    assert run["checks"] == []


def test_an_allowed_reboot_is_done_and_verified(story, cli):
    code, run = story.allowed
    assert code == 0, run["hosts"]
    assert [o["operation"] for o in run["outcomes"] if o["result"] == "changed"] == ["Reboot"]
    assert story.boots[2] != story.boots[3]
    assert run["hosts"][0]["reboot"] == []
    assert cli.results(run, "checks")["held"]["passed"] >= 8
    assert "A100" in story.cards


def test_after_it_nothing_is_left_to_do(story):
    code, run = story.again
    assert code == 0
    assert {o["result"] for o in run["outcomes"]} == {"unchanged"}
    assert story.boots[3] == story.boots[4]
