"""Writes the generated part of the reference: docs/reference.md, from the roles' settings and the command line.

`make docs` runs it; a test fails when the file is not what it would write.
"""

from __future__ import annotations

import sys
import types
import typing
from pathlib import Path

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from labprov import deploy, docstrings, role
from labprov.inventory import Connection
from labprov.main import main
from labprov.mirrors import Mirrors

PATH = Path(__file__).parent / "reference.md"
HEAD = "# Reference\n\nWritten by `make docs` from the code; changes made here are lost.\n"


_RUN = """\
## Order and reboots

Keys of the inventory: at the top, in a group, or on a host.

| key | default | |
|---|---|---|
| `serial` | all at once | Hosts at a time: a number, a percentage, or a list whose last size repeats. Hosts that got it from the same place go in batches; lines of batches go on side by side. |
| `max_failures` | 0 with `serial` | More failed hosts than this stop the batches to come; more that did not come back from a reboot stop the other reboots. |
| `reboot` | `never` | When a host that needs a reboot gets it: `never`; `ask` (in a terminal, once a batch; without one it waits); `when-needed`; `"window 02:00-05:00"` (by the host's own clock and time zone; may go over midnight). |
| `reboot_at_once` | 1 | So many hosts may reboot together, a number or a percentage of those that got `reboot` and this key from the same places. |
| `reboot_timeout` | 900 | Seconds within which a rebooted host must be back, in another boot. |

`apply --reboot` and `--no-reboot` win over `reboot`. `when-needed` and a window leave a host alone while somebody is
logged in, left a program running (tmux, nohup), or has a GPU open; `ask` names them in its question; `--reboot` does not
wait for them. The machine that labprov runs on is never rebooted. A host that waits is listed with the reason, is not
verified, and fails nothing (exit code 0).
"""  # noqa: E501  (rows of a table)


def text() -> str:
    """The whole page."""
    prose = "\n".join([HEAD, *_roles(), *_inventory(), *_deploys()]).replace("``", "`")
    return "\n".join([prose, *_commands()]).rstrip() + "\n"


def _roles() -> list[str]:
    lines = ["## Roles\n"]
    for name in role.names():
        loaded = role.load(name)
        lines += [
            f"### {name}\n",
            f"{_doc(sys.modules.get(loaded.package) or __import__(loaded.package, fromlist=['_']))}\n",
        ]
        lines += _fields(loaded.settings_class, skip=role.INHERITED)
        for path, model in _inner(loaded.settings_class, role.INHERITED):
            lines += [f"In `{path}`:\n", *_fields(model)]
    return lines


def _inner(model: type[BaseModel], skip: tuple[str, ...] = ()) -> list[tuple[str, type[BaseModel]]]:
    """The models in a model's fields, each with where it stands: ``environments.NAME``."""
    found: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        for path, inner in _models(field.annotation, name) if name not in skip else ():
            found += [(path, inner), *((f"{path}.{below}", each) for below, each in _inner(inner))]
    return list({inner: (path, inner) for path, inner in reversed(found)}.values())[::-1]


def _models(annotation: typing.Any, path: str) -> list[tuple[str, type[BaseModel]]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(path, annotation)]
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    inside = f"{path}.NAME" if origin is dict else path
    return [each for part in parts if part is not Ellipsis for each in _models(part, inside)]


def _inventory() -> list[str]:
    return [
        "## Connection keys\n",
        "At the top of an inventory, in a group, or on a host.\n",
        *_fields(Connection),
        _RUN,
        "## Mirrors\n",
        "Under `mirrors`, each a URL or `{url, fingerprint, key}`.\n",
        *_fields(Mirrors),
    ]


def _deploys() -> list[str]:
    lines = ["## Deploys\n"]
    for name in sorted(deploy.available()):
        loaded = deploy.load(name)
        lines.append(f"- `{name}`: {loaded.summary} ({', '.join(r.name for r in loaded.roles)})")
    return [*lines, ""]


def _commands() -> list[str]:
    lines = ["## Commands\n"]
    for words, command in _walk("labprov", main):
        # The names of the help option are those of the top command; click keeps the option once it was made.
        names = main.context_settings["help_option_names"]
        context = click.Context(command, info_name=words, terminal_width=100, help_option_names=names)
        lines += [f"### {words}\n", "```text", command.get_help(context), "```\n"]
    return lines


def _walk(words: str, command: click.Command) -> list[tuple[str, click.Command]]:
    found = [(words, command)]
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            found += _walk(f"{words} {name}", child)
    return found


def _fields(model: type[BaseModel], skip: tuple[str, ...] = ()) -> list[str]:
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    texts = docstrings.meanings(model)
    for name, field in model.model_fields.items():
        if name not in skip:
            meaning = texts[name].replace("|", "\\|")
            rows.append(f"| `{name}` | {_default(field)} | {_kind(field.annotation)}{meaning} |")
    return [*rows, ""]


def _default(field: typing.Any) -> str:
    value = field.get_default(call_default_factory=False)
    if value is PydanticUndefined and field.default_factory:
        try:
            made = field.default_factory()
        except TypeError:
            return ""
        value = made.url if hasattr(made, "url") else made
    if value is PydanticUndefined:
        return "required"
    if value is None or isinstance(value, BaseModel):
        return ""
    shown = [_short(each) for each in value] if isinstance(value, tuple) else value
    return f"`{shown}`" if not isinstance(shown, bool) else f"`{str(shown).lower()}`"


def _short(value: typing.Any) -> typing.Any:
    return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value


def _kind(annotation: typing.Any) -> str:
    """Choices are listed; other types are told by the description."""
    choices = _choices(annotation)
    return f"{', '.join(f'`{choice}`' for choice in choices)}: " if choices else ""


def _choices(annotation: typing.Any) -> list[str]:
    if typing.get_origin(annotation) is typing.Literal:
        return [str(value) for value in typing.get_args(annotation)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [choice for part in typing.get_args(annotation) for choice in _choices(part)]
    return []


def _doc(module: types.ModuleType) -> str:
    return (module.__doc__ or "").strip()


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
