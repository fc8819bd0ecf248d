"""Check the ground, make the hub's secret, run it or take it away. What is right is known from ``hub``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pyinfra import host
from pyinfra.api import OperationError, QuoteString, StringCommand, operation

from labprov.engine.facts.paths import Paths, PathState
from labprov.engine.operations import Commands
from labprov_roles.conda_envs.facts import Environments, EnvironmentsAt
from labprov_roles.conda_envs.request import Request, digest_of, read_lock
from labprov_roles.jupyter.facts import HubNow, HubState, InTheWay, OwnFiles
from labprov_roles.jupyter.hub import CONFIG, SECRET, UNIT

_TELL = {
    "foreign": "{} was not made by labprov: remove it, or do without the role jupyter",
    "missing": "{} is not on this server: put it there first, or name another file (nothing was changed)",
    "group": "the group {} is unknown on this server: nobody could log in (nothing was changed)",
}
# A hub that falls over says so in its journal; one that comes up answers within seconds (its first start makes a
# database). is-active is asked too, so that nobody waits for one that is gone.
_START = (
    "systemctl daemon-reload && { systemctl reset-failed jupyterhub.service 2>/dev/null; "
    "systemctl restart jupyterhub.service; } && for i in $(seq 240); do "
    "curl -fsSk --noproxy '*' --max-time 5 -o /dev/null @URL 2>/dev/null && exit 0; "
    "systemctl is-active --quiet jupyterhub.service || break; sleep 0.5; done; "
    "journalctl -u jupyterhub.service -n 3 -o cat --no-pager >&2; exit 1"
)
_RANDOM = (
    'set -e; umask 077; f={path}; head -c 32 /dev/urandom | od -An -v -tx1 | tr -d " \\n" > "$f.new"; '
    '[ "$(wc -c < "$f.new")" = 64 ]; mv -f -- "$f.new" "$f"'
)


@operation()
def check(ours: Sequence[str], needed: Sequence[str], groups: Sequence[str], pam: Sequence[str]) -> Commands:
    """Fail for what would go wrong later or is somebody else's; never changes anything.

    + ours: files that are labprov's or not there
    + needed: files that must be there
    + groups: groups that must be known
    + pam: places of PAM's file, one of which must be there
    """
    found = host.get_fact(InTheWay, ours=tuple(ours), needed=tuple(needed), groups=tuple(groups), pam=tuple(pam))
    for line in found:
        word, _, name = line.partition(" ")
        raise OperationError(_TELL[word].format(name))
    host.noop("nothing is in the way")
    yield from ()


@operation()
def secret() -> Commands:
    """Have a secret of this host's own, for root alone; it signs people's logins, so it is made once."""
    there: dict[str, PathState] = host.get_fact(Paths, paths=(SECRET,))
    found = there.get(SECRET)
    if found is None or not found.size:
        yield StringCommand("sh", "-c", QuoteString(_RANDOM.format(path=SECRET)))
    elif (found.mode, found.owner) != ("600", "root"):
        yield StringCommand(f"chown root: {SECRET} && chmod 600 {SECRET}")
    else:
        host.noop("it has one")


@operation()
def running(prefix: str, request: Request, locks: str, config: str, unit: str, record: str, url: str) -> Commands:
    """Have the hub run now and at every boot, with this configuration and environment; restarted only for newer ones.

    + prefix: where conda is
    + request: what its environment answers
    + locks: the folder on the controller
    + config: text of its configuration
    + unit: text of its unit
    + record: shell text that tells what it is made of
    + url: where it answers on the server itself

    What it was started from is recorded by its unit: so a run that was killed in between is made up for by the next.
    """
    found: HubState = host.get_fact(HubNow, record=record)
    wanted = dict(found.now) | {CONFIG: _sha256(config), UNIT: _sha256(unit)}
    due = dict(found.started) != wanted or _to_be_built(prefix, request, locks)
    if found.enabled and found.active and not due:
        host.noop("it runs, as it should be")
        return
    if not found.enabled:
        yield StringCommand("systemctl enable jupyterhub.service")
    if due or not found.active:
        yield StringCommand(_START.replace("@URL", str(StringCommand(QuoteString(f"{url}hub/api")))))


@operation()
def absent() -> Commands:
    """Have no hub of labprov's run or start; users' servers that run, and its data, stay."""
    if UNIT not in host.get_fact(OwnFiles, paths=(UNIT,)):
        host.noop("there is none of labprov's")
        return
    # The unit goes last: it is what says that there is something left to do.
    yield StringCommand(
        f"systemctl disable --now jupyterhub.service && rm -f -- {CONFIG} {UNIT} && systemctl daemon-reload"
    )


def _to_be_built(prefix: str, request: Request, locks: str) -> bool:
    """Whether the environment is not what its lock says; in a plan, where it is not built yet."""
    lock = read_lock(Path(locks) / request.lock_name, request)
    wanted = ((request.name, request.user or ""),)
    found: Environments = host.get_fact(EnvironmentsAt, envs=f"{prefix}/envs", wanted=wanted)
    return lock is None or found.digests.get(request.name) != digest_of(lock)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
