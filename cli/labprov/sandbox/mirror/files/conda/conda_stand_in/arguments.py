"""conda's commands and options, as far as the stand-in has them. Data for argparse; the work is elsewhere."""

from __future__ import annotations

import argparse

from conda_stand_in import identity, management, reports


def parser() -> argparse.ArgumentParser:
    """Return the parser; ``run`` of its result is the function to call with it."""
    about = f"conda {identity()['conda']}: labprov sandbox SIMULATION over py-rattler, not Anaconda's conda."
    top = argparse.ArgumentParser("conda", description=about)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _packages(commands)
    _environments(commands)
    _config(commands)
    _others(commands)
    return top


def _command(commands, name, run, *, target=True, changes=False):  # noqa: ANN001, ANN202
    made = commands.add_parser(name)
    made.set_defaults(run=run)
    made.add_argument("--json", action="store_true")
    made.add_argument("-q", "--quiet", action="store_true")
    made.add_argument("-v", "--verbose", action="count")
    if target:
        where = made.add_mutually_exclusive_group()
        where.add_argument("-n", "--name")
        where.add_argument("-p", "--prefix")
    if changes:
        made.add_argument("-y", "--yes", action="store_true")
        made.add_argument("-d", "--dry-run", action="store_true")
        made.add_argument("-c", "--channel", action="append", default=[])
        made.add_argument("--override-channels", action="store_true")
        made.add_argument("--file", action="append", default=[])
        made.add_argument("--solver")
        made.add_argument("--all", action="store_true")
        made.add_argument("packages", nargs="*")
    return made


def _packages(commands) -> None:  # noqa: ANN001
    _command(commands, "create", management.create, changes=True)
    _command(commands, "install", management.install, changes=True)
    _command(commands, "update", management.update, changes=True)
    _command(commands, "upgrade", management.update, changes=True)
    _command(commands, "remove", management.remove, changes=True)
    _command(commands, "uninstall", management.remove, changes=True)
    listing = _command(commands, "list", reports.list_packages)
    listing.add_argument("regex", nargs="?", default="")
    search = _command(commands, "search", reports.search, target=False)
    search.add_argument("spec")
    search.add_argument("-c", "--channel", action="append", default=[])
    search.add_argument("--override-channels", action="store_true")
    running = _command(commands, "run", management.run)
    for flag in ("--no-capture-output", "--live-stream"):
        running.add_argument(flag, action="store_true")
    running.add_argument("--cwd")
    running.add_argument("command", nargs=argparse.REMAINDER)


def _environments(commands) -> None:  # noqa: ANN001
    env = commands.add_parser("env").add_subparsers(required=True, metavar="COMMAND")
    _command(env, "list", reports.list_environments, target=False)
    making = _command(env, "create", management.create_from_file)
    making.add_argument("-y", "--yes", action="store_true")
    making.add_argument("-f", "--file", default="environment.yml")
    removing = _command(env, "remove", management.remove_environment)
    removing.add_argument("-y", "--yes", action="store_true")
    _command(env, "export", reports.export)
    _command(commands, "export", reports.export)


def _config(commands) -> None:  # noqa: ANN001
    config = _command(commands, "config", reports.config, target=False)
    config.add_argument("--show", nargs="*")
    config.add_argument("--show-sources", action="store_true")
    config.add_argument("--get", nargs="*")
    for action in ("set", "add", "prepend", "append", "remove"):
        config.add_argument(f"--{action}", nargs=2, action="append", default=[])
    config.add_argument("--remove-key", action="append", default=[])
    where = config.add_mutually_exclusive_group()
    where.add_argument("--system", action="store_true")
    where.add_argument("--env", action="store_true")
    where.add_argument("--file")


def _others(commands) -> None:  # noqa: ANN001
    info = _command(commands, "info", reports.info, target=False)
    info.add_argument("--base", action="store_true")
    info.add_argument("-e", "--envs", action="store_true")
    cleaning = _command(commands, "clean", management.clean, target=False)
    cleaning.add_argument("-y", "--yes", action="store_true")
    for flags in (("-a", "--all"), ("-p", "--packages"), ("-t", "--tarballs"), ("-i", "--index-cache")):
        cleaning.add_argument(*flags, action="store_true")
    init = _command(commands, "init", management.init, target=False)
    init.add_argument("shells", nargs="*")
    for flag in ("--all", "--user", "--system", "--reverse", "--dry-run"):
        init.add_argument(flag, action="store_true")
    if identity()["distribution"] == "miniconda":
        terms = commands.add_parser("tos")
        terms.add_argument("action", nargs="?", choices=["view", "accept", "reject"], default="view")
        terms.add_argument("--override-channels", action="store_true")
        terms.add_argument("-c", "--channel", action="append", default=[])
        for flag in ("--site", "--system", "--user", "--env", "--json"):
            terms.add_argument(flag, action="store_true")
        terms.set_defaults(run=management.terms)
