"""A role: what a server can be given. Its settings class, its tasks and its checks, loaded by name.

Built-in roles and a lab's own (``roles/`` of the folder that labprov is started in) load the same way. This module
imports no pyinfra: a role's ``tasks`` module does, and is imported only when the role is about to run.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue, ValidationError

from labprov.errors import UserError, Where
from labprov.mirrors import Mirrors
from labprov.types import PackageName, PackageVersion

PACKAGE = "labprov_roles"

INHERITED = ("mirrors", "compat", "locked_packages")
"""What every role's settings have from elsewhere."""


def _known_rows(compat: dict[str, JsonValue]) -> dict[str, JsonValue]:
    from labprov.compat import tables  # no role's settings need it but those that the inventory gives rows

    try:
        tables.of(compat)
    except UserError as error:
        raise ValueError("".join(char if char.isprintable() else "?" for char in str(error))) from None
    return compat


class RoleSettings(BaseModel):
    """What every role's ``Settings`` derives from: one class is schema, defaults and documentation at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mirrors: Mirrors = Mirrors()
    """Where this role downloads from; taken from the inventory's ``mirrors`` unless set here."""

    compat: Annotated[dict[str, JsonValue], AfterValidator(_known_rows)] = {}
    """Rows on top of the compatibility tables: the inventory's ``compat``, never set for one role."""

    locked_packages: dict[PackageName, PackageVersion] = {}
    """Exact versions of packages: from the lock, never from the inventory."""

    def exact(self, packages: Iterable[str]) -> tuple[str, ...]:
        """Packages, as ``name`` or ``name=PATTERN``, at the lock's versions where it has one that fits."""
        split = ((spec, *spec.partition("=")[::2]) for spec in packages)
        locked = self.locked_packages
        return tuple(
            f"{name}={locked[name]}" if fnmatchcase(locked.get(name, ""), pattern or "?*") else spec
            for spec, name, pattern in split
        )


@dataclass(frozen=True)
class Role:
    """A role by its name; its modules are imported when they are first asked for."""

    name: str
    folder: Path

    @property
    def package(self) -> str:
        """The import name, like ``labprov_roles.docker``."""
        return f"{PACKAGE}.{self.name}"

    @cached_property
    def summary(self) -> str:
        """The first line of the role's docstring."""
        lines = (importlib.import_module(self.package).__doc__ or "").strip().splitlines()
        return lines[0].replace("``", "") if lines else ""

    @cached_property
    def settings_class(self) -> type[RoleSettings]:
        """The role's ``Settings``; raises UserError when a lab's own role has none."""
        found = getattr(self._module("settings"), "Settings", None)
        if not (isinstance(found, type) and issubclass(found, RoleSettings)):
            raise UserError(
                "a role's settings.py needs a class Settings(RoleSettings)", Where(self.folder / "settings.py")
            )
        return found

    @cached_property
    def tasks(self) -> Callable[[RoleSettings], Any]:
        """The role's ``@deploy`` function (imports pyinfra)."""
        return self._function("tasks", "tasks")

    @cached_property
    def lock(self) -> Any | None:
        """The role's module ``lock`` (see ``labprov.lock.found``), or None: nothing of it is locked."""
        name = f"{self.package}.lock"
        return importlib.import_module(name) if importlib.util.find_spec(name) else None

    @cached_property
    def renew(self) -> Callable[..., None] | None:
        """The role's function ``renew`` (see ``labprov.lock.renew``), or None: it keeps no decisions of its own."""
        name = f"{self.package}.renew"
        return importlib.import_module(name).renew if importlib.util.find_spec(name) else None

    def skip_reason(self, settings: RoleSettings) -> str | None:
        """Why the host in context does not get this role, or None (reads facts; imports pyinfra)."""
        function = getattr(self._module("tasks"), "skip_reason", None)
        return function(settings) if function else None

    def before_reboot(self, settings: RoleSettings) -> tuple[str, ...]:
        """Why the host in context would not come back from a reboot with what the role gave it, and what repairs it.

        From ``problems`` of the role's module ``before_reboot``, if it has one (reads facts; imports pyinfra).
        """
        name = f"{self.package}.before_reboot"
        if importlib.util.find_spec(name) is None or self.skip_reason(settings):
            return ()
        return tuple(importlib.import_module(name).problems(settings))

    @property
    def verify_file(self) -> Path:
        """The role's testinfra checks."""
        return self.folder / "verify.py"

    def settings(self, values: Mapping[str, Any], where: Callable[..., Where]) -> RoleSettings:
        """Validate ``values`` (option -> value); ``where(*path)`` tells where each was written. Raises UserError."""
        try:
            # A path in an inventory is one from the inventory's folder.
            return self.settings_class.model_validate(values, context={"folder": where().file.parent})
        except ValidationError as error:
            raise _explain(error, self.settings_class, where) from None

    def _module(self, name: str) -> Any:
        full = f"{self.package}.{name}"
        if importlib.util.find_spec(full) is None:
            raise UserError(f"the role {self.name!r} has no {name}.py", Where(self.folder))
        return importlib.import_module(full)

    def _function(self, module: str, name: str) -> Callable[..., Any]:
        function = getattr(self._module(module), name, None)
        if not callable(function):
            raise UserError(f"{module}.py needs a function {name}(settings)", Where(self.folder / f"{module}.py"))
        return function  # type: ignore[no-any-return]  # checked callable; a lab's own role is not ours to type


def names() -> list[str]:
    """The roles that can be loaded, sorted: built-in ones and the lab's own."""
    package = importlib.import_module(PACKAGE)
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.ispkg and m.name != PACKAGE)


def load(name: str, where: Where | None = None) -> Role:
    """Find the role ``name``; ``where`` is the place that named it. Raises UserError for an unknown one."""
    known = names()
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known roles: {', '.join(known)}"
        raise UserError(f"unknown role {name!r}", where, hint)
    spec = importlib.util.find_spec(f"{PACKAGE}.{name}")
    assert spec is not None and spec.submodule_search_locations
    return Role(name, Path(next(iter(spec.submodule_search_locations))))


def _explain(error: ValidationError, settings: type[BaseModel], where: Callable[..., Where]) -> UserError:
    first = error.errors(include_url=False)[0]
    path = tuple(part for part in first["loc"] if isinstance(part, int) or _is_key(str(part)))
    if first["type"] == "extra_forbidden":
        return UserError("unknown key", where(*path), _known_keys(settings, path))
    if first["type"] == "missing":
        return UserError(f"the setting {path[-1]!r} is missing", where(*path[:-1]))
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    shown = isinstance(first["input"], str | int | float | list) and not _is_secret(path)
    got = f", got {first['input']!r}" if shown else ""
    return UserError(f"{message[0].lower()}{message[1:]}{got}"[:300], where(*path))


def _known_keys(settings: type[BaseModel], path: tuple[str | int, ...]) -> str:
    """A hint for the unknown key at the end of ``path``: the nearest known one, or all of them."""
    model: Any = settings
    for part in path[:-1]:
        field = model.model_fields.get(part)
        model = field.annotation if field else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return ""
    known = [name for name in model.model_fields if name not in INHERITED]
    near = get_close_matches(str(path[-1]), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def _is_secret(path: tuple[str | int, ...]) -> bool:
    """Whether a value must not be shown: what stands under a key that names a secret."""
    return any(word in str(part).lower() for part in path for word in ("password", "secret", "token"))


def _is_key(part: str) -> bool:
    """Whether a part of pydantic's location is a key of the user's: tags of unions and functions are not."""
    return part.replace("_", "").replace("-", "").isalnum()
