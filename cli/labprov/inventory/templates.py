"""Jinja2 in values: one expression alone gives its own type, anything else gives text. It knows no inventory.

Sandboxed: a template sees the names it is given and cannot reach Python behind them. That protects from accidents and
from values copied from elsewhere; it does not bound memory or time, as whoever writes an inventory is root anyway.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NoReturn, cast

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from labprov.errors import UserError, Where
from labprov.inventory.names import did_you_mean

NAMES = ("vars", "host", "name", "groups", "group_names", "hosts", "env")
"""The names that every template has beside the variables."""

_LITERAL = "for literal braces write {% raw %}...{% endraw %}"


class Lazy(Mapping[str, Any]):
    """A mapping whose values are made when they are asked for."""

    def __init__(self, keys: Mapping[str, Any], value: Callable[[str], Any]) -> None:
        self._keys, self._value = keys, value

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return self._value(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys


class Refused(TemplateRuntimeError):
    """What a function that templates can call says to a wrong call."""


class _UnknownName(UndefinedError):
    """A name, key or attribute that is not there, and the object it was looked for in, if any."""

    def __init__(self, name: object, owner: object, message: str) -> None:
        super().__init__(message)
        self.name, self.owner = str(name), owner


class _Undefined(StrictUndefined):
    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = UndefinedError
    ) -> None:
        # only ever called to make the exception, so that it carries what a message alone would lose
        make: Any = partial(_UnknownName, name, obj) if exc is UndefinedError else exc
        super().__init__(hint, obj, name, make)

    def fail(self) -> NoReturn:
        self._fail_with_undefined_error()


class Renderer:
    """Renders texts; each different text is compiled once."""

    def __init__(self) -> None:
        self._environment = ImmutableSandboxedEnvironment(undefined=_Undefined, keep_trailing_newline=True)
        kept = {name: self._environment.globals[name] for name in ("range", "dict")}
        self._environment.globals.clear()
        self._environment.globals.update(kept)
        self._environment.policies["json.dumps_kwargs"] = {"default": _plain, "sort_keys": True}
        self._compiled: dict[str, Callable[[Mapping[str, Any]], Any]] = {}

    def render(self, text: str, names: Mapping[str, Any], where: Where, who: str) -> Any:
        """Give ``text`` with ``names`` put in: plain data.

        Raises UserError at ``where`` for whatever goes wrong; it says that this was for ``who``.
        """
        try:
            if text not in self._compiled:
                self._compiled[text] = self._compile(text)
            return _plain(self._compiled[text](names))
        except UserError:
            raise
        except Exception as error:  # anything can go wrong in a template, and all of it is the template's
            raise _explain(error, names, where, who) from None

    def _compile(self, text: str) -> Callable[[Mapping[str, Any]], Any]:
        match self._environment.parse(text).body:
            case [nodes.Output(nodes=[expression])] if not isinstance(expression, nodes.TemplateData):
                assign = nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)
                return partial(_value, self._environment.from_string(nodes.Template([assign], lineno=1)))
        return partial(_text, self._environment.from_string(text))


def has_template(value: object) -> bool:
    """Whether ``value`` is text in which something is to be put."""
    return isinstance(value, str) and any(mark in value for mark in ("{{", "{%", "{#"))


def _context(template: Template, names: Mapping[str, Any]) -> Context:
    # shared=True takes the names as they are; otherwise they are copied to a dict, and every one of them is rendered
    known = ChainMap(cast(dict[str, Any], names), cast(dict[str, Any], template.globals))
    return template.new_context(cast(dict[str, Any], known), shared=True)


def _text(template: Template, names: Mapping[str, Any]) -> str:
    return "".join(template.root_render_func(_context(template, names)))


def _value(template: Template, names: Mapping[str, Any]) -> Any:
    context = _context(template, names)
    for _ in template.root_render_func(context):
        pass
    return context.vars["result"]


def _plain(value: Any) -> Any:
    match value:
        case _Undefined():
            value.fail()
        case str():
            return str(value)  # not Markup, which some filters give
        case bool() | int() | float() | None:
            return value
        case Mapping():
            return {str(key): _plain(child) for key, child in value.items()}
        case list() | tuple() | range() | Iterator():
            return [_plain(child) for child in value]
    raise Refused(f"gives a {type(value).__name__}, which is not a value")


def _explain(error: Exception, names: Mapping[str, Any], where: Where, who: str) -> UserError:
    reason = " ".join(str(error).split()).rstrip(".")
    match error:
        case TemplateSyntaxError():
            return UserError(f"is not a valid template: {reason}", where, _LITERAL)
        case _UnknownName() if error.owner is missing or isinstance(error.owner, Mapping):
            known = names if error.owner is missing else error.owner
            hint = did_you_mean(error.name, [str(key) for key in known])
            return UserError(f"the template refers to {error.name!r}, which is not defined for {who}", where, hint)
        case UndefinedError() | SecurityError() | Refused():
            return UserError(f"the template cannot be rendered for {who}: {reason}", where)
    return UserError(f"the template cannot be rendered for {who}: {type(error).__name__}: {reason}"[:400], where)
