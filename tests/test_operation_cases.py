"""Operations as data: ``operations/<role or module>.<operation>/*.yaml`` say arguments, facts and expected commands.

A folder named after a role is about that role's ``operations.py``, any other about ``labprov.engine.operations``.

Facts are typed: what a case says is turned into what the fact's ``process`` gives (a dataclass, a number, ...), and
what is no such value fails the case. A fact that a case leaves out has its default, as on a bare host; one that the
operation does not ask for fails it. Long beginnings of commands are abbreviated, see ``test_engine_apt.py`` and
``test_engine_dnf.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints

import pyinfra_testing.operations as pyinfra_cases
from pydantic import TypeAdapter
from pyinfra.api import FactBase
from pyinfra.api.arguments import all_argument_meta
from pyinfra.api.util import get_kwargs_str
from pyinfra_testing.util import FakeHost, get_command_string

from labprov import role
from labprov.engine.operations import apt, dnf

CASES = Path(__file__).parent / "operations"
APT_GET = str(apt.apt_get("", options=[])).rstrip()
PATIENTLY = str(apt.patient("COMMAND")).split("COMMAND")  # type: ignore[arg-type]  # any text will do
_DNF = str(dnf.dnf("VERB")).split("VERB")
ABBREVIATIONS = {
    (PATIENTLY[0], f"{PATIENTLY[1]} || true"): "patiently, at best: ",
    tuple(PATIENTLY): "patiently: ",
    (_DNF[0], f"{_DNF[1]} || true"): "DNF, at best: ",
    (_DNF[0], _DNF[1]): "DNF ",
    tuple(str(dnf.patient("COMMAND")).split("COMMAND")): "dnf-patiently: ",  # type: ignore[arg-type]
}
"""What stands before and after a command -> what stands for both; the longer one first."""


class TypedHost(FakeHost):
    """A host whose facts are given as data: ``MODULE.CLASS`` -> value, or -> arguments -> value."""

    def __init__(self, state: Any, facts: dict[str, Any]) -> None:
        super().__init__(state, "host", {}, {})
        self.known, self.asked = facts, set()

    def get_fact(self, fact_cls: type[FactBase[Any]], *args: Any, **kwargs: Any) -> Any:
        assert not args or not fact_cls.__module__.startswith("labprov"), "facts are asked for by keyword"
        arguments = {key: value for key, value in kwargs.items() if key not in all_argument_meta}
        fact, key = fact_cls(), self._get_fact_key(fact_cls)
        fact.command(*args, **arguments)  # wrong arguments are an error here as on a host
        words = get_kwargs_str(arguments)
        self.asked.add((key, words))
        value = self.known.get(key) if not words else self.known.get(key, {}).get(words)
        return fact.default() if value is None else _typed(fact, value)

    def unasked(self) -> set[tuple[str, str]]:
        """Facts of the case that nobody wanted to know, by class and arguments."""
        with_arguments = {key for key, words in self.asked if words}
        given = {(k, words) for k, v in self.known.items() for words in (v if k in with_arguments else [""])}
        return given - self.asked


def _typed(fact: FactBase[Any], value: Any) -> Any:
    ours = type(fact).__module__.startswith("labprov")
    return TypeAdapter(get_type_hints(type(fact).process)["return"]).validate_python(value) if ours else value


def _short(command: Any) -> Any:
    text = get_command_string(command)
    for (before, after), short in ABBREVIATIONS.items():
        if isinstance(text, str) and text.startswith(before) and text.endswith(after):
            text = short + text.removeprefix(before).removesuffix(after)
    return text.replace(APT_GET, "APT-GET") if isinstance(text, str) else text


def _cases(base: str, path: str, folder: Path) -> type:
    tests = pyinfra_cases.make_operation_tests(base, path, folder)
    once, hosts = tests._test, []

    def test(self: Any, name: str, data: dict[str, Any]) -> None:
        def host(state: Any, facts: dict[str, Any]) -> TypedHost:
            hosts.append(TypedHost(state, facts))
            return hosts[-1]

        pyinfra_cases.create_host, pyinfra_cases.get_command_string = host, _short
        once(self, name, data)
        assert not hosts.pop().unasked()

    tests._test = test
    return tests


for folder in sorted(path for path in CASES.iterdir() if path.is_dir()):
    owner, _, operation = folder.name.partition(".")
    of_role = owner in role.names()
    where = ("labprov_roles", f"{owner}.operations") if of_role else ("labprov.engine.operations", owner)
    globals()[f"Test_{owner}_{operation}"] = _cases(where[0], f"{where[1]}.{operation}", folder)


def test_there_are_cases() -> None:
    assert any(CASES.rglob("*.yaml"))
