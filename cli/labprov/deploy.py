"""Deploys: named, ordered lists of roles, written as plain pyinfra deploy scripts (``deploys/gpu_node.py``).

The same script serves two callers. ``labprov`` loads it once to learn the roles and their order; plain ``pyinfra`` runs
it for each host, and then ``include`` runs the role with the settings that the inventory gave the host.
"""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from labprov import role as roles
from labprov.errors import UserError, Where

_declared: ContextVar[list[str]] = ContextVar("declared roles")


@dataclass(frozen=True)
class Deploy:
    """A named, ordered list of roles."""

    name: str
    """As on the command line: ``gpu-node``."""
    path: Path
    summary: str
    """The first line of the script's docstring."""
    roles: tuple[roles.Role, ...]


def include(role: ModuleType) -> None:
    """Give the hosts this role next; called once a role, in order, by a deploy script."""
    name = role.__name__.rpartition(".")[2]
    declared = _declared.get(None)
    if declared is not None:
        declared.append(name)
        return
    from labprov.engine.plain import run_role  # plain pyinfra runs the script: only then pyinfra is there to import

    run_role(roles.load(name))


def folders() -> list[Path]:
    """Where deploys are looked for, first match first: ``./deploys``, then those that come with labprov."""
    checkout = Path(__file__).parents[2] / "deploys"
    installed = Path(sysconfig.get_path("data")) / "share" / "labprov" / "deploys"
    found = [Path("deploys"), checkout, installed]
    return [folder for folder in found if folder.is_dir()]


def available() -> dict[str, Path]:
    """Every deploy that can be named: name (with dashes) -> script."""
    scripts = [path for folder in reversed(folders()) for path in sorted(folder.glob("*.py"))]
    return {path.stem.replace("_", "-"): path for path in scripts if not path.stem.startswith("_")}


def load(name: str) -> Deploy:
    """Load the deploy ``name``. Raises UserError for an unknown name or a script that is not a list of roles."""
    known = available()
    path = known.get(name.replace("_", "-"))
    if path is None:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known deploys: {', '.join(sorted(known))}"
        raise UserError(f"unknown deploy {name!r}", hint=hint)
    tree, code = _compile(path)
    with _collecting() as names:
        _execute(path, code)
    if not names:
        raise UserError("includes no role", Where(path))
    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Deploy(name.replace("_", "-"), path, summary, tuple(roles.load(n, Where(path)) for n in names))


@contextmanager
def _collecting() -> Iterator[list[str]]:
    names: list[str] = []
    token = _declared.set(names)
    try:
        yield names
    finally:
        _declared.reset(token)


def _compile(path: Path) -> tuple[ast.Module, object]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        return tree, compile(tree, str(path), "exec")
    except (SyntaxError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise UserError(f"is not valid Python: {error.args[0]}", Where(path, line)) from None


def _execute(path: Path, code: object) -> None:
    try:
        exec(code, {"__name__": "__deploy__", "__file__": str(path)})  # type: ignore[arg-type]  # noqa: S102  # it is the user's own script
    except ImportError as error:
        known = ", ".join(roles.names())
        raise UserError(f"{error}", Where(path, _line_in(path, error)), f"known roles: {known}") from None
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{type(error).__name__}: {error}", Where(path, _line_in(path, error)), "a deploy only includes roles"
        ) from None


def _line_in(path: Path, error: BaseException) -> int:
    line, trace = 0, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
