"""Commands of checks run ahead: in sequence, never mixed up, live from the first difference on."""

from __future__ import annotations

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from labprov.engine.batch import Completed
from labprov.verify.replay import Replay, key


class Host:
    """A host whose state is a counter: the same question has another answer each time."""

    def __init__(self) -> None:
        self.trips = 0

    def execute(self, command: str, stdin: bytes = b"") -> Completed:
        self.trips += 1
        done = subprocess.run(["sh", "-c", command], input=stdin, capture_output=True, check=False)
        return Completed(done.returncode, done.stdout, done.stderr)


def ask(replay: Replay, host: Host, command: str) -> bytes:
    return replay.run(command, lambda: host.execute(command)).stdout


def test_what_is_asked_as_last_time_costs_one_trip(tmp_path):
    host = Host()
    replay = Replay(host.execute)
    count = f"echo x >> {tmp_path}/n; wc -l < {tmp_path}/n"
    replay.fetch({"one": [count, count], "two": ["echo hello"]})
    replay.begin("one")
    assert [ask(replay, host, count).strip() for _ in range(2)] == [b"1", b"2"]
    replay.begin("two")
    assert ask(replay, host, "echo hello") == b"hello\n"
    assert host.trips == 1


def test_from_the_first_difference_on_a_check_is_live_and_others_are_not():
    host = Host()
    replay = Replay(host.execute)
    replay.fetch({"one": ["echo a", "echo b"], "two": ["echo c"]})
    replay.begin("one")
    assert ask(replay, host, "echo changed") == b"changed\n"
    assert ask(replay, host, "echo b") == b"b\n"
    assert host.trips == 3
    replay.begin("two")
    assert ask(replay, host, "echo c") == b"c\n"
    assert host.trips == 3


def test_a_check_begun_again_is_live():
    host = Host()
    replay = Replay(host.execute)
    replay.fetch({"one": ["echo a"]})
    replay.begin("one")
    assert replay.was_ahead("one")
    replay.begin("one")
    assert not replay.was_ahead("one")
    ask(replay, host, "echo a")
    assert host.trips == 2
    assert replay.ran == {"one": ["echo a"]}


COMMANDS = st.lists(st.sampled_from(["echo a", "echo b", "exit 3"]), max_size=5)


@given(
    expected=st.dictionaries(st.sampled_from("xyz"), COMMANDS),
    asked=st.lists(st.tuples(st.sampled_from("xyz"), COMMANDS), max_size=3, unique_by=lambda p: p[0]),
)
@settings(max_examples=25, deadline=None)
def test_answers_are_those_of_the_commands_asked(expected, asked):
    host = Host()
    replay = Replay(host.execute)
    replay.fetch(expected)
    for check, commands in asked:
        replay.begin(check)
        for command in commands:
            assert replay.run(command, lambda c=command: host.execute(c)) == Host().execute(command)


def test_other_code_is_another_check():
    names = {key(role, "test_x", source) for role in ("docker", "cuda") for source in (b"a", b"b")}
    assert len(names) == 4
    names = {key("docker", "test_x", source) for source in (b"a", b"b")}
    assert all(name.startswith("docker test_x ") for name in names)
