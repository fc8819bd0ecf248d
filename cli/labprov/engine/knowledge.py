"""What is known of a host: its facts, asked for many at a time, parsed once, forgotten when something changes the host.

pyinfra 3.10 asks the host again for every fact: 110 round trips for 30 operations. Here a fact that is not known yet
is fetched together with everything else that the run is going to ask:

* what an earlier run asked of this host (kept by ``learned``) goes out in the first round trip;
* a *rehearsal* runs the roles' code with empty values in place of unknown facts, to learn what they ask.

Whatever may change the host (any command that is no fact, any upload) makes everything unknown again; the next fact
then takes a few of those along that came after it the last time, and more the longer nothing changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pyinfra.api import FactBase, Host
from pyinfra.api.facts import ShortFactBase
from pyinfra.api.util import get_kwargs_str

from labprov.engine.batch import Completed, script, take_apart
from labprov.engine.hidden import secrets_in
from labprov.engine.questions import Questions
from labprov.engine.together import Question, alone, together
from labprov.errors import HostError

Execute = Callable[[bytes], Completed]
"""Feeds a script to a root shell on the host; one round trip."""

_VOLATILE = frozenset({"server.Uptime", "server.Date", "server.Processes", "server.LoadAverage"})
"""pyinfra's facts that are another value at each look, by name: their module takes a moment to import."""

_AHEAD = 4
"""How many facts are fetched along with a missing one after a change; doubled each time nothing changed since."""

_PRIVILEGES = ("_sudo_user", "_su_user", "_doas", "_dzdo", "_chdir", "_env", "_use_sudo_login")
"""Global arguments under which a fact is not the plain one of root: such a fact is asked for on its own."""


class Knowledge:
    """One host's facts."""

    def __init__(self, execute: Execute) -> None:
        self.execute = execute
        self.asked: dict[str, None] = {}
        """Commands asked for, in order of their first time; what ``learned`` keeps."""
        self._raw: dict[str, Completed] = {}
        self._values: dict[tuple[type, str], Any] = {}
        self._missing: dict[str, None] | None = None
        self._ahead = _AHEAD
        self._asking = False

    def forget(self) -> None:
        """Something may have changed the host: nothing is known any more."""
        if not self._asking:
            self._raw.clear()
            self._values.clear()
            self._ahead = _AHEAD

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Within it commands only ask: they do not make known facts stale."""
        self._asking = True
        try:
            yield
        finally:
            self._asking = False

    @contextmanager
    def rehearsal(self) -> Iterator[dict[str, None]]:
        """Within it unknown facts are empty, nothing is fetched, and the commands missed are collected.

        Only the last rehearsal's questions are kept in ``asked``: empty facts lead to questions that are none later.
        """
        self._missing = {}
        self.asked.clear()
        try:
            yield self._missing
        finally:
            self._missing = None

    def fetch(self, commands: Sequence[str]) -> None:
        """Learn the outputs of ``commands`` in one round trip. Raises HostError when the host gives none."""
        todo = list(dict.fromkeys(command for command in commands if command not in self._raw))
        if todo:
            self._ask(together(todo))

    def _ask(self, questions: Sequence[Question]) -> None:
        nonce = secrets.token_hex(16)
        done = self.execute(script([question.command for question in questions], nonce))
        if done.left_out:
            raise HostError(f"the answers to {len(questions)} questions were too long ({done.left_out} bytes too many)")
        results = take_apart(done, nonce, len(questions))
        if not results:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise HostError(said[-1] if said else f"no answer to {len(questions)} questions (exit code {done.status})")
        for question, result in zip(questions, results, strict=False):
            self._raw.update(question.answers(result))

    def raw(self, command: str) -> Completed:
        """The output of one command, fetched when it is not known, with what is likely to be asked next."""
        if command not in self._raw:
            order = list(self.asked)
            after = order.index(command) + 1 if command in self.asked else len(order)
            self.fetch([command, *order[after : after + self._ahead]])
            self._ahead *= 2
        if command not in self._raw:  # the one command for all of its kind failed
            self._ask([alone(command)])
        return self._raw[command]

    def value(self, fact: FactBase[Any], command: str, name: Callable[[], str]) -> Any:
        """The parsed value of a fact; ``name()`` is what an error calls it. Raises HostError when its command fails."""
        self.asked.setdefault(command)
        key = (type(fact), command)
        if key in self._values:
            return self._values[key]
        if self._missing is not None and command not in self._raw:
            self._missing[command] = None
            return fact.default()
        value = self._parse(fact, self.raw(command), name)
        if fact.name in _VOLATILE:
            del self._raw[command]
        else:
            self._values[key] = value
        return value

    @staticmethod
    def _parse(fact: FactBase[Any], done: Completed, name: Callable[[], str]) -> Any:
        if done.status != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise HostError(f"could not find out {name()}: {said[-1] if said else f'exit code {done.status}'}")
        if not done.stdout:
            return fact.default()
        text = done.stdout.decode("utf-8", errors="replace").removesuffix("\n")
        return fact.process([line.rstrip("\r") for line in text.split("\n")])


def answer_facts(host: Host, knowledge: Knowledge, questions: Questions) -> None:
    """Make ``host.get_fact`` answer from ``knowledge``; facts with privileges of their own still go the usual way."""
    usual = host.get_fact

    def get_fact(cls: type[FactBase[Any]], *args: Any, **kwargs: Any) -> Any:
        if issubclass(cls, ShortFactBase) or _special(host, kwargs) or secrets_in(args, kwargs):
            with knowledge.asking():
                return usual(cls, *args, **kwargs)
        fact = cls()
        command = questions.command(host, fact, args, kwargs)
        if command is None:
            return fact.default()
        return knowledge.value(fact, command, lambda: f"{cls.__name__} {get_kwargs_str(kwargs)}".strip())

    host.get_fact = get_fact  # type: ignore[method-assign, assignment]  # pyinfra has no other way in


def _special(host: Host, kwargs: dict[str, Any]) -> bool:
    contexts: list[Any] = [kwargs, host.current_op_global_arguments or {}, host.current_deploy_kwargs or {}]
    return any(context.get(key) for context in contexts for key in _PRIVILEGES)
