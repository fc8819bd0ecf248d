"""condarc files: where they are, how they merge, how one is edited. Not what the settings do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from conda_stand_in import ROOT, CondaError

ANACONDA = [f"https://repo.anaconda.com/pkgs/{name}" for name in ("main", "r")]

DEFAULTS: dict[str, Any] = {
    "always_yes": False,
    "auto_activate": True,
    "changeps1": True,
    "channel_alias": "https://conda.anaconda.org",
    "channel_priority": "flexible",
    "channels": [],
    "custom_channels": {},
    "default_activation_env": "base",
    "default_channels": ANACONDA,
    "envs_dirs": [],
    "offline": False,
    "pkgs_dirs": [],
    "plugins": {},
    "proxy_servers": {},
    "show_channel_urls": None,
    "solver": "libmamba",
    "ssl_verify": True,
}
_OLD_NAMES = {"auto_activate_base": "auto_activate", "envs_path": "envs_dirs"}
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def search_path() -> list[Path]:
    """Return every place where conda looks for settings, the weakest first."""
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    folders = [Path("/etc/conda"), Path("/var/lib/conda"), ROOT, config / "conda", home / ".conda"]
    places = [folder / name for folder in folders for name in (".condarc", "condarc", "condarc.d")]
    places.append(home / ".condarc")
    active = os.environ.get("CONDA_PREFIX")
    if active and Path(active) != ROOT:
        places += [Path(active) / name for name in (".condarc", "condarc", "condarc.d")]
    if os.environ.get("CONDARC"):
        places.append(Path(os.environ["CONDARC"]))
    return places


def files() -> Iterator[Path]:
    """Give the settings files that exist, the weakest first."""
    for place in search_path():
        if place.is_dir():
            yield from sorted(path for path in place.iterdir() if path.suffix in (".yml", ".yaml"))
        elif place.is_file():
            yield place


def sources() -> dict[str, dict[str, Any]]:
    """Return what each file, and the environment, says; keys by today's names."""
    found = {str(path): _named(_load(path)) for path in files()}
    prefix = "CONDA_"
    environment = {
        name[len(prefix) :].lower(): value for name, value in os.environ.items() if name.startswith(prefix) and value
    }
    known = _named(environment)
    chosen = {key: _from_text(key, value) for key, value in known.items() if key in DEFAULTS}
    if os.environ.get("CONDA_ENVS_DIRS"):
        chosen["envs_dirs"] = os.environ["CONDA_ENVS_DIRS"].split(os.pathsep)
    return found | ({"envvars": chosen} if chosen else {})


def merged() -> dict[str, Any]:
    """Return the settings in force: scalars by the strongest file, lists with the strongest first, maps united."""
    result: dict[str, Any] = dict(DEFAULTS)
    for source in sources().values():
        for key, value in source.items():
            if isinstance(DEFAULTS.get(key), dict) and isinstance(value, dict):
                result[key] = {**result[key], **value}
            elif key != "default_channels" and isinstance(DEFAULTS.get(key), list):
                before = result[key]
                own = value if isinstance(value, list) else [value]
                result[key] = [*own, *(item for item in before if item not in own)]
            elif value is not None:
                result[key] = value
    result["channels"] = result["channels"] or ["defaults"]
    if "nodefaults" in result["channels"]:
        result["channels"] = [name for name in result["channels"] if name not in ("nodefaults", "defaults")]
    return result


def edit(path: Path, changes: list[tuple[str, str, str]]) -> None:
    """Apply ``(set|prepend|append|remove|remove-key, key, value)`` to one file."""
    data = _load(path) if path.exists() else {}
    for action, key, value in changes:
        outer, _, inner = key.partition(".")
        target = data.setdefault(outer, {}) if inner else data
        name = inner or key
        if action == "remove-key":
            if target.pop(name, None) is None:
                raise CondaError("CondaKeyError", f"'{key}': undefined in config")
        elif action == "set":
            target[name] = _from_text(key, value)
        else:
            _edit_list(target, action, name, value)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(data, sort_keys=False))
    except OSError as error:
        raise CondaError("CondaError", f"Cannot write to condarc file at {path}\nCaused by {error!r}") from error


def _edit_list(target: dict[str, Any], action: str, name: str, value: str) -> None:
    items = target.setdefault(name, [])
    if action == "remove" and value not in items:
        raise CondaError("CondaKeyError", f"'{name}': value '{value}' not present in config")
    rest = [item for item in items if item != value]
    target[name] = {"prepend": [value, *rest], "append": [*rest, value], "remove": rest}[action]


def _load(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CondaError(
            "ConfigurationLoadError", f"Unable to load configuration file.\n  path: {path}\n  reason: {error}"
        ) from error
    except PermissionError:
        return {}
    return data if isinstance(data, dict) else {}


def _named(data: dict[str, Any]) -> dict[str, Any]:
    return {_OLD_NAMES.get(key, key): value for key, value in data.items()}


def _from_text(key: str, value: str) -> Any:
    if isinstance(DEFAULTS.get(key), list):
        return [part.strip() for part in value.split(",") if part.strip()]
    return _WORDS.get(value.lower(), value)
