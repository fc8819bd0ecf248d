"""Users and groups of a host. Changes only what is asked for; removes nobody and no home: an account is locked instead.

pyinfra 3.10's ``server.user`` and ``server.group`` ignore another ``uid`` or ``gid`` of what exists without a word,
``groups=[]`` removes nothing, and accounts of a directory service are created a second time (its issue 1008).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pyinfra import host
from pyinfra.api import OperationError, QuoteString, StringCommand, operation
from pyinfra.api.exceptions import OperationValueError

from labprov.engine.facts.accounts import NO_LOGIN, Account, Accounts, Groups
from labprov.engine.facts.paths import Paths, PathState
from labprov.engine.operations import Commands
from labprov.types import AbsolutePath, UnixName

LAST_ID = 2**32 - 2
"""4294967295 means "leave it" to chown(2)."""
NO_HOME = "/nonexistent"
"""The home of accounts that must not have one (Debian policy 9.2.3)."""


@operation()
def group(group: str, gid: int | None = None, system: bool = False) -> Commands:
    """Have a group.

    + gid: its id; another one is changed, files keep the old one
    + system: take the id of a new group from the system's range

    Raises OperationError when another group has that id.
    """
    _valid(UnixName, group, "a group")
    _valid_id(gid, "gid")
    known: dict[str, int] = host.get_fact(Groups, names=_keys(group, gid))
    _refuse_taken("gid", gid, {name: number for name, number in known.items() if name != group})
    if group not in known:
        yield _command("groupadd", group, [("-r",) if system else (), ("-g", gid)])
    elif gid not in (None, known[group]):
        yield _command("groupmod", group, [("-g", gid)])
    else:
        host.noop(f"the group {group} is as asked for")


@operation()
def user(
    user: str,
    uid: int | None = None,
    group: str | None = None,
    groups: Sequence[str] = (),
    only_groups: bool = False,
    home: str | None = None,
    create_home: bool = True,
    shell: str | None = None,
    comment: str | None = None,
    system: bool = False,
    locked: bool | None = None,
) -> Commands:
    """Have a user account. What is not given stays as it is, and is the system's default in a new account.

    + uid: another one is changed, with the owner of what is in the home; files elsewhere keep the old one
    + group: the primary group, which exists; a new account without it gets one of its own name
    + groups: supplementary groups, which exist
    + only_groups: also leave all other supplementary groups
    + home: another one is entered, files stay where they are
    + create_home: make the home from /etc/skel when there is nothing at that path
    + shell: absolute path
    + comment: the full name
    + system: take the uid of a new account from the system's range
    + locked: let nobody in by this account, by password or key (True), or no longer keep people out (False)

    Raises OperationError when another account has that uid.
    """
    _check(user, uid, group, groups, home, shell, comment)
    known: dict[str, Account] = host.get_fact(Accounts, names=_keys(user, uid))
    _refuse_taken("uid", uid, {name: other.uid for name, other in known.items() if name != user})
    account = known.get(user)
    fields = [("-u", uid), ("-d", home), ("-s", shell), ("-c", comment)]
    if account is None:
        own: dict[str, int] = host.get_fact(Groups, names=(user,)) if group is None else {}
        primary = ("-g", group or user) if group or user in own else ("-U",)
        member = ("-G", ",".join(sorted(groups)) if groups else None)
        options = [("-r",) if system else (), ("-m" if create_home else "-M",), *fields, primary, member]
        yield _command("useradd", user, options)
    else:
        changes = _changes(account, [*fields, ("-g", group)])
        changes += _joined(account.groups, groups, group or account.group, only_groups)
        if changes:
            yield _command("usermod", user, changes)
        yield from _home(user, account, home, create_home)
    yield from _lock(user, account, locked)
    host.noop(f"the account {user} is as asked for")


def _changes(account: Account, fields: Sequence[tuple[str, Any]]) -> list[tuple[Any, ...]]:
    """Those of the fields asked for that the account has otherwise."""
    has = {"-u": account.uid, "-d": account.home, "-s": account.shell, "-c": account.comment, "-g": account.group}
    return [(option, value) for option, value in fields if value not in (None, has[option])]


def _joined(present: Sequence[str], wanted: Sequence[str], primary: str, only: bool) -> list[tuple[Any, ...]]:
    """How supplementary groups change; being in the primary one needs no entry."""
    has, asked = {*present} - {primary}, {*wanted} - {primary}
    if only:
        return [("-G", ",".join(sorted(asked)))] if asked != has else []
    return [("-a", "-G", ",".join(sorted(asked - has)))] if asked - has else []


def _home(user: str, account: Account, home: str | None, create: bool) -> Commands:
    """Make up for a home that is not there: a run that was killed, or a directory's account that never logged in."""
    path = home or account.home
    if not create or path == NO_HOME:
        return
    there: dict[str, PathState] = host.get_fact(Paths, paths=(path,))
    if path not in there:
        yield StringCommand("mkhomedir_helper", QuoteString(user), "0077")


def _lock(user: str, account: Account | None, locked: bool | None) -> Commands:
    """An account without a password has nothing to lock: its expiry is what keeps keys out."""
    if locked and not (account and account.locked):
        yield _command("usermod", user, [("-L", "-e", NO_LOGIN)])
    if locked is False and account:
        if account.expires == NO_LOGIN:
            yield _command("usermod", user, [("-e", "")])
        if account.password == "locked":  # noqa: S105  # a word, not a password
            yield _command("usermod", user, [("-U",)])


def _command(program: str, subject: str, options: Sequence[tuple[Any, ...]]) -> StringCommand:
    """Build ``PROGRAM OPTIONS -- SUBJECT``; an option whose value is None is left out."""
    words = [str(word) for option in options if None not in option for word in option]
    return StringCommand(program, *(QuoteString(word) for word in words), "--", QuoteString(subject))


def _keys(subject: str, number: int | None) -> tuple[str, ...]:
    return (subject,) if number is None else (subject, str(number))


def _refuse_taken(what: str, number: int | None, others: dict[str, int]) -> None:
    for name, taken in others.items():
        if taken == number:
            raise OperationError(f"{what} {number} belongs to {name}: choose another, or change {name} first")


def _check(
    user: str,
    uid: int | None,
    group: str | None,
    groups: Sequence[str],
    home: str | None,
    shell: str | None,
    comment: str | None,
) -> None:
    _valid(UnixName, user, "a user")
    _valid_id(uid, "uid")
    for name in (*groups, *([group] if group is not None else [])):
        _valid(UnixName, name, "a group")
    for path, what in ((home, "home"), (shell, "shell")):
        if path is not None:
            _valid(AbsolutePath, path, what)
    if comment is not None and re.search(r"[:\x00-\x1f\x7f]", comment):
        raise OperationValueError(f"comment: should be one line without a colon, got {comment!r}")


def _valid(kind: Any, value: str, what: str) -> None:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise OperationValueError(f"{what}: {message}, got {value!r}") from None


def _valid_id(number: int | None, what: str) -> None:
    if number is not None and not 0 <= number <= LAST_ID:
        raise OperationValueError(f"{what}: should be a number from 0 to {LAST_ID}, got {number!r}")
