"""A host whose GPU is held by nouveau: a reboot is asked for, done only when allowed, and verification waits for it."""

from __future__ import annotations

import pytest

from labprov.sandbox import NodeSpec, Sandbox

ROLES = ("--role", "nvidia_driver")


@pytest.fixture(scope="module")
def held(make_sandbox) -> Sandbox:
    """A Debian 13 node whose simulated nouveau holds the card."""
    return make_sandbox("nouveau", NodeSpec("held", "debian-13", (("A100", 1),), nouveau=True))


def test_a_reboot_is_asked_for_and_not_done(held, cli, ssh, tmp_path_factory):
    before = ssh(held, "held", "cat /proc/sys/kernel/random/boot_id").stdout
    code, run = cli.report("apply", "gpu-node", "-i", str(held.inventory), *ROLES, state=tmp_path_factory.mktemp("s"))
    assert code == 0
    (host,) = run["hosts"]
    assert any("nouveau" in reason for reason in host["reboot"]), host
    assert run["checks"] == [], "nothing may be called verified that waits for a reboot"
    assert ssh(held, "held", "cat /proc/sys/kernel/random/boot_id").stdout == before


def test_the_wait_for_a_reboot_is_remembered(held, cli, tmp_path_factory):
    """By the host, not by the run that asked: another run, from another controller, knows it too."""
    code, run = cli.report("verify", "gpu-node", "-i", str(held.inventory), *ROLES, state=tmp_path_factory.mktemp("s"))
    assert code == 0
    assert run["hosts"][0]["reboot"]
    assert run["checks"] == []


def test_an_allowed_reboot_is_done_and_verified(held, cli, ssh, tmp_path_factory):
    before = ssh(held, "held", "cat /proc/sys/kernel/random/boot_id").stdout
    state = tmp_path_factory.mktemp("s")
    code, run = cli.report("apply", "gpu-node", "-i", str(held.inventory), *ROLES, "--reboot", state=state)
    assert code == 0, run["hosts"]
    assert [o["operation"] for o in run["outcomes"] if o["result"] == "changed"] == ["Reboot"]
    assert ssh(held, "held", "cat /proc/sys/kernel/random/boot_id").stdout != before
    assert run["hosts"][0]["reboot"] == []
    assert cli.results(run, "checks")["held"]["passed"] >= 8
    assert "A100" in ssh(held, "held", "nvidia-smi -L").stdout


def test_after_it_nothing_is_left_to_do(held, cli, tmp_path_factory):
    state = tmp_path_factory.mktemp("s")
    code, run = cli.report("apply", "gpu-node", "-i", str(held.inventory), *ROLES, "--reboot", state=state)
    assert code == 0
    assert {o["result"] for o in run["outcomes"]} == {"unchanged"}
