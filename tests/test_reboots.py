"""Who may be rebooted when, by whose rule, and in whose turn. No host."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labprov import inventory
from labprov.apply import HostResult, Status
from labprov.commands import _question
from labprov.engine.facts.presence import Presence, PresenceNow
from labprov.errors import UserError, Where
from labprov.reboots import ALWAYS, FORBIDDEN, NEVER, Mode, read, rule, why_not
from labprov.report.summary import Run

HERE = Where(Path("lab.yml"), 1, "reboot")
ANNA = Presence(minute=3 * 60, users=("anna (pts/0)",))


def load(tmp_path: Path, text: str, **more):
    path = tmp_path / "lab.yml"
    path.write_text(text)
    return read(inventory.load(path).select(), **more)


@pytest.mark.parametrize(
    ("value", "mode", "window"),
    [
        ("never", Mode.NEVER, (0, 0)),
        ("ask", Mode.ASK, (0, 0)),
        ("when-needed", Mode.WHEN_NEEDED, (0, 0)),
        ("window 02:00-05:00", Mode.WINDOW, (120, 300)),
        ("window  22:30-05:00", Mode.WINDOW, (1350, 300)),
    ],
)
def test_rules(value, mode, window):
    found = rule(value, HERE)
    assert (found.mode, found.window) == (mode, window)


@pytest.mark.parametrize(
    "value",
    ["always", "window", "window 2:00-5:00", "window 02:00-24:00", "window 02:00-02:00", True, 5, None, ["ask"]],
)
def test_what_is_no_rule_names_its_place(value):
    with pytest.raises(UserError, match=r"^lab\.yml:1: reboot: "):
        rule(value, HERE)


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 1439))
def test_a_window_and_its_opposite_share_no_minute(begin, end, minute):
    if begin == end:
        return

    def inside(first: int, last: int) -> bool:
        text = f"window {first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}"
        return not why_not(rule(text, HERE), Presence(minute=minute))

    assert inside(begin, end) is not inside(end, begin)


def test_outside_its_window_a_host_waits():
    night = rule("window 22:00-05:00", HERE)
    assert [why_not(night, Presence(minute=m)) for m in (22 * 60, 0, 299)] == ["", "", ""]
    assert {why_not(night, Presence(minute=m)) for m in (300, 720, 22 * 60 - 1)} == {"window 22:00-05:00"}


@pytest.mark.parametrize("text", ["when-needed", "window 02:00-05:00"])
def test_a_host_in_use_is_left_alone(text):
    assert why_not(rule(text, HERE), ANNA) == "in use: logged in: anna (pts/0)"
    running = Presence(minute=180, programs=("python (7)",))
    assert why_not(rule(text, HERE), running) == "in use: on the GPU: python (7)"


def test_the_command_line_decides_for_every_host(tmp_path):
    text = "reboot: when-needed\nhosts: {a: {reboot: never}, b: }"
    assert {rule.mode for rule in load(tmp_path, text, override=ALWAYS).rules.values()} == {Mode.ALWAYS}
    assert why_not(ALWAYS, ANNA) == ""
    assert why_not(FORBIDDEN, Presence()) == "--no-reboot"


def test_the_machine_that_labprov_runs_on_is_never_rebooted():
    assert why_not(ALWAYS, Presence(is_controller=True)) == "labprov runs on it"


def test_the_nearest_place_decides_and_never_is_the_default(tmp_path):
    text = "groups:\n  gpu: {reboot: when-needed, hosts: {a: , b: {reboot: ask}}}\nhosts: {c: }"
    assert {name: rule.text for name, rule in load(tmp_path, text).rules.items()} == {
        "a": "reboot: when-needed",
        "b": "reboot: ask",
        "c": NEVER.text,
    }


def test_hosts_of_a_group_share_a_queue(tmp_path):
    groups = (
        "  gpu: {reboot: when-needed, hosts: ['g[1:8]']}\n  cpu: {reboot: ask, reboot_at_once: 25%, hosts: ['c[1:8]']}"
    )
    queues = load(tmp_path, f"groups:\n{groups}").queues
    assert queues["g1"] is queues["g8"] is not queues["c1"]
    assert (queues["g1"].at_once, queues["c1"].at_once) == (1, 2)


@pytest.mark.parametrize(("most", "lost", "stopped"), [("", 1, True), ("max_failures: 1\n", 1, False)])
def test_a_host_that_did_not_come_back_stops_the_others_of_its_queue(tmp_path, most, lost, stopped):
    queue = load(tmp_path, f"{most}reboot: when-needed\nhosts: {{a: , b: , c: }}").queues["a"]
    with queue.turn() as why:
        assert why == ""
    queue.lost += ["b"] * lost
    with queue.turn() as why:
        assert (why == "b did not come back") is stopped


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("reboot: sometimes", "is no rule for reboots: 'sometimes'"),
        ("reboot: no", "is no rule for reboots: False"),
        ("reboot_at_once: 0", "should be a number of hosts or a percentage"),
        ("reboot_at_once: [1, 2]", "should be a number of hosts or a percentage"),
        ("reboot_timeout: soon", "should be a number of seconds"),
        ("reboot_timeout: 0", "should be a number of seconds"),
        ("max_failures: few", "should be a number of hosts"),
    ],
)
def test_mistakes_name_file_line_and_key(tmp_path, line, message):
    with pytest.raises(UserError) as caught:
        load(tmp_path, f"hosts:\n  a:\n    {line}\n")
    assert f"lab.yml:3: hosts.a.{line.partition(':')[0]}: {message}" in str(caught.value)


OUTPUT = """time 02:05
boot 6f1c
own c3
Id=c2
Name=admin
RemoteHost=
TTY=
Class=manager
State=active

Id=c3
Name=admin
RemoteHost=192.0.2.1
TTY=
Class=user
State=active

Id=c4
Name=anna
RemoteHost=192.0.2.7
TTY=pts/0
Class=user
State=active

Id=c5
Name=ben
RemoteHost=
TTY=
Class=user
State=closing

Id=c6
Name=admin
TTY=
Class=user
State=closing
who admin sshd 2026-11-22 15:11
gpu 812 nvidia-persiste
gpu 4711 python
"""


def test_presence_leaves_out_our_own_session_and_what_holds_a_gpu_for_nobody():
    found = PresenceNow().process(OUTPUT.splitlines())
    assert found == Presence(
        125, "6f1c", ("anna (pts/0 from 192.0.2.7)", "ben (gone, but left something running)"), ("python (4711)",)
    )
    assert found.told.startswith("logged in: anna (pts/0 from 192.0.2.7), ben")


def test_presence_without_logind_asks_who():
    found = PresenceNow().process(["time 23:59", "who anna pts/1 2026-11-22 15:11 (192.0.2.7)"])
    assert (found.minute, found.users) == (1439, ("anna (pts/1)",))


@pytest.mark.parametrize(
    ("override", "question"), [(ALWAYS, "Reboot a?"), (FORBIDDEN, ""), (None, "")], ids=["always", "no", "ask"]
)
def test_in_a_terminal_nobody_is_rebooted_without_a_question(tmp_path, override, question):
    """Under ``ask`` it comes when the host stands before its reboot."""
    waiting = Run("x", hosts=[HostResult("a", Status.OK, reboot=("why",)), HostResult("b", Status.OK)])
    assert _question(waiting, load(tmp_path, "reboot: ask\nhosts: {a: , b: }", override=override)) == question


def test_presence_knows_servers_of_jupyterhub_which_are_no_sessions():
    line = "unit jupyter-anna-singleuser.service loaded active running /opt/conda/envs/x/bin/jupyterhub-singleuser"
    assert PresenceNow().process(["time 23:59", line]) == Presence(minute=23 * 60 + 59, users=("anna (JupyterHub)",))
