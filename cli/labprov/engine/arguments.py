"""pyinfra's global arguments (``_sudo``, ``_env``, ``_if`` ...), worked out once a host instead of at each operation.

pyinfra 3.10 evaluates 32 type hints and looks up 32 host data for every operation: two fifths of the controller's CPU
time. All operations on one host that are given none of their own get the same, in every deploy that was given the same.
Whatever is not that plain case goes to pyinfra's own function. Contains no arguments of labprov's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, cast

from pyinfra.api import Host, State
from pyinfra.api import arguments as pyinfra_arguments
from pyinfra.api.arguments import AllArguments, pop_global_arguments
from pyinfra.context import ctx_config

_MEMORY = "labprov_arguments"
_KEPT = 4
"""Cases kept for a host: outside of deploys, within one, and within one in another."""


@dataclass(frozen=True)
class _Known:
    """What pyinfra worked out, and from what."""

    deploy_kwargs: dict[str, Any] | None
    config: dict[str, Any]
    arguments: dict[str, Any]
    changeable: tuple[str, ...]
    """Those of the arguments that an operation could change for the next one."""


def quick(state: State, host: Host, kwargs: dict[str, Any]) -> tuple[AllArguments, list[str]]:
    """Answer as ``pop_global_arguments`` does, from what is known where nothing else can come out."""
    name = kwargs.get("name")
    if not (name is None or isinstance(name, str)) or not _others().isdisjoint(kwargs):
        return pop_global_arguments(state, host, kwargs)
    if host.data.override_datas or host.get_deploy_data():
        return pop_global_arguments(state, host, kwargs)
    known = _known(state, host)
    arguments = {**known.arguments, **{key: known.arguments[key].copy() for key in known.changeable}}
    if "name" not in kwargs:
        return cast(AllArguments, arguments), []
    arguments["name"] = kwargs.pop("name")
    return cast(AllArguments, arguments), ["name"]


def install() -> None:
    """Have pyinfra's operations and deploys ask here. May be called again."""
    pyinfra_arguments.all_global_arguments = _all
    for module in ("deploy", "operation"):  # pyinfra.api has functions of the same names, which hide these modules
        import_module(f"pyinfra.api.{module}").pop_global_arguments = quick  # type: ignore[attr-defined]
    import_module("pyinfra.api.operation").signature = _signature  # type: ignore[attr-defined]


@cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """An operation's, which pyinfra looks up at each call to see whether its arguments fit."""
    return inspect.signature(function)


def _known(state: State, host: Host) -> _Known:
    """The arguments of the deploy that the host is in; worked out anew when it, or the configuration, is another."""
    config = vars(ctx_config.get() if ctx_config.isset() else state.config)
    memory: list[_Known] = getattr(host, _MEMORY, [])  # pyinfra gives its proxy of the host in context
    for known in memory:
        if known.deploy_kwargs == host.current_deploy_kwargs and known.config == config:
            return known
    arguments, _ = pop_global_arguments(state, host, {})
    kept = {key: _own(value) for key, value in config.items()}
    given = {key: _own(value) for key, value in (host.current_deploy_kwargs or {}).items()}
    known = _made(given if host.current_deploy_kwargs is not None else None, kept, cast(dict[str, Any], arguments))
    setattr(host, _MEMORY, [known, *memory][:_KEPT])
    return known


def _made(deploy_kwargs: dict[str, Any] | None, config: dict[str, Any], arguments: dict[str, Any]) -> _Known:
    changeable = tuple(key for key, value in arguments.items() if isinstance(value, list | dict))
    return _Known(deploy_kwargs, config, arguments, changeable)


def _own(value: Any) -> Any:
    """The value, or a copy where an operation could change it for the next one."""
    return value.copy() if isinstance(value, list | dict) else value


_evaluated = pyinfra_arguments.all_global_arguments


@cache
def _all() -> list[tuple[str, type]]:
    return _evaluated()


@cache
def _others() -> frozenset[str]:
    """The names of all global arguments but ``name``."""
    return frozenset(name for name, _ in _all()) - {"name"}
