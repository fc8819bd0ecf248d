"""Checks that no earlier verification knows, run on all hosts at once to have their answers before pytest asks.

pytest goes check by check and host by host; on new hosts most of that is waiting. Here each host's checks are called as
plain functions, one after the other, hosts beside each other. What they come to does not count: pytest calls them again
with the answers of a moment ago, and goes to the host itself as soon as a check wants to know something else.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from _pytest.fixtures import FixtureDef
from _pytest.outcomes import OutcomeException

from labprov.errors import HostError

_MARKS = ("skip", "skipif", "xfail", "usefixtures")


class _Unknown(Exception):
    """A check needs something that only pytest can give."""


def scout(item: pytest.Function, given: Mapping[str, object]) -> None:
    """Call a check with its fixtures, whatever comes of it; ``given``: values of fixtures that are not its file's own.

    Does nothing with a check that needs more of pytest than that. Raises HostError when the host is lost.
    """
    # pytest has no public way to a check's fixtures but to run it.
    about, known = item._fixtureinfo, {**item.callspec.params, **given}
    automatic = {*about.initialnames} - {*about.argnames, *known}
    if automatic or any(item.get_closest_marker(name) for name in _MARKS):
        return
    try:
        with ExitStack() as stack:
            item.obj(**{name: _value(name, item, known, stack) for name in about.argnames})
    except HostError:
        raise
    except (Exception, OutcomeException):
        return  # pytest will say what is wrong, asking the host again if need be


def _value(name: str, item: pytest.Function, known: Mapping[str, object], stack: ExitStack) -> object:
    if name in known:
        return known[name]
    found = item._fixtureinfo.name2fixturedefs.get(name)
    if not found or not _is_simple(found[-1], item):
        raise _Unknown(name)
    function = found[-1].func
    values = {each: _value(each, item, known, stack) for each in found[-1].argnames}
    if inspect.isgeneratorfunction(function):
        return stack.enter_context(contextmanager(function)(**values))
    return function(**values)


def _is_simple(fixture: FixtureDef[Any], item: pytest.Function) -> bool:
    """Whether it is made anew for each check, from nothing but its arguments."""
    return fixture.scope == "function" and not fixture.params and fixture.func.__module__ == item.obj.__module__
