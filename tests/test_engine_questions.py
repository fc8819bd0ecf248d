"""A fact's command line is written once for all hosts, but never one host's for another."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyinfra import host as host_in_context
from pyinfra.api import FactBase, QuoteString, StringCommand
from pyinfra.context import ctx_host
from pyinfra.facts.files import FindInFile

from labprov.engine.questions import Questions


class Counted(FactBase[str]):
    """Counts how often its command is written."""

    written = 0

    def command(self, path, times=1) -> StringCommand:
        type(self).written += 1
        self.path = path
        return StringCommand("cat", *[QuoteString(path)] * times)

    def process(self, output):
        return f"{self.path}: {output}"


class OfTheHost(FactBase[str]):
    """A lab's own: its command hangs on the host."""

    def command(self) -> str:
        return f"cat /srv/{host_in_context.name}"


class OfTheHostIfItSays(FactBase[str]):
    """Hangs on the host, and hides it."""

    def command(self) -> str:
        return f"cat {getattr(host_in_context, 'name', 'nothing')}"


class Refused(FactBase[str]):
    """Raises for its argument."""

    def command(self, number) -> str:
        raise ValueError(f"not {number}")


def ask(questions, name, fact, *args, **kwargs):
    host = SimpleNamespace(name=name, state=None)
    ctx_host.set(host)
    try:
        return questions.command(host, fact, args, kwargs)
    finally:
        assert ctx_host.get() is host
        ctx_host.reset()


@pytest.fixture(autouse=True)
def _fresh():
    Counted.written = 0


def test_it_is_written_once_for_all_hosts():
    questions = Questions()
    assert {ask(questions, name, Counted(), path="/a b") for name in "xyz"} == {"cat '/a b'"}
    assert Counted.written == 1


def test_what_writing_left_in_the_fact_is_there_each_time():
    questions = Questions()
    for name in "xy":
        fact = Counted()
        ask(questions, name, fact, path="/a")
        assert fact.process(["1"]) == "/a: ['1']"


def test_the_same_holds_for_pyinfras_own():
    questions = Questions()
    for name in "xy":
        fact = FindInFile()
        ask(questions, name, fact, path="/etc/hosts", pattern="a")
        assert fact.process(["__pyinfra_exists_/etc/hosts"]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"path": "/a"}, {"path": "/b"}),
        ({"path": "/a", "times": 1}, {"path": "/a", "times": 2}),
        ({"path": "1"}, {"path": 1}),
        ({"path": 1}, {"path": True}),
        ({"path": ["/a"]}, {"path": ("/a",)}),
        ({"path": "/a"}, {"path": SimpleNamespace()}),
    ],
)
def test_another_argument_is_another_question(one, other):
    questions = Questions()
    for kwargs in (one, other):
        fact = Counted()
        asked = ask(questions, "x", fact, **kwargs)
        assert fact.path == kwargs["path"]
        assert asked == ask(Questions(), "x", Counted(), **kwargs)


def test_arguments_that_may_change_are_not_remembered():
    questions, path = Questions(), SimpleNamespace()
    ask(questions, "x", Counted(), path=path)
    ask(questions, "x", Counted(), path=path)
    assert Counted.written == 2


@pytest.mark.parametrize("kind", [OfTheHost, OfTheHostIfItSays])
def test_what_hangs_on_the_host_is_asked_of_each_in_its_own_words(kind):
    questions = Questions()
    assert [ask(questions, name, kind()).removeprefix("cat ").removeprefix("/srv/") for name in "xyx"] == list("xyx")


def test_an_error_of_the_fact_is_its_own_each_time():
    questions = Questions()
    for name in "xy":
        with pytest.raises(ValueError, match="not 5"):
            ask(questions, name, Refused(), 5)
