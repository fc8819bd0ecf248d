"""Two hundred hostile values for every setting of every built-in role: refused in one line, or harmless as they are."""

from __future__ import annotations

import itertools
import re
import shlex
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, JsonValue

from labprov import role
from labprov.errors import UserError, Where

ROLES = ("base", "cuda", "docker", "miniconda", "nvidia_container_toolkit", "nvidia_driver")
_PAYLOADS = (
    "$(touch /canary)", "`touch /canary`", "; touch /canary", "| touch /canary", "& touch /canary", "&& touch /canary",
    "$IFS", "${HOME}", "' ; touch /canary ; '", '" ; touch /canary ; "', "'\\''", "\\", "\n", "\ntouch /canary\n",
    "\r\n", "\t", "\0", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e", "\u00a0", "é", "ß", "日本", "🐧", "..",
    "../../etc/passwd", " ", "a b", "*", "?", "[a]", "{a,b}", "~root", "!!", "#", "%s", "%n", "{{ 1 + 1 }}",
    "{% raw %}", "<!--", "]]>", ">/canary", "<(touch /canary)", "EOF", "PYINFRAHERE", "x" * 5000, "null",
)  # fmt: skip
_AROUND = ("{}", "-{}", "--option={}", "http://host/{}", "/opt/{}", "1.0{}", "{}x")
HOSTILE = list(dict.fromkeys(around.format(p) for around, p in itertools.product(_AROUND, _PAYLOADS)))
INERT = re.compile(r"[A-Za-z0-9/_.:@%+=,~*-]*")
URL = re.compile(r"(https?|file)://[A-Za-z0-9._~:/?#@!$&()*+,;=%\[\]-]+")


def places(annotation: Any) -> Iterator[Any]:
    """Functions that put a string where a setting of that type takes one."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is JsonValue or annotation is Any:
        yield lambda text: text
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            others = {"size": 24} if name == "base" else {}
            for inner in places(field.annotation):
                yield lambda text, name=name, inner=inner, others=others: {name: inner(text)} | others
    elif origin in (Union, types.UnionType):
        for argument in arguments:
            yield from places(argument)
    elif origin in (list, tuple):
        yield from (lambda text, inner=inner: [inner(text)] for inner in places(arguments[0]))
    elif origin in (dict, Mapping):
        yield lambda text: {text: "value"}
        yield from (lambda text, inner=inner: {"key": inner(text)} for inner in places(arguments[1]))
    else:
        yield lambda text: text


def settings() -> Iterator[tuple[str, str]]:
    for name in ROLES:
        for key in role.load(name).settings_class.model_fields:
            yield name, key


def strings(value: Any) -> Iterator[str]:
    """All text in a value, keys too."""
    match value:
        case str():
            yield value
        case dict():
            for key, inner in value.items():
                yield from (*strings(key), *strings(inner))
        case list() | tuple():
            for inner in value:
                yield from strings(inner)


def test_there_are_two_hundred():
    assert len(HOSTILE) >= 200


@pytest.mark.parametrize(("name", "key"), [pytest.param(*pair, id=".".join(pair)) for pair in settings()])
def test_hostile_values_are_refused_in_one_line_or_harmless(name, key):
    """Harmless: no shell, no option, no line and no path reads them as anything but themselves."""
    loaded, tried = role.load(name), 0
    where = lambda *path: Where(Path("lab.yml"), 3, ".".join(map(str, path)))  # noqa: E731
    for place in places(loaded.settings_class.model_fields[key].annotation):
        for text in HOSTILE:
            tried += 1
            try:
                value = loaded.settings({key: place(text)}, where)
            except UserError as error:
                assert re.search(r"[\n\r\x1b\x85\u2028]", str(error)) is None, f"{text!r}: {error}"
                assert str(error).startswith("lab.yml:3: "), error
                assert len(str(error)) < 900 or len(text) > 900
                continue
            if (name, key) == ("docker", "daemon"):
                continue  # free JSON: it goes into daemon.json as JSON, and nowhere else (see the sandbox's tests)
            for accepted in strings(value.model_dump(include={key})[key]):
                if text in accepted:
                    assert not accepted.startswith("-"), f"{accepted!r} would be taken for an option"
                    assert not (accepted.startswith("/") and ".." in accepted.split("/")), (
                        f"{accepted!r} leads elsewhere"
                    )
                    assert INERT.fullmatch(accepted) or URL.fullmatch(accepted), f"{accepted!r} is not harmless"
    assert tried >= 200


def test_what_is_called_inert_is_inert_to_a_shell():
    for text in HOSTILE:
        if INERT.fullmatch(text) and not set(text) & set("*~"):
            assert shlex.split(f"x{text}") == [f"x{text}"]
