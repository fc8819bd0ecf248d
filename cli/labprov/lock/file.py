"""``labprov.lock`` on disk: read with its lines, checked, written whole. Decides nothing.

One file a folder of inventories, with a section for each of them.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from labprov.errors import UserError, Where
from labprov.inventory import Tree, source
from labprov.lock.model import LockFile, Section

NAME = "labprov.lock"
HEADER = """\
# What labprov decided for these hosts where the inventory leaves it open: keep this file with the inventory.
# Written by labprov; it moves by `labprov lock DEPLOY --upgrade`, not by hand. docs/lock.md explains it.
"""
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |$)")


@dataclass(frozen=True)
class Lock:
    """What is locked for the hosts of one inventory, and where that is written."""

    path: Path
    inventory: str
    """The inventory's file name: which section it is."""
    section: Section
    tree: Tree

    def where(self, *path: str | int) -> Where:
        """The place of a value of the section, or of the nearest thing above it."""
        return self.tree.where("inventories", self.inventory, *path)


def load(inventory: Path) -> Lock:
    """The lock of the inventory's hosts; an empty one when there is none. Raises UserError for a damaged file."""
    path = inventory.parent / NAME
    if not path.exists():
        return Lock(path, inventory.name, Section(), Tree.empty(Where(path)))
    whole, tree = _read(path)
    return Lock(path, inventory.name, whole.inventories.get(inventory.name, Section()), tree)


def update(lock: Lock, change: Callable[[Section], Section]) -> Section:
    """Write ``change(section)`` in place of the inventory's section as it is by now; other sections stay.

    Raises UserError when the file was damaged meanwhile or cannot be written.
    """
    try:
        with _alone(lock.path.parent):
            whole = _read(lock.path)[0] if lock.path.exists() else LockFile()
            before = whole.inventories.get(lock.inventory, Section())
            after = change(before)
            if after != before:
                _write(lock.path, whole, lock.inventory, after)
            return after
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror or error}", Where(lock.path)) from None


def forget(inventory: Path) -> bool:
    """Remove the section of an inventory that goes; whether there was one. A damaged file is left alone."""
    try:
        lock = load(inventory)
        if lock.section == Section():
            return False
        update(lock, lambda section: Section())
    except UserError:
        return False
    return True


def _read(path: Path) -> tuple[LockFile, Tree]:
    _refuse_conflicts(path)
    tree = Tree(source.read(path))
    try:
        whole = LockFile.model_validate(tree.plain())
    except ValidationError as error:
        raise _explain(error, tree) from None
    for name, section in whole.inventories.items():
        _check(section, lambda *keys, name=name: tree.where("inventories", name, *keys))
    return whole, tree


def _refuse_conflicts(path: Path) -> None:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, 1):
        if _CONFLICT.match(line):
            hint = f"take one side, such as git checkout --theirs {path.name}, then run labprov lock"
            raise UserError("a merge conflict was not resolved", Where(path, number), hint)


def _check(section: Section, where: Callable[..., Where]) -> None:
    for name, one in section.classes.items():
        if one.digest != one.computed():
            hint = "take the change back, or delete the class and its hosts and run labprov lock"
            raise UserError("the class was changed by hand: its digest differs", where("classes", name, "digest"), hint)
    for host, name in section.hosts.items():
        if name not in section.classes:
            raise UserError(f"there is no class {name!r}", where("hosts", host), "run labprov lock without this line")


def _explain(error: ValidationError, tree: Tree) -> UserError:
    first = error.errors(include_url=False)[0]
    keys = tuple(part for part in first["loc"] if part != "[key]")
    where = replace(tree.where(*keys), key=".".join(map(str, keys)))
    if keys == ("format",):
        return UserError("a newer labprov wrote this file", where, "this one reads format 1")
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    message = "unknown key" if first["type"] == "extra_forbidden" else f"{message[:1].lower()}{message[1:]}"
    return UserError(message[:300], where, "labprov writes this file: take the change back")


def _write(path: Path, whole: LockFile, name: str, section: Section) -> None:
    sections = {key: value for key, value in whole.inventories.items() if key != name}
    if section != Section():
        sections[name] = section
    if not sections:
        path.unlink(missing_ok=True)
        return
    _replace(path, HEADER + dump(LockFile(inventories=dict(sorted(sections.items())))))


def dump(whole: LockFile) -> str:
    """The file's text, without its heading."""
    data = {"format": whole.format, "inventories": {}}
    for name, section in whole.inventories.items():
        classes = {key: _class(one) for key, one in sorted(section.classes.items())}
        data["inventories"][name] = {"classes": classes, "hosts": dict(sorted(section.hosts.items()))}  # type: ignore[index]
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def _class(one: Any) -> dict[str, Any]:
    said: dict[str, Any] = one.sealed().model_dump(mode="json", exclude_defaults=True)
    return said


class _Dumper(yaml.SafeDumper):
    """Lists stand further in than their key; nothing is written as an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _replace(path: Path, text: str) -> None:
    """Write the file as a whole: whoever reads it sees the old one or the new one."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Within it no other labprov of this machine writes a lock in the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
