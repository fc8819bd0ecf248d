"""Runs an operation without a host: facts as the typed values that they give, commands as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pyinfra.api import FileUploadCommand, StringCommand
from pyinfra.context import ctx_host, ctx_state
from pyinfra_testing.operations import FakeState
from pyinfra_testing.util import FakeHost

Facts = Mapping[type, Any]
"""Fact class -> what it gives, or a function of its arguments."""


class TypedHost(FakeHost):
    """A host whose facts are given as Python values."""

    def __init__(self, state: FakeState, facts: Facts) -> None:
        super().__init__(state, "host", {}, {})
        self.known = facts

    def get_fact(self, fact: type, *args: Any, **kwargs: Any) -> Any:
        assert not args, "facts are asked for by keyword"
        arguments = {key: value for key, value in kwargs.items() if not key.startswith("_")}
        fact().command(**arguments)  # wrong arguments are an error here as on a host
        value = self.known[fact]
        return value(**arguments) if callable(value) else value


@pytest.fixture
def commands() -> Callable[..., list[str]]:
    """Give the commands that an operation yields, as text; an upload is ``PATH <- CONTENT``.

    ``planning``: as in a plan, where nothing is executed.
    """

    def run(operation: Any, facts: Facts, planning: bool = False, **arguments: Any) -> list[str]:
        state = FakeState()
        state.is_executing = not planning
        host = TypedHost(state, facts)
        with ctx_state.use(state), ctx_host.use(host):
            found = [_text(command) for command in operation._inner(**arguments)]
        assert found or host.noop_description, "an operation that does nothing says why"
        return found

    return run


def _text(command: Any) -> str:
    if isinstance(command, FileUploadCommand):
        command.src.seek(0)
        return f"{command.dest} <- {command.src.read()}"
    assert isinstance(command, StringCommand)
    return str(command.get_raw_value())
