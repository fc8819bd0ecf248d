"""Files on the controller that declare an environment: conda's ``environment.yml``, pip's ``requirements.txt``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from labprov.errors import UserError, Where
from labprov_roles.conda_envs.requirements import CondaSpec, Explicit, Plain

_PLAIN: TypeAdapter[str] = TypeAdapter(Plain)
_CONDA: TypeAdapter[str] = TypeAdapter(CondaSpec)


def environment(path: Path) -> tuple[str, tuple[str, ...], tuple[Explicit, ...]]:
    """Python's version (or empty), channels and requirements of an ``environment.yml``. Raises UserError."""
    data = _yaml(path)
    dependencies = data.get("dependencies")
    if not isinstance(dependencies, list):
        raise UserError("has no list of dependencies", Where(path))
    python, found = "", []
    for entry in dependencies:
        if isinstance(entry, dict):
            found += [_pip(path, str(line), 0) for line in entry.get("pip") or ()]
        elif str(entry).startswith("python") and str(entry)[6:7] in ("", "=", " "):
            python = str(entry)[6:].strip(" =").removesuffix(".*")
        elif str(entry) != "pip":
            found.append(Explicit(conda=_checked(_CONDA, path, str(entry), 0)))
    channels = tuple(str(name) for name in data.get("channels") or () if name != "nodefaults")
    return python, channels, tuple(found)


def requirements(path: Path) -> tuple[Explicit, ...]:
    """The lines of a ``requirements.txt``. Raises UserError for what is no plain requirement."""
    lines = [line.partition(" #")[0].strip() for line in _text(path).splitlines()]
    return tuple(_pip(path, line, n) for n, line in enumerate(lines, 1) if line and not line.startswith("#"))


def _pip(path: Path, line: str, number: int) -> Explicit:
    return Explicit(pip=_checked(_PLAIN, path, line, number))


def _checked(kind: TypeAdapter[str], path: Path, text: str, line: int) -> str:
    try:
        return kind.validate_python(text)
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise UserError(f"{text[:100]!r} {why}", Where(path, line)) from None


def _yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise UserError(f"is not valid YAML: {' '.join(str(error).split())[:200]}", Where(path)) from None
    if not isinstance(data, dict):
        raise UserError("should be a mapping with dependencies", Where(path))
    return data


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise UserError(f"cannot be read: {reason}", Where(path)) from None
