"""The commands that change something: environments, packages, caches, shells, terms of service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import rattler
import yaml

from conda_stand_in import ROOT, CondaError, activation, prefixes, solving
from conda_stand_in.settings import ANACONDA, merged

_PLAN = """
## Package Plan ##

  environment location: {prefix}

  added / updated specs:
{specs}

The following packages will be INSTALLED or CHANGED:

{packages}

"""
_HOW_TO = """#
# To activate this environment, use
#
#     $ conda activate {name}
#
# To deactivate an active environment, use
#
#     $ conda deactivate
"""
_BLOCK = """# >>> conda initialize >>>
# !! Contents within this block are managed by 'conda init' !! (labprov sandbox simulation)
eval "$('{root}/bin/conda' 'shell.posix' 'hook')"
# <<< conda initialize <<<
"""


def create(options: Namespace) -> int:
    """``conda create``: a new environment, replacing one of that name when told so."""
    if not (options.name or options.prefix):
        raise CondaError("ArgumentError", "one of the arguments -n/--name -p/--prefix is required")
    prefix = prefixes.prefix_of(options.name, options.prefix, to_make=True)
    if prefix == ROOT:
        raise CondaError("CondaValueError", "The target prefix is the base prefix. Aborting.")
    if prefixes.is_environment(prefix):
        _say(options, f"WARNING: A conda environment already exists at '{prefix}'")
        _confirm(options, "Remove existing environment")
        prefixes.delete(prefixes.require_writable(prefix))
    elif prefix.exists() and any(prefix.iterdir()):
        raise CondaError("CondaValueError", f"Non-conda folder exists at prefix: {prefix}")
    _check_can_make(prefix)
    specs = _specs(options)
    if specs[:1] == ["@EXPLICIT"]:
        solving.link(solving.exactly(specs[1:]), [], prefix)
        prefixes.mark(prefix, f"cmd: conda {' '.join(sys.argv[1:])}")
        return _done(options, prefix)
    _change(options, prefix, specs)
    if options.dry_run:
        return 0
    _say(options, _HOW_TO.format(name=prefixes.name_of(prefix) or prefix))
    return 0


def install(options: Namespace) -> int:
    """``conda install``: more packages in an environment."""
    prefix = prefixes.require(prefixes.prefix_of(options.name, options.prefix))
    _change(options, prefixes.require_writable(prefix), _specs(options))
    return 0


def update(options: Namespace) -> int:
    """``conda update``: newer packages; those named, or all that were asked for."""
    prefix = prefixes.require(prefixes.prefix_of(options.name, options.prefix))
    if not (options.packages or options.all):
        raise CondaError("CondaValueError", "no package names supplied")
    _change(options, prefixes.require_writable(prefix), _specs(options), keep=False)
    return 0


def remove(options: Namespace) -> int:
    """``conda remove``: packages out of an environment, or all of it."""
    prefix = prefixes.require(prefixes.prefix_of(options.name, options.prefix))
    prefixes.require_writable(prefix)
    if options.all:
        return _delete(options, prefix)
    present = {record["name"] for record in prefixes.records(prefix)}
    missing = [name for name in options.packages if name not in present]
    if missing or not options.packages:
        raise CondaError(
            "PackagesNotFoundError",
            "The following packages are missing from the target environment:\n"
            + "\n".join(f"  - {name}" for name in missing),
        )
    _confirm(options, "Proceed")
    channels = [*options.channel, *([] if options.override_channels else merged()["channels"])]
    kept = solving.solve([], channels, prefix, without=options.packages)
    solving.link(kept, solving.requests([], prefix, without=options.packages), prefix)
    prefixes.mark(prefix, f"remove {' '.join(options.packages)}")
    return _done(options, prefix)


def remove_environment(options: Namespace) -> int:
    """``conda env remove``."""
    prefix = prefixes.require(prefixes.prefix_of(options.name, options.prefix))
    return _delete(options, prefixes.require_writable(prefix))


def create_from_file(options: Namespace) -> int:
    """``conda env create -f FILE``: conda packages, then those of pip."""
    try:
        wanted = yaml.safe_load(Path(options.file).read_text())
    except OSError as error:
        raise CondaError("EnvironmentFileNotFound", f"'{Path(options.file).absolute()}' file not found") from error
    name = options.name or (None if options.prefix else wanted.get("name"))
    items = wanted.get("dependencies") or []
    options.name, options.packages = name, [item for item in items if isinstance(item, str)]
    options.channel, options.override_channels = wanted.get("channels") or [], bool(wanted.get("channels"))
    options.file, options.dry_run = [], False
    create(options)
    pip = [line for item in items if isinstance(item, dict) for line in item.get("pip", [])]
    if pip:
        python = prefixes.prefix_of(name, options.prefix) / "bin/python"
        return subprocess.run([python, "-m", "pip", "install", *pip], check=False).returncode
    return 0


def run(options: Namespace) -> int:
    """``conda run``: a program in an environment."""
    prefix = prefixes.require(prefixes.prefix_of(options.name, options.prefix))
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    environment = {**os.environ, **activation.environment(prefix)}
    if not command:
        raise CondaError("ArgumentError", "the following arguments are required: executable_call")
    if options.cwd:
        os.chdir(options.cwd)
    program = shutil.which(command[0], path=environment["PATH"])
    if not program:
        print(f"{command[0]}: command not found", file=sys.stderr)
        return 127
    sys.stdout.flush()
    os.execve(program, command, environment)  # noqa: S606  (what the user asked to be run)


def clean(options: Namespace) -> int:
    """``conda clean``: the package caches that this user may write to."""
    for folder in prefixes.pkgs_dirs():
        if folder.is_dir() and os.access(folder, os.W_OK):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return 0


def init(options: Namespace) -> int:
    """``conda init``: the hook in the start file of bash."""
    path = Path("/etc/profile.d/conda.sh") if options.system else Path.home() / ".bashrc"
    text = path.read_text() if path.exists() else ""
    start, end = text.find("# >>> conda initialize"), text.find("# <<< conda initialize <<<\n")
    if start >= 0 and end >= 0:
        text = text[:start] + text[end + len("# <<< conda initialize <<<\n") :]
    if not options.reverse:
        text += _BLOCK.format(root=ROOT)
    if not options.dry_run:
        path.write_text(text)
    print(f"modified      {path}\n\n==> For changes to take effect, close and re-open your current shell. <==")
    return 0


def terms(options: Namespace) -> int:
    """``conda tos``: look at, accept or reject the terms of Anaconda's channels."""
    for url in options.channel or ANACONDA:
        site, user = solving.tos_files(url)
        path = user if options.user or not os.access("/etc", os.W_OK) else site
        if options.action == "accept":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"base_url": url, "tos_accepted": True, "labprov": "sandbox simulation"}))
            print(f"accepted Terms of Service for {url}")
        elif options.action == "reject":
            path.unlink(missing_ok=True)
        else:
            print(f"{url}: {'accepted' if site.exists() or user.exists() else '-'}")
    return 0


def _specs(options: Namespace) -> list[str]:
    lines = [line.strip() for name in options.file for line in Path(name).read_text().splitlines()]
    if "@EXPLICIT" not in lines:  # there # does not begin a comment but a checksum
        lines = [line.split("#")[0].strip() for line in lines]
    return [*options.packages, *(line for line in lines if line)]


def _change(options: Namespace, prefix: Path, specs: Sequence[str], *, keep: bool = True) -> None:
    del keep  # the solver prefers what is installed; an update names what may move
    channels = [*options.channel, *([] if options.override_channels else merged()["channels"])]
    _say(options, "Collecting package metadata (repodata.json): done")
    before = {(record["name"], record["version"], record["build"]) for record in prefixes.records(prefix)}
    records = solving.solve(specs, channels, prefix) if specs or before else []
    _say(options, "Solving environment: done")
    fresh = [r for r in records if (r.name.normalized, str(r.version), str(r.build)) not in before]
    if not fresh and before:
        _say(options, "\n# All requested packages already installed.\n")
        return
    rows = "\n".join(
        f"  {r.name.normalized:<20} {str(r.channel).rstrip('/')}/{r.subdir}::{r.name.normalized}-{r.version}-{r.build}"
        for r in fresh
    )
    _say(options, _PLAN.format(prefix=prefix, specs="\n".join(f"    - {spec}" for spec in specs), packages=rows))
    if getattr(options, "dry_run", False):
        _tell_dry_run(options, prefix, records)
        return
    _confirm(options, "Proceed")
    if records:
        solving.link(records, solving.requests(specs, prefix), prefix)
    prefixes.mark(prefix, f"cmd: conda {' '.join(sys.argv[1:])}")
    _say(options, "\nDownloading and Extracting Packages: ...working... done")
    for stage in ("Preparing", "Verifying", "Executing"):
        _say(options, f"{stage} transaction: done")
    _done(options, prefix)


def _tell_dry_run(options: Namespace, prefix: Path, records: Sequence[rattler.RepoDataRecord]) -> None:
    _say(options, "\nDryRunExit: Dry run. Exiting.\n")
    if options.json:
        linked = [
            {"name": r.name.normalized, "version": str(r.version), "build_string": str(r.build), "platform": r.subdir}
            for r in records
        ]
        actions = {"FETCH": [], "LINK": linked, "PREFIX": str(prefix)}
        print(json.dumps({"actions": actions, "dry_run": True, "prefix": str(prefix), "success": True}, indent=2))


def _check_can_make(prefix: Path) -> None:
    parent = next(folder for folder in prefix.parents if folder.exists())
    if not os.access(parent, os.W_OK):
        who = f"  path: {parent}\n  uid: {os.geteuid()}\n  gid: {os.getegid()}\n"
        head = "The current user does not have write permissions to a required path."
        raise CondaError("NotWritableError", f"{head}\n{who}")


def _delete(options: Namespace, prefix: Path) -> int:
    _say(options, f"\nRemove all packages in environment {prefix}:\n")
    _confirm(options, "Everything found within the environment will be deleted. Proceed")
    prefixes.delete(prefix)
    return _done(options, prefix)


def _confirm(options: Namespace, question: str) -> None:
    if options.yes or options.json or merged()["always_yes"] or getattr(options, "dry_run", False):
        return
    try:
        answer = input(f"{question} ([y]/n)? ").strip().lower()
    except EOFError:
        answer = "n"
    if answer not in ("", "y", "yes"):
        raise CondaError("CondaSystemExit", "Exiting.")


def _say(options: Namespace, text: str) -> None:
    if not (options.quiet or options.json):
        print(text)


def _done(options: Namespace, prefix: Path) -> int:
    if options.json:
        print(json.dumps({"success": True, "prefix": str(prefix)}, indent=2))
    return 0
