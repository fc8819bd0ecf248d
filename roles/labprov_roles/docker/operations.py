"""Operations on Docker's daemon: its configuration, its start, its group. The one writer of daemon.json."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from io import StringIO
from typing import Any

from pyinfra import host
from pyinfra.api import HiddenValue, OperationError, QuoteString, StringCommand, operation
from pyinfra.api.command import PyinfraCommand
from pyinfra.facts.files import FileContents
from pyinfra.operations import files

from labprov.engine.operations import packages
from labprov_roles.docker import daemon, ledger
from labprov_roles.docker.engine import Engine, engine_now
from labprov_roles.docker.facts import (
    MARKS,
    Data,
    DockerData,
    GroupMembers,
    KnownUsers,
    LabelByPolicy,
    SnapDocker,
)

Commands = Generator[PyinfraCommand, None, None]

CONFIG = "/etc/docker/daemon.json"
LEDGER = "/var/lib/labprov/daemon.json.ledger"
DATA_ROOT = "/var/lib/docker"
"""Where the engine keeps its data when daemon.json does not say."""

_DAEMONS_LAST_WORD = "journalctl -u docker.service --identifier=dockerd -n 1 -o cat --no-pager 2>/dev/null >&2"


def configure_daemon(wanted: daemon.Wanted, effect: str = "containers keep running if live-restore is on") -> None:
    """Merge what a role wants into daemon.json, and let a running daemon take it up.

    Runs two operations; call it from a role's tasks. ``effect`` is what a restart does to containers, for the name.
    """
    merged(name=f"Merge the keys of {wanted.owner} into {CONFIG}", wanted=wanted)
    taken_up(name=f"Restart Docker for its new configuration ({effect})", wanted=wanted)


@operation()
def merged(wanted: daemon.Wanted) -> Commands:
    """Merge what a role wants into daemon.json. Raises OperationError, with nothing changed, for an invalid file."""
    text, before, engine = _read(CONFIG), _ledger(), engine_now()
    change = _merge(text, before, engine, wanted)
    between = ledger.both(before, change.ledger)
    if change.text == (text or "") and change.ledger == before:
        host.noop(f"{CONFIG} holds all of it")
        return
    writes = change.text != (text or "")
    if writes and engine.validates:
        yield _validate(change.text)
    if between != before:
        yield _write_ledger(between)
    if writes:
        yield _mark(change.action)
        yield from files.put._inner(src=StringIO(change.text), dest=CONFIG, mode=None if text is not None else "644")
    if change.ledger != between:
        yield _write_ledger(change.ledger)


@operation()
def taken_up(wanted: daemon.Wanted) -> Commands:
    """Let a running daemon take up a configuration newer than itself: by reload where that is enough.

    The mark that ``merged`` left says so, also after an interrupted run. In a plan nothing is written yet: there the
    merge itself says what will be due.
    """
    engine = engine_now()
    if not engine.active:
        host.noop("Docker is not running: it starts with the new configuration")
        return
    due = {engine.due, _merge(_read(CONFIG), _ledger(), engine, wanted).action}
    if not any(due):
        host.noop("the running daemon has taken it up")
        return
    # The reload comes first in any case: live-restore that is only now turned on then already guards the restart.
    yield StringCommand("systemctl reload docker.service")
    if "restart" in due:
        yield _start("restart")
    yield StringCommand(f"rm -f {MARKS}/docker-reload {MARKS}/docker-restart")


@operation()
def labelled(root: str) -> Commands:
    """Have SELinux take a data root for what it is: by its policy only /var/lib/docker is one.

    + root: the data root; made when it is not there
    """
    label = host.get_fact(LabelByPolicy, path=root)
    if label in ("", host.get_fact(LabelByPolicy, path=DATA_ROOT)):
        host.noop(f"the policy knows {root}" if label else "SELinux is off")
        return
    folder = QuoteString(root.rstrip("/"))
    yield from packages.install._inner(packages=["policycoreutils-python-utils"])
    known = StringCommand(f"semanage fcontext -a -e {DATA_ROOT}", folder)
    yield StringCommand(known, "&& mkdir -p", folder, "&& restorecon -R", folder)


@operation()
def running() -> Commands:
    """Have Docker run now and start at every boot."""
    engine = engine_now()
    if engine.active and engine.enabled:
        host.noop("Docker runs, and starts at boot")
    if not engine.enabled:
        yield StringCommand("systemctl enable docker.service")
    if not engine.active:
        yield _start("start")


@operation()
def checked(wanted: daemon.Wanted, users: Sequence[str]) -> Commands:
    """Refuse what would break the server, before anything is touched. Raises OperationError; changes nothing."""
    if host.get_fact(SnapDocker):
        raise OperationError("Docker is installed here as a snap, which does not see GPUs: 'snap remove docker' first")
    unknown = sorted({*users} - {*host.get_fact(KnownUsers, users=tuple(users))}) if users else []
    if unknown:
        raise OperationError(f"docker.users names {', '.join(unknown)}, unknown on this server: make the account first")
    text = _read(CONFIG)
    change = _merge(text, _ledger(), engine_now(), wanted)
    _check_data(daemon.parse(text or ""), change.config)
    host.noop("nothing stands in the way")
    yield from ()


@operation()
def members(users: Sequence[str], group: str = "docker") -> Commands:
    """Have users in a group. Others who are in it stay, and are named: who may become root is a person's decision."""
    present: list[str] = host.get_fact(GroupMembers, group=group)
    others = sorted({*present} - {*users})
    if {*users} <= {*present}:
        host.noop(f"all of them are in the group {group}" + (f"; so are {', '.join(others)}" if others else ""))
    for user in users:
        if user not in present:
            yield StringCommand("gpasswd -a", QuoteString(user), QuoteString(group))


def _read(path: str) -> str | None:
    lines = host.get_fact(FileContents, path=path)
    return None if lines is None else "".join(f"{line}\n" for line in lines)


def _ledger() -> daemon.Ledger:
    return ledger.read(_read(LEDGER) or "")


def _merge(text: str | None, records: daemon.Ledger, engine: Engine, wanted: daemon.Wanted) -> daemon.Merged:
    try:
        return daemon.merge(text or "", records, wanted.known_to(engine.major))
    except daemon.ConfigError as error:
        raise OperationError(f"{CONFIG}: {error}; nothing was changed: correct the file and apply again") from None


def _check_data(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    old, new = (str(config.get("data-root", DATA_ROOT)) for config in (before, after))
    there: Data = host.get_fact(DockerData, root=old)
    if there.swarm and after.get("live-restore"):
        raise OperationError(
            "this server is a member of a Docker swarm, which excludes live-restore: set docker.live_restore: false"
        )
    if (
        old.rstrip("/") == new.rstrip("/")
        or str(there) == "nothing"
        or str(host.get_fact(DockerData, root=new)) != "nothing"
    ):
        return
    raise OperationError(
        f"{old} holds {there}, and Docker would not see them any more with the data root {new}: "
        f"stop Docker (systemctl stop docker.socket docker), move the folder there, and apply again"
    )


def _validate(text: str) -> StringCommand:
    content = QuoteString(HiddenValue(text))  # a person may keep a proxy's password in it
    tell = f"""printf '%s\\n' "$said" | sed 's#/dev/stdin#{CONFIG}#' >&2"""
    check = "| dockerd --validate --config-file /dev/stdin 2>&1)"
    return StringCommand("said=$(printf %s", content, f"{check} || {{ {tell}; exit 1; }}")


def _mark(action: str) -> StringCommand:
    run = "systemctl show -p InvocationID --value docker.service 2>/dev/null"
    return StringCommand(f"mkdir -p {MARKS} && {{ {run} || true; }} >{MARKS}/docker-{action}")


def _write_ledger(records: daemon.Ledger) -> StringCommand:
    text, folder = QuoteString(HiddenValue(ledger.write(records))), LEDGER.rpartition("/")[0]
    new = f"{LEDGER}.new"
    return StringCommand(f"mkdir -p {folder} && umask 077 && printf %s", text, f">{new} && mv -f {new} {LEDGER}")


def _start(verb: str) -> StringCommand:
    # reset-failed: three starts within a minute would otherwise count as a crash loop, and systemd would refuse.
    forget = "systemctl reset-failed docker.service docker.socket 2>/dev/null"
    return StringCommand(f"{forget}; systemctl {verb} docker.service || {{ {_DAEMONS_LAST_WORD}; exit 1; }}")
