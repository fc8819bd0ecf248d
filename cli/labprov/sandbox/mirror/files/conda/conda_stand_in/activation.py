"""What ``conda shell.posix`` prints for a shell to evaluate. Nothing here changes anything itself."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from conda_stand_in import ROOT
from conda_stand_in.prefixes import name_of, prefix_of, require
from conda_stand_in.settings import merged


def hook() -> str:
    """Return the shell function ``conda``, and the activation of base where the settings want it."""
    lines = [
        f"export CONDA_EXE={shlex.quote(str(ROOT / 'bin/conda'))}",
        f". {shlex.quote(str(ROOT / 'etc/profile.d/conda.sh'))}",
    ]
    if merged()["auto_activate"]:
        lines.append(f"conda activate {shlex.quote(str(merged()['default_activation_env']))}")
    return "\n".join(lines)


def activate(arguments: Sequence[str]) -> str:
    """Return the exports that activate an environment (base when none is named)."""
    wanted = next((word for word in arguments if not word.startswith("-")), "base")
    path = wanted if "/" in wanted else None
    prefix = require(prefix_of(None if path else wanted, path))
    level, current = int(os.environ.get("CONDA_SHLVL") or 0), os.environ.get("CONDA_PREFIX")
    values = _values(prefix, level + 1)
    if current and level:
        values[f"CONDA_PREFIX_{level}"] = current
    return _exports(values) + _scripts(prefix, "activate.d")


def deactivate() -> str:
    """Return the exports that go back to the environment before."""
    level, current = int(os.environ.get("CONDA_SHLVL") or 0), os.environ.get("CONDA_PREFIX", "")
    scripts = _scripts(Path(current), "deactivate.d") if current else ""
    before = os.environ.get(f"CONDA_PREFIX_{level - 1}")
    if level > 1 and before:
        return scripts + _exports(_values(Path(before), level - 1)) + f"unset CONDA_PREFIX_{level - 1}\n"
    gone = "unset CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_PROMPT_MODIFIER\n"
    return scripts + _exports({"PATH": _path_without(current), "CONDA_SHLVL": "0", **_prompt("")}) + gone


def environment(prefix: Path) -> dict[str, str]:
    """Return the variables that a program run in the environment gets."""
    level = int(os.environ.get("CONDA_SHLVL") or 0) + 1
    return {key: value for key, value in _values(prefix, level).items() if key != "PS1"}


def _values(prefix: Path, level: int) -> dict[str, str]:
    name = name_of(prefix) or str(prefix)
    rest = _path_without(os.environ.get("CONDA_PREFIX", ""))
    return {
        "PATH": f"{prefix}/bin:{rest}",
        "CONDA_PREFIX": str(prefix),
        "CONDA_SHLVL": str(level),
        "CONDA_DEFAULT_ENV": name,
        "CONDA_PROMPT_MODIFIER": f"({name}) ",
        "CONDA_EXE": str(ROOT / "bin/conda"),
        **_prompt(f"({name}) "),
    }


def _prompt(modifier: str) -> dict[str, str]:
    prompt = os.environ.get("PS1", "")
    old = os.environ.get("CONDA_PROMPT_MODIFIER", "")
    return {"PS1": modifier + prompt.removeprefix(old)} if prompt and merged()["changeps1"] else {}


def _path_without(prefix: str) -> str:
    parts = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(part for part in parts if not prefix or part != f"{prefix}/bin")


def _exports(values: dict[str, str]) -> str:
    return "".join(f"export {key}={shlex.quote(value)}\n" for key, value in values.items())


def _scripts(prefix: Path, folder: str) -> str:
    return "".join(f". {shlex.quote(str(path))}\n" for path in sorted((prefix / "etc/conda" / folder).glob("*.sh")))
