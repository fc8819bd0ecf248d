"""Records to exit codes, text, JSON, JUnit and the journal. No host."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from labprov.apply import HostResult, Status
from labprov.engine.outcome import Outcome, Result
from labprov.errors import UserError
from labprov.report import data, journal, text
from labprov.report.junit import as_junit
from labprov.report.live import Live
from labprov.report.summary import Run, exit_code, not_done
from labprov.verify.checks import Check, Verdict

CHANGED = Outcome(
    "a", "docker", "Start Docker", Result.CHANGED, ("systemctl start docker",), ("+one",), "out", "", 1, 2, 0, 3
)
FAILED = Outcome("b", "docker", "Install Docker", Result.FAILED, reason="E: no \x1b such package", output="E: \x1b no")
PASSED = Check("a", "docker", "engine answers", Verdict.PASSED, seconds=0.5)
BROKEN = Check("b", "docker", "engine answers", Verdict.FAILED, "assert 1 == 2", "detail")


def run(*hosts: tuple[str, Status], checks=(), applied=()) -> Run:
    results = [HostResult(name, status, "why" if status is not Status.OK else "") for name, status in hosts]
    return Run("gpu-node", "a simulation", applied=list(applied), checks=list(checks), hosts=results)


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (run(("a", Status.OK)), 0),
        (run(("a", Status.OK), checks=[PASSED]), 0),
        (run(("a", Status.OK), ("b", Status.UNREACHABLE)), 4),
        (run(("a", Status.FAILED), ("b", Status.UNREACHABLE)), 1),
        (run(("a", Status.OK), ("b", Status.OK), checks=[PASSED, BROKEN]), 1),
        (run(("a", Status.NOT_STARTED)), 1),
    ],
)
def test_exit_codes(what, code):
    assert exit_code(what) == code


def drawn(draw, *args, **kwargs) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    draw(console, *args, **kwargs)
    return console.file.getvalue()


def test_a_plan_names_an_operation_once_with_all_its_hosts():
    shown = drawn(text.plan, [replace(CHANGED, host="b"), CHANGED], ["a", "b"], diffs=True, commands=True)
    assert shown.count("Start Docker  a, b") == 1
    assert shown.count("+one") == 1
    assert "$ systemctl start docker" in shown


def test_operations_stand_in_the_order_of_the_role_whatever_hosts_were_faster():
    names = ["Add the repository", "Install", "Start"]
    fast = [replace(CHANGED, host="b", operation=name) for name in names]
    slow = [replace(CHANGED, host="a", operation=name, diffs=()) for name in names]
    shown = drawn(text.plan, [*fast, *slow], ["a", "b"], diffs=False, commands=False)
    places = [shown.index(f"{name}  {host}") for name in names for host in ("a", "b")]
    assert places == sorted(places)


def test_what_a_host_says_cannot_style_our_output():
    shown = drawn(text.plan, [replace(FAILED, reason="[bold]no[/bold] [/]")], ["b"], diffs=False, commands=False)
    assert "[bold]no[/bold] [/]" in shown


EVIL = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe \x9b31m\x7f"


def test_no_escape_sequence_of_a_host_reaches_the_terminal():
    bad = replace(FAILED, reason=EVIL, output=EVIL, operation=EVIL, commands=(EVIL,), diffs=(f"+{EVIL}",))
    changed, broken = replace(bad, result=Result.CHANGED, warnings=(EVIL,)), replace(BROKEN, reason=EVIL, detail=EVIL)
    lost = HostResult("b", Status.OK, reboot=(EVIL,), held=EVIL, unsafe=(EVIL,))
    live = Live(console := Console(file=io.StringIO(), width=200), ["b"], ["docker"], True, lambda outcome: None)
    live.role_started("b", "docker")
    live.outcome(bad)
    live.role_ended("b", "docker")
    shown = [
        console.file.getvalue(),
        drawn(text.plan, [bad, changed], ["b"], diffs=True, commands=True),
        drawn(text.failed_checks, [broken], details=True),
        drawn(text.problems, [replace(lost, status=Status.FAILED, reason=EVIL)]),
        drawn(text.summary, Run("x", hosts=[lost])),
        drawn(text.reboot_question, [("b", [EVIL], EVIL)]),
    ]
    for page in shown:
        assert "owned" in page
        assert not set(page) & set("\x1b\x07\x9b\x7f\u202e"), page
    assert "␛[2J" in shown[1]


def test_warnings_stand_in_the_plan_once_for_all_hosts():
    said = replace(CHANGED, result=Result.UNCHANGED, warnings=("the branch ends in May",))
    shown = drawn(text.plan, [said, replace(said, host="b")], ["a", "b"], diffs=False, commands=False)
    assert shown.count("warning: the branch ends in May  a, b") == 1


def test_a_host_that_waits_for_a_reboot_is_not_called_verified():
    waiting = Run("x", hosts=[HostResult("a", Status.OK, reboot=("nvidia_driver: nouveau holds the GPU",))])
    shown = drawn(text.summary, waiting)
    assert "not yet verified: reboot pending" in shown
    assert "nouveau holds the GPU" in shown
    assert exit_code(waiting) == 0


def test_json_holds_every_record():
    found = json.loads(data.as_json(run(("a", Status.OK), checks=[PASSED], applied=[CHANGED])))
    assert found["simulation"] == "a simulation"
    assert found["outcomes"][0]["round_trips"] == 3
    assert found["checks"][0]["verdict"] == "passed"


def test_junit_counts_and_survives_control_characters():
    suite = ElementTree.fromstring(as_junit(run(("b", Status.FAILED), checks=[PASSED, BROKEN], applied=[FAILED])))
    assert suite.attrib["tests"] == "4"
    assert suite.attrib["failures"] == "3"
    assert suite.find("properties/property").attrib["value"] == "a simulation"


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def write(records: Run) -> None:
    kept = Run(records.deploy, records.simulation)
    book = journal.Journal(kept, "apply")
    take = {"applied": book.keep("applied", kept.applied), "check": book.keep("check", kept.checks)}
    for outcome in records.applied:
        take["applied"](outcome)
    for check in records.checks:
        take["check"](check)
    kept.hosts = records.hosts
    book.end(kept)


def test_a_journal_reads_back_as_the_run(state):
    records = run(("a", Status.OK), ("b", Status.FAILED), checks=[PASSED, BROKEN], applied=[CHANGED, FAILED])
    write(records)
    assert journal.read(journal.latest()) == records


def test_a_journal_is_for_its_user_alone(state):
    write(run(("a", Status.OK)))
    assert journal.latest().stat().st_mode & 0o077 == 0


@given(cut=st.integers(0, 3000))
def test_a_journal_cut_off_anywhere_is_readable(tmp_path_factory, cut):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        write(run(("a", Status.OK), checks=[PASSED], applied=[CHANGED]))
        path = journal.latest()
        whole = path.read_bytes()
        path.write_bytes(whole[:cut])
        if cut < len(whole.splitlines(keepends=True)[0]) - 1:
            with pytest.raises(UserError):
                journal.read(path)
        else:
            assert journal.read(path).finished is (cut >= len(whole) - 1)


def test_an_interrupted_run_is_one_when_read_back(state):
    interrupted = replace(run(("a", Status.FAILED)), interrupted=True)
    assert exit_code(interrupted) == 130
    kept = journal.Journal(interrupted, "apply")
    kept.end(interrupted)
    found = journal.read(journal.latest())
    assert (found.finished, found.interrupted, exit_code(found)) == (True, True, 130)


def test_a_journal_that_cannot_be_written_is_told_once(tmp_path, monkeypatch):
    (tmp_path / "labprov").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    told: list[str] = []
    book = journal.Journal(Run("x"), "apply", told.append)
    book.keep("applied", [])(CHANGED)
    book.end(Run("x"))
    assert told == [f"this run keeps no journal: {tmp_path}/labprov/runs: Not a directory"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_disk_that_fills_up_ends_the_journal_and_not_the_run(state, monkeypatch):
    told: list[str] = []
    book = journal.Journal(Run("x"), "apply", told.append)
    book._file = Path("/dev/full").open("w")  # noqa: SIM115  (the journal closes it)
    kept: list[Outcome] = []
    take = book.keep("applied", kept)
    take(CHANGED)
    take(CHANGED)
    book.end(Run("x"))
    assert len(kept) == 2
    assert [line.rpartition(": ")[2] for line in told] == ["No space left on device"]


def test_what_has_to_be_done_again():
    hosts = ("a", Status.OK), ("b", Status.OK), ("c", Status.FAILED), ("d", Status.UNREACHABLE)
    last = replace(run(*hosts, checks=[PASSED, BROKEN]), targets=("a", "b", "c", "d", "never-reached"))
    assert not_done(last) == ["b", "c", "d", "never-reached"]


def test_the_last_run_of_a_deploy_and_inventory_is_found(state):
    for inventory, name in (("/lab.yml", "a"), ("/other.yml", "b")):
        book = journal.Journal(Run("gpu-node", inventory=inventory, targets=(name,)), "apply")
        book.end(Run("gpu-node"))
    found = journal.last_of("gpu-node", "/lab.yml")
    assert found is not None
    assert found.targets == ("a",)
    assert journal.last_of("docker-node", "/lab.yml") is None


def test_no_journal_is_a_plain_word(state):
    with pytest.raises(UserError, match="there is no run"):
        journal.latest()


def test_a_foreign_file_is_refused(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"kind": "note"}\nno json\n{"a": 1}\n')
    with pytest.raises(UserError, match=r"x\.jsonl.*not a journal"):
        journal.read(tmp_path / "x.jsonl")
