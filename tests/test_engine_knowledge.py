"""Facts asked together, told apart safely, and never stale. The host is this machine's own shell."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyinfra.api import FactBase
from pyinfra.facts import server

from labprov.engine.batch import Completed, script, take_apart
from labprov.engine.knowledge import _VOLATILE, Knowledge, answer_facts
from labprov.engine.questions import Questions
from labprov.errors import HostError

NONCE = "0123456789abcdef" * 2


def shell(text: bytes) -> Completed:
    done = subprocess.run(["sh"], input=text, capture_output=True, check=False)
    return Completed(done.returncode, done.stdout, done.stderr)


def run(commands: list[str]) -> list[Completed]:
    return take_apart(shell(script(commands, NONCE)), NONCE, len(commands))


def test_outputs_errors_and_statuses_come_apart():
    results = run(["echo one; echo two >&2", "exit 7", "printf 'no newline'", "true"])
    assert [r.status for r in results] == [0, 7, 0, 0]
    assert [r.stdout for r in results] == [b"one\n", b"", b"no newline", b""]
    assert [r.stderr for r in results] == [b"two\n", b"", b"", b""]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_any_bytes_come_through(outputs):
    commands = ["printf '" + "".join(f"\\{byte:03o}" for byte in data) + "'" for data in outputs]
    assert [r.stdout for r in run(commands)] == outputs


def test_a_command_cannot_eat_the_script_from_standard_input():
    assert [r.stdout for r in run(["cat", "echo after"])] == [b"", b"after\n"]


def test_a_banner_of_the_shell_is_dropped():
    done = shell(b"echo Welcome; echo motd >&2\n" + script(["echo x"], NONCE))
    assert take_apart(done, NONCE, 1) == [Completed(0, b"x\n", b"")]


@pytest.mark.parametrize("cut", range(0, 150, 7))
def test_output_cut_off_gives_only_whole_results(cut):
    done = shell(script(["echo first", "echo second"], NONCE))
    results = take_apart(Completed(0, done.stdout[:cut], done.stderr), NONCE, 2)
    expected = [Completed(0, b"first\n", b""), Completed(0, b"second\n", b"")]
    assert results == expected[: len(results)]


class Lines(FactBase[list[str]]):
    """The lines of a file."""

    default = list

    def command(self, path: str) -> str:
        return f"cat {path} 2>/dev/null || true"

    def process(self, output):
        return list(output)


class Broken(FactBase[str]):
    """Always fails."""

    def command(self) -> str:
        return "echo 'no such luck' >&2; exit 3"


class CountingShell:
    """Counts round trips."""

    def __init__(self):
        self.trips = 0

    def __call__(self, text: bytes) -> Completed:
        self.trips += 1
        return shell(text)


def fake_host(knowledge: Knowledge):
    host = SimpleNamespace(current_op_global_arguments=None, current_deploy_kwargs=None, state=None, get_fact=None)
    answer_facts(host, knowledge, Questions())
    return host


def test_expected_facts_cost_one_round_trip(tmp_path):
    paths = [tmp_path / str(n) for n in range(10)]
    for path in paths:
        path.write_text(f"{path.name}\n")
    ask = CountingShell()
    knowledge = Knowledge(ask)
    host = fake_host(knowledge)
    knowledge.fetch([Lines().command(str(path)) for path in paths])
    assert [host.get_fact(Lines, path=str(path)) for path in paths] == [[path.name] for path in paths]
    assert ask.trips == 1


def test_a_rehearsal_fetches_nothing_and_tells_what_is_missing(tmp_path):
    ask = CountingShell()
    knowledge = Knowledge(ask)
    host = fake_host(knowledge)
    with knowledge.rehearsal() as missing:
        assert host.get_fact(Lines, path=str(tmp_path / "a")) == []
    assert ask.trips == 0
    assert list(missing) == [Lines().command(str(tmp_path / "a"))]


def test_questions_that_only_empty_facts_led_to_are_not_remembered(tmp_path):
    knowledge = Knowledge(shell)
    host = fake_host(knowledge)
    real, wrong = (str(tmp_path / name) for name in ("real", "wrong"))
    Path(real).write_text("something\n")
    for _ in range(2):
        with knowledge.rehearsal() as missing:
            if not host.get_fact(Lines, path=real):
                host.get_fact(Lines, path=wrong)
        knowledge.fetch(list(missing))
    assert list(knowledge.asked) == [Lines().command(real)]


def test_a_failing_fact_names_itself_and_the_cause():
    host = fake_host(Knowledge(shell))
    with pytest.raises(HostError, match=r"Broken.*no such luck"):
        host.get_fact(Broken)


def test_no_answer_at_all_is_an_error_not_an_empty_fact():
    host = fake_host(Knowledge(lambda text: Completed(1, b"", b"sudo: a password is required\n")))
    with pytest.raises(HostError, match="password is required"):
        host.get_fact(Lines, path="/etc/hostname")


def test_pyinfra_still_calls_them_so():
    assert {each.name for each in (server.Uptime, server.Date, server.Processes, server.LoadAverage)} == _VOLATILE


@pytest.mark.parametrize("fact", [server.Date, server.LoadAverage])
def test_what_is_another_value_at_each_look_is_asked_each_time(fact):
    ask = CountingShell()
    host = fake_host(Knowledge(ask))
    for _ in range(3):
        host.get_fact(fact)
    assert ask.trips == 3


FILES = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(st.tuples(st.just("read"), FILES), st.tuples(st.just("write"), FILES, st.text("xyz", max_size=3))),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_never_stale(tmp_path_factory, steps):
    """The host is changed between any two facts, as an operation would; each fact equals the live value."""
    folder: Path = tmp_path_factory.mktemp("host")
    knowledge = Knowledge(shell)
    host = fake_host(knowledge)
    knowledge.fetch([Lines().command(str(folder / name)) for name in "abc"])
    for step in steps:
        path = folder / step[1]
        if step[0] == "write":
            path.write_text(f"{step[2]}\n")
            knowledge.forget()  # what the connection does after any command that is no fact
        else:
            live = path.read_text().splitlines() if path.exists() else []
            assert host.get_fact(Lines, path=str(path)) == live
