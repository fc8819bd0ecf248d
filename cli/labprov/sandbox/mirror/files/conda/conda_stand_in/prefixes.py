"""Environments on disk: where they may be made, how they are found, who may change them. Not what is in them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from conda_stand_in import ROOT, CondaError
from conda_stand_in.settings import merged


def writable(prefix: Path) -> bool:
    """Tell whether this user may change the environment: conda asks for its history file."""
    history = prefix / "conda-meta/history"
    return os.access(history if history.exists() else prefix, os.W_OK)


def envs_dirs() -> list[Path]:
    """Return where environments are looked for; the first writable one is where they are made."""
    own = [Path(name).expanduser() for name in merged()["envs_dirs"]]
    return [*own, *_in_order("envs")]


def pkgs_dirs() -> list[Path]:
    """Return the package caches; the first writable one is used."""
    own = [Path(name).expanduser() for name in merged()["pkgs_dirs"]]
    return own or _in_order("pkgs")


def _in_order(name: str) -> list[Path]:
    system, user = ROOT / name, Path.home() / ".conda" / name
    return [system, user] if writable(ROOT) else [user, system]


def first_writable(folders: list[Path]) -> Path:
    """Return the first of the folders that can be written to, or made."""
    for folder in folders:
        existing = folder
        while not existing.exists():
            existing = existing.parent
        if os.access(existing, os.W_OK):
            folder.mkdir(parents=True, exist_ok=True)
            return folder
    raise CondaError(
        "NoWritableEnvsDirError", "No writable envs directories configured.\n" + "\n".join(f"  - {f}" for f in folders)
    )


def prefix_of(name: str | None, path: str | None, *, to_make: bool = False) -> Path:
    """Return the environment that ``-n`` or ``-p`` names, or the active one; ``to_make``: it need not be there yet."""
    if path:
        return Path(path).expanduser().absolute()
    if not name:
        return Path(os.environ.get("CONDA_PREFIX") or ROOT)
    if name in ("base", "root"):
        return ROOT
    if "/" in name:
        return Path(name).expanduser().absolute()
    found = next((folder / name for folder in envs_dirs() if is_environment(folder / name)), None)
    if found or not to_make:
        return found or envs_dirs()[0] / name
    return first_writable(envs_dirs()) / name


def is_environment(prefix: Path) -> bool:
    """Tell whether there is an environment."""
    return (prefix / "conda-meta/history").is_file()


def require(prefix: Path) -> Path:
    """Return the prefix when it is an environment; raises conda's error otherwise."""
    if not is_environment(prefix):
        raise CondaError("EnvironmentLocationNotFound", f"Not a conda environment: {prefix}")
    return prefix


def require_writable(prefix: Path) -> Path:
    """Return the prefix when this user may change it; raises conda's error otherwise."""
    if not writable(prefix):
        location = f"  environment location: {prefix}\n  uid: {os.geteuid()}\n  gid: {os.getegid()}\n"
        head = "The current user does not have write permissions to the target environment."
        raise CondaError("EnvironmentNotWritableError", f"{head}\n{location}")
    if prefix == ROOT:
        raise CondaError("SimulationError", "the base of the labprov sandbox's conda stand-in cannot be changed")
    if (prefix / "conda-meta/frozen").exists():
        raise CondaError("EnvironmentIsFrozenError", f"Cannot modify frozen environment: {prefix}")
    return prefix


def known() -> list[Path]:
    """Return every environment that this user can see: base, those in the folders, those registered."""
    found = {ROOT: None}
    for folder in envs_dirs():
        if folder.is_dir():
            found |= {path: None for path in sorted(folder.iterdir()) if is_environment(path)}
    register = Path.home() / ".conda/environments.txt"
    lines = register.read_text().splitlines() if register.exists() else []
    found |= {Path(line): None for line in lines if line and is_environment(Path(line))}
    return list(found)


def name_of(prefix: Path) -> str:
    """Return the name by which an environment can be activated; empty when only its path will do."""
    if prefix == ROOT:
        return "base"
    return prefix.name if prefix.parent in envs_dirs() else ""


def mark(prefix: Path, line: str) -> None:
    """Write to the environment's history, and remember it for this user."""
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    with (prefix / "conda-meta/history").open("a") as history:
        history.write(f"==> {line}\n")
    if os.environ.get("CONDA_REGISTER_ENVS", "").lower() in ("0", "false", "no"):
        return
    register = Path.home() / ".conda/environments.txt"
    known_paths = register.read_text().splitlines() if register.exists() else []
    if prefix != ROOT and str(prefix) not in known_paths:
        register.parent.mkdir(parents=True, exist_ok=True)
        register.write_text("".join(f"{path}\n" for path in [*known_paths, prefix]))


def delete(prefix: Path) -> None:
    """Remove a whole environment; never base."""
    if prefix == ROOT:
        raise CondaError("CondaEnvironmentError", "cannot remove root environment, add -n NAME or -p PREFIX option")
    shutil.rmtree(prefix)


def records(prefix: Path) -> list[dict[str, Any]]:
    """Return the packages in an environment, by name."""
    found = [json.loads(path.read_text()) for path in (prefix / "conda-meta").glob("*.json")]
    return sorted(found, key=lambda record: str(record["name"]))
