"""Decide, build and remove environments. What is right is known from ``request``; the builder does it on the host."""

from __future__ import annotations

import json
import shlex
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from pyinfra import host, logger
from pyinfra.api import Host, OperationError, State, StringCommand, operation
from pyinfra.api.command import FunctionCommand

from labprov.engine.alone import alone
from labprov_roles.conda_envs.facts import Environments, EnvironmentsAt
from labprov_roles.conda_envs.request import Request, digest_of, read_lock

PROGRAM = "share/labprov/environments.pyz"
"""Below conda's prefix."""
_RUN = "env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 {home} {prefix}/bin/python -I {prefix}/" + PROGRAM

Commands = Generator[StringCommand | FunctionCommand, None, None]

Wanted = Sequence[tuple[str, str]]
"""Environments: name, and user or empty."""


@operation()
def check(prefix: str, wanted: Wanted) -> Commands:
    """Fail when an environment's name is taken by something that is not labprov's; never changes anything.

    + prefix: where conda is
    + wanted: environments, each a name and a user (empty: shared)
    """
    found = _found(prefix, wanted)
    for name, user in wanted:
        if found.digests.get(name) == "foreign":
            where = f"~{user}/.conda/envs/{name}" if user else f"{prefix}/envs/{name}"
            raise OperationError(f"{where} was not made by labprov: remove it, or give the environment another name")
    host.noop("their names are free or labprov's")
    yield from ()


@operation()
def decide(prefix: str, request: Request, locks: str) -> Commands:
    """Have a lock on the controller that answers the request: solved on this host, or found there.

    + prefix: where conda is
    + request: what is asked for
    + locks: the folder on the controller
    """
    if read_lock(Path(locks) / request.lock_name, request) is None:
        yield FunctionCommand(decide_who_installs_what, [prefix, request, locks], {})
    else:
        host.noop(f"{request.lock_name} says it")


def decide_who_installs_what(state: State, host: Host, prefix: str, request: Request, locks: str) -> bool:
    """Run the builder on the host and keep its answer; one host at a time decides, the others use what it found."""
    path = Path(locks) / request.lock_name
    with alone(Path(locks)):
        if read_lock(path, request) is not None:
            return True
        job = _job("decide", prefix, request)
        sudo = bool(host.data.get("_sudo"))  # under plain pyinfra; labprov's own connection is root's
        done, output = host.run_shell_command(_command(prefix, None), _stdin=json.dumps(job), _sudo=sudo)
        text = "\n".join(output.stdout_lines) + "\n"
        if not done:
            logger.warning((output.stderr_lines or ["error: the builder said nothing"])[-1])
            return False
        beside = path.with_suffix(".new")
        beside.write_text(text, encoding="utf-8")
        beside.rename(path)
    return read_lock(path, request) is not None


@operation()
def build(prefix: str, request: Request, locks: str, wanted: Wanted) -> Commands:
    """Have the environment that the lock describes, built beside the old one and swapped in.

    + prefix: where conda is
    + request: what is asked for
    + locks: the folder on the controller
    + wanted: all environments (they are looked at together)
    """
    lock = read_lock(Path(locks) / request.lock_name, request)
    found = _found(prefix, wanted)
    if lock is not None and found.digests.get(request.name) == digest_of(lock):
        host.noop(f"{request.name} is as its lock says")
        return
    job = _job("build", prefix, request)
    if lock is not None:
        job |= {"lock": json.loads(lock), "digest": digest_of(lock)}
    yield _command(prefix, request.user, job)


@operation()
def remove(prefix: str, environment: str, user: str | None, wanted: Wanted) -> Commands:
    """Have no environment of that name; processes that use it keep it until they end.

    + prefix: where conda is
    + environment: its name
    + user: whose it is
    + wanted: all environments
    """
    if environment not in _found(prefix, wanted).digests:
        host.noop(f"there is no {environment}")
        return
    yield _command(prefix, user, {"do": "remove", "name": environment, "envs": f"{prefix}/envs", "shared": not user})


@operation()
def sweep(prefix: str, wanted: Wanted) -> Commands:
    """Remove builds that no environment leads to and no process uses.

    + prefix: where conda is
    + wanted: all environments
    """
    left = _found(prefix, wanted).left
    for user in sorted(left):
        yield _command(prefix, user or None, {"do": "sweep", "envs": f"{prefix}/envs", "shared": not user})
    if not left:
        host.noop("no old builds are left over")


def _found(prefix: str, wanted: Wanted) -> Environments:
    found: Environments = host.get_fact(EnvironmentsAt, envs=f"{prefix}/envs", wanted=tuple(wanted))
    return found


def _job(verb: str, prefix: str, request: Request) -> dict[str, Any]:
    shared = {"do": verb, "name": request.name, "envs": f"{prefix}/envs", "shared": not request.user}
    return shared | {"request": dict(request.data), "where": dict(request.where)}


def _command(prefix: str, user: str | None, job: dict[str, Any] | None = None) -> StringCommand:
    """The builder, as root or as a user in that user's home; the job goes in by standard input."""
    home = f'HOME="$(getent passwd {shlex.quote(user)} | cut -d: -f6)"' if user else "HOME=/nonexistent"
    line = _RUN.format(home=home, prefix=shlex.quote(prefix))
    line = f"cd / && runuser -u {shlex.quote(user)} -- {line}" if user else line
    return StringCommand(line, _stdin=json.dumps(job)) if job else StringCommand(line)
