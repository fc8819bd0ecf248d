"""What a fact asks: its command line, written once for all hosts. Fetches and keeps no answer.

Writing a deploy's 85 command lines takes longer than reading their answers, and hosts of one kind are asked the same.
A command is remembered only when it was written without a look at any host: pyinfra's ``Ports`` asks for other facts on
the way, a lab's own may read the host's data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyinfra.api import FactBase, Host, StringCommand
from pyinfra.api.state import StateStage
from pyinfra.context import ctx_host

from labprov.errors import HostError

_PLAIN = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class _Written:
    """A command line, and what writing it left in the fact: ``process`` may need that."""

    text: str
    state: Mapping[str, Any]


class Questions:
    """Command lines by fact and arguments; one for all hosts of a session."""

    def __init__(self) -> None:
        self._written: dict[tuple[type, str], _Written | None] = {}

    def command(self, host: Host, fact: FactBase[Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """The fact's command line, or None when its preconditions do not hold. Raises HostError for those in an apply.

        ``fact`` is then as its own ``command`` leaves it.
        """
        reason = fact.check_preconditions(host.state, host)
        if reason:
            if host.state.current_stage == StateStage.Execute:
                raise HostError(reason)
            return None
        plain = {key: value for key, value in kwargs.items() if not key.startswith("_")}
        if not _is_plain([*args, *plain.values()]):
            return _write(fact, args, plain)
        key = type(fact), repr((args, plain))
        if key not in self._written:
            self._written[key] = _write_for_any_host(type(fact), args, plain)
        known = self._written[key]
        if known is None:
            return _write(fact, args, plain)
        vars(fact).update(known.state)
        return known.text


class _NoHost:
    """Takes the place of the host in context, and notes whether anything was wanted of it."""

    wanted = False

    def __getattr__(self, name: str) -> Any:
        self.wanted = True
        raise AttributeError(name)


def _write_for_any_host(kind: type[FactBase[Any]], args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Written | None:
    """The command line that any host would be asked; None when it may hang on the host."""
    fact, nobody, host = kind(), _NoHost(), ctx_host.get()
    ctx_host.set(nobody)
    try:
        text = _write(fact, args, kwargs)
    except Exception:  # it is then written again for the host, and raises there what it has to
        return None
    finally:
        ctx_host.set(host)
    return None if nobody.wanted else _Written(text, dict(vars(fact)))


def _is_plain(value: object) -> bool:
    """Whether ``repr`` says all of it."""
    return all(map(_is_plain, value)) if isinstance(value, list | tuple) else type(value) in _PLAIN


def _write(fact: FactBase[Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    text = _text(fact.command(*args, **kwargs))
    needs = fact.requires_command(*args, **kwargs)
    # A fact of a missing program is empty: no output, status 0.
    return f"! command -v {needs} >/dev/null 2>&1 || {{ {text}\n}}" if needs else text


def _text(command: str | StringCommand) -> str:
    return command.get_raw_value() if isinstance(command, StringCommand) else command
