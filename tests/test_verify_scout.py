"""Verifications of hosts that were never verified: all at once, asked once, and with the verdicts of a plain one."""

from __future__ import annotations

import subprocess
from collections import Counter
from types import SimpleNamespace

import gevent
import pytest

from labprov.engine.batch import Completed
from labprov.engine.session import Failure
from labprov.errors import HostError
from labprov.verify.checks import Verdict
from labprov.verify.folder import folder_of
from labprov.verify.run import verify

CHECKS = """
import secrets
import pytest
from labprov.verify.folder import folder_of

@pytest.fixture
def made(host):
    host.run("echo made")
    yield "made"
    host.run("echo unmade")

@pytest.fixture(scope="module")
def dear(host):
    return host.check_output("echo dear")

def test_right(host, settings):
    assert host.check_output("echo %s", settings) == settings

@pytest.mark.parametrize("number", [1, 2])
def test_with_a_fixture(host, made, number):
    assert host.check_output("echo %s", str(number)) == str(number)

def test_with_a_fixture_of_the_module(host, dear):
    assert dear == "dear"

def test_with_one_of_pytests(host, tmp_path):
    assert host.check_output("echo x") == "x" and tmp_path.is_dir()

def test_wrong(host):
    assert host.check_output("echo wrong") == "right"

def test_its_own_mistake(host):
    host.check_output("echo mistake")
    {}["nothing"]

def test_not_for_this_host(host):
    if host.check_output("echo no") == "no":
        pytest.skip("not for this host")

@pytest.mark.skip(reason="never")
def test_never(host):
    host.run("echo never")

def test_another_name_each_time(host):
    name = secrets.token_hex(8)
    assert host.check_output("echo %s", name) == name
"""
VERDICTS = {
    "right": "passed",
    "with a fixture [1]": "passed",
    "with a fixture [2]": "passed",
    "with a fixture of the module": "passed",
    "with one of pytests": "passed",
    "wrong": "failed",
    "its own mistake": "failed",
    "not for this host": "skipped",
    "never": "skipped",
    "another name each time": "passed",
}


class Connection:
    """A host that is this machine; it counts what it is asked, and how many are asked at the same time."""

    busy = most = 0

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.lost_at = ""

    def root(self, command: str, stdin: bytes = b"", timeout: float = 0) -> Completed:
        self.asked.append(command)
        Connection.busy += 1
        Connection.most = max(Connection.most, Connection.busy)
        gevent.sleep(0.001)
        Connection.busy -= 1
        if self.lost_at and self.lost_at in command:
            raise HostError("lost")
        done = subprocess.run(["sh", "-c", command], input=stdin, capture_output=True, check=False)
        return Completed(done.returncode, done.stdout, done.stderr)


class Memory(dict):
    """What was learned, in memory."""

    def get(self, host, purpose):
        return super().get((host, purpose), [])

    def put(self, host, purpose, commands):
        self[host, purpose] = commands


class Lab:
    """Hosts, and a role with the checks."""

    def __init__(self, folder, names) -> None:
        self.memory = Memory()
        self.hosts = {name: SimpleNamespace(name=name) for name in names}
        self.connections = {name: Connection() for name in names}
        (folder / "verify.py").write_text(CHECKS)
        role = SimpleNamespace(name="role", verify_file=folder / "verify.py", skip_reason=lambda settings: "")
        steps = [SimpleNamespace(role=role, hosts=[(name, f"of {name}") for name in names])]
        self.plan = SimpleNamespace(steps=steps, of_host=lambda name: [(role, f"of {name}")])

    def connection(self, host):
        return self.connections[host.name]

    def each(self, work, names):
        def guarded(name):
            try:
                return work(self.hosts[name])
            except HostError as error:
                return Failure(error)

        running = {name: gevent.spawn(guarded, name) for name in names}
        gevent.joinall(list(running.values()), raise_error=True)
        return {name: greenlet.value for name, greenlet in running.items()}

    def verify(self):
        """Host -> check -> verdict; and host -> what it was asked."""
        for connection in self.connections.values():
            connection.asked.clear()
        Connection.most = 0
        checks = verify(self, self.plan, list(self.hosts), lambda check: None, self.memory)
        verdicts = {name: {c.name: c.verdict.value for c in checks if c.host == name} for name in self.hosts}
        return verdicts, {name: list(connection.asked) for name, connection in self.connections.items()}


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path, ["a", "b", "c"])


def test_verdicts_are_those_of_a_host_alone(tmp_path, lab):
    verdicts, asked = lab.verify()
    assert verdicts == dict.fromkeys(lab.hosts, VERDICTS)
    assert Connection.most == 3, "hosts wait for nobody"
    (tmp_path / "alone").mkdir()
    alone, plainly = Lab(tmp_path / "alone", ["a"]).verify()
    assert alone["a"] == VERDICTS
    assert Counter(plainly["a"]).keys() - Counter(asked["a"]).keys() == {
        each for each in plainly["a"] if each.startswith("echo ") and len(each) == 21
    }, "but for the random names, the same was asked"
    for once in ("echo 'of a'", "echo wrong", "echo mistake", "echo no", "echo dear"):
        assert asked["a"].count(once) == 1, "answers of a moment ago are used, also for a failure"
    assert "echo never" not in asked["a"]
    assert asked["a"].count("echo made") == asked["a"].count("echo unmade") == 2


def test_the_second_verification_runs_ahead_what_the_first_one_asked(lab):
    first, _ = lab.verify()
    again, asked = lab.verify()
    assert again == first
    live = [each for each in asked["a"] if len(each) != 21]  # but for the random names
    assert sorted(live) == sorted(["sh", "echo wrong", "echo mistake"]), "a check that failed may ask something else"


def test_a_host_that_is_lost_holds_up_nobody(lab):
    lab.connections["b"].lost_at = "echo 1"
    verdicts, _ = lab.verify()
    assert verdicts["a"] == verdicts["c"] == VERDICTS
    assert verdicts["b"]["with a fixture [1]"] == Verdict.FAILED.value


def test_a_folder_of_before_is_asked_for_again_and_everything_goes_in_one_trip(tmp_path):
    lab = Lab(tmp_path, ["a", "b"])
    (tmp_path / "verify.py").write_text(
        "from labprov.verify.folder import folder_of\n"
        "def test_a_folder(host):\n"
        "    with folder_of(host, 'root') as path:\n"
        "        assert host.check_output(f'stat -c %A {path}') == 'drwx------'\n"
        "    assert not host.file(path).exists\n"
    )
    (verdicts, first), (_, second) = lab.verify(), lab.verify()
    assert verdicts == {"a": {"a folder": "passed"}, "b": {"a folder": "passed"}}
    assert [len(second[name]) for name in "ab"] == [1, 1], second
    assert {each.split("mkdir")[1] for each in first["a"] if "mkdir" in each}.isdisjoint(
        each.split("mkdir")[1] for each in first["b"] if "mkdir" in each
    )


def test_a_folder_that_is_there_already_is_not_used(tmp_path):
    """As of a verification that was killed, or of another one at the same time."""
    commands = []

    def run(command, *arguments):
        commands.append(command)

    backend = SimpleNamespace(replay=SimpleNamespace(next=lambda: "install -d -m 755 /x && mkdir -m 700 /etc/shadow "))
    host = SimpleNamespace(backend=backend, check_output=run, run=run)
    with folder_of(host, "nobody") as path:
        pass
    assert "shadow" not in " ".join(commands) and path.startswith("/var/lib/labprov/verify/")
