"""The commands that only tell something: lists, information, settings. ``config`` also edits, as conda's does."""

from __future__ import annotations

import asyncio
import json
import os
import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import rattler
import yaml

from conda_stand_in import ROOT, CondaError, identity, prefixes, settings, solving


def list_packages(options: Namespace) -> int:
    """``conda list``."""
    prefix = prefixes.require(prefixes.prefix_of(options.name, options.prefix))
    wanted = [record for record in prefixes.records(prefix) if re.search(options.regex, record["name"])]
    if options.json:
        print(json.dumps([_short(record) for record in wanted], indent=2))
        return 0
    print(
        f"# packages in environment at {prefix}:\n#\n# Name                    Version                   Build  Channel"
    )
    for record in wanted:
        row = _short(record)
        print(f"{row['name']:<25} {row['version']:<20} {row['build_string']:>10}  {row['channel']}")
    return 0


def list_environments(options: Namespace) -> int:
    """``conda env list``."""
    active = os.environ.get("CONDA_PREFIX")
    if options.json:
        print(json.dumps({"envs": [str(path) for path in prefixes.known()]}, indent=2))
        return 0
    print("\n# conda environments:\n#")
    for path in prefixes.known():
        print(f"{prefixes.name_of(path):<20} {'*' if str(path) == active else ' '} {path}")
    print()
    return 0


def search(options: Namespace) -> int:
    """``conda search``: every build that fits."""
    channels = [*options.channel, *([] if options.override_channels else settings.merged()["channels"])]
    found = asyncio.run(_query(options.spec, solving.channel_urls(channels)))
    if not found:
        raise CondaError(
            "PackagesNotFoundError",
            f"The following packages are not available from current channels:\n\n  - {options.spec}",
        )
    if options.json:
        rows = [
            {"name": r.name.normalized, "version": str(r.version), "build": r.build, "subdir": r.subdir} for r in found
        ]
        print(json.dumps({found[0].name.normalized: rows}, indent=2))
        return 0
    print("# Name                       Version           Build  Channel")
    for record in found:
        print(f"{record.name.normalized:<25} {record.version!s:>12} {record.build:>15}  {record.channel}")
    return 0


async def _query(spec: str, urls: list[str]) -> list[rattler.RepoDataRecord]:
    gateway = rattler.Gateway(cache_dir=prefixes.first_writable(prefixes.pkgs_dirs()) / "cache")
    channels = [rattler.Channel(url) for url in urls]
    found = await gateway.query(channels, ["linux-64", "noarch"], [rattler.MatchSpec(spec)], recursive=False)
    return sorted((record for part in found for record in part), key=lambda record: record.version)


def export(options: Namespace) -> int:
    """``conda env export``."""
    prefix = prefixes.require(prefixes.prefix_of(options.name, options.prefix))
    rows = [f"{record['name']}={record['version']}={record['build']}" for record in prefixes.records(prefix)]
    data = {"name": prefixes.name_of(prefix), "channels": settings.merged()["channels"], "dependencies": rows}
    print(
        json.dumps(data, indent=2)
        if options.json
        else yaml.safe_dump({**data, "prefix": str(prefix)}, sort_keys=False),
        end="",
    )
    return 0


def info(options: Namespace) -> int:
    """``conda info``."""
    if options.base:
        print(json.dumps({"root_prefix": str(ROOT)}) if options.json else ROOT)
        return 0
    if options.envs and not options.json:
        return list_environments(options)
    facts = _facts()
    if options.json:
        print(json.dumps(facts, indent=2))
        return 0
    print()
    for key, value in facts.items():
        shown = value if isinstance(value, list) else [value]
        print(f"{key.replace('_', ' '):>24} : " + ("\n" + " " * 27).join(str(item) for item in shown))
    return 0


def _facts() -> dict[str, Any]:
    merged, active = settings.merged(), os.environ.get("CONDA_PREFIX")
    return {
        "labprov": "sandbox SIMULATION of conda over py-rattler, not Anaconda's conda",
        "active_prefix": active,
        "channels": [
            f"{url}/{sub}" for url in solving.channel_urls(merged["channels"]) for sub in ("linux-64", "noarch")
        ],
        "conda_prefix": str(ROOT),
        "conda_version": identity()["conda"],
        "config_files": [str(path) for path in settings.files()],
        "default_prefix": active or str(ROOT),
        "envs": [str(path) for path in prefixes.known()],
        "envs_dirs": [str(path) for path in prefixes.envs_dirs()],
        "pkgs_dirs": [str(path) for path in prefixes.pkgs_dirs()],
        "platform": "linux-64",
        "python_version": ".".join(str(part) for part in os.sys.version_info[:3]) + ".final.0",  # type: ignore[attr-defined]
        "root_prefix": str(ROOT),
        "root_writable": prefixes.writable(ROOT),
        "user_rc_path": str(Path.home() / ".condarc"),
        "sys_rc_path": str(ROOT / ".condarc"),
        "virtual_pkgs": [str(package.into_generic()) for package in rattler.VirtualPackage.detect()],
    }


def config(options: Namespace) -> int:
    """``conda config``: show, get, and edit one file."""
    changes = [("set", *pair) for pair in options.set]
    changes += [("prepend", *pair) for pair in [*options.add, *options.prepend]]
    changes += [("append", *pair) for pair in options.append] + [("remove", *pair) for pair in options.remove]
    changes += [("remove-key", key, "") for key in options.remove_key]
    if changes:
        settings.edit(_file(options), changes)
        return 0
    if options.show_sources:
        _print(options, settings.sources(), head="==> {} <==")
    elif options.show is not None:
        _print(options, _chosen({**settings.merged(), **_folders()}, options.show))
    elif options.get is not None:
        text = _file(options).read_text() if _file(options).exists() else ""
        _print(options, {"get": yaml.safe_load(text) or {}} if options.json else yaml.safe_load(text) or {})
    return 0


def _folders() -> dict[str, Any]:
    return {
        "envs_dirs": [str(path) for path in prefixes.envs_dirs()],
        "pkgs_dirs": [str(path) for path in prefixes.pkgs_dirs()],
        "root_prefix": str(ROOT),
    }


def _chosen(values: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    unknown = [key for key in keys if key not in values]
    if unknown:
        raise CondaError("ArgumentError", f"Invalid configuration parameters: {unknown}")
    return {key: values[key] for key in keys or sorted(values)}


def _file(options: Namespace) -> Path:
    if options.file:
        return Path(options.file)
    if options.system:
        return ROOT / ".condarc"
    if options.env:
        return Path(os.environ.get("CONDA_PREFIX") or ROOT) / ".condarc"
    return Path.home() / ".condarc"


def _print(options: Namespace, values: dict[str, Any], head: str = "") -> None:
    if options.json:
        print(json.dumps(values, indent=2))
    elif head:
        for name, part in values.items():
            print(f"{head.format(name)}\n{yaml.safe_dump(part, sort_keys=False)}")
    else:
        print(yaml.safe_dump(values, sort_keys=False), end="")


def _short(record: dict[str, Any]) -> dict[str, Any]:
    channel = str(record.get("channel") or "").rstrip("/").split("/")[-1]
    return {
        "base_url": str(record.get("channel") or ""),
        "build_number": record.get("build_number", 0),
        "build_string": record["build"],
        "channel": channel,
        "dist_name": f"{record['name']}-{record['version']}-{record['build']}",
        "name": record["name"],
        "platform": record.get("subdir", ""),
        "version": record["version"],
    }
