"""Users and groups as the system knows them, a directory service (LDAP, sssd) included; only those named.

pyinfra's ``server.Users`` reads /etc/passwd alone (its issue 1008), so that an account of a directory does not exist to
it, and starts about eight processes an account: 0.2 s on a bare host. Here ``getent`` answers for all names at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand

NO_LOGIN = 1
"""The expiry, in days since 1970, that closes an account for keys too (usermod(8) advises it for locked ones)."""


@dataclass(frozen=True)
class Account:
    """A user account."""

    uid: int
    gid: int
    home: str
    shell: str
    comment: str = ""
    group: str = ""
    """Name of the primary group; empty where its id has none."""
    groups: tuple[str, ...] = ()
    """Names of the supplementary groups, sorted."""
    password: str = "none"  # noqa: S105  # a word, not a password
    """``usable``, ``locked`` (there is one behind the lock) or ``none``."""
    expires: int | None = None
    """Days since 1970 on which the account expires; None: never."""

    @property
    def locked(self) -> bool:
        """Whether nobody gets in: by no password and by no key."""
        return self.password != "usable" and self.expires == NO_LOGIN  # noqa: S105


# An empty password field lets anybody in, so it counts as usable. The hash itself never leaves the host.
_SHADOW = (
    "{ mark = substr($2, 1, 1); rest = substr($2, 2); "
    'word = mark == "*" ? "none" : mark != "!" ? "usable" : rest ~ /^[!*]*$/ ? "none" : "locked"; '
    'print "shadow:" $1 ":" word ":" $8 }'
)
_ASK = (
    "p=$(getent passwd -- {names}); i=$({initgroups}); "
    "printf '%s\\n' \"$p\" | sed 's/^/user:/'; printf '%s\\n' \"$i\" | sed 's/^/in:/'; "
    "{shadow} | awk -F: '" + _SHADOW.replace("{", "{{").replace("}", "}}") + "'; "
    "set -- $(printf '%s\\n' \"$p\" | cut -d: -f4) $(printf '%s\\n' \"$i\" | sed 's/^[^ ]*//'); "
    "[ $# = 0 ] || getent group -- \"$@\" | cut -d: -f1,3 | sed 's/^/group:/'; true"
)


class Accounts(FactBase[dict[str, Account]]):
    """The accounts of the users named, by name; those that do not exist are absent.

    A name may be a number: then it is a uid, and whoever has it comes under their own name, without ``groups``.
    """

    default = dict

    def command(self, names: Sequence[str]) -> str:
        """A dozen processes, whatever the number of names."""
        if not names:
            return "true"
        users = _quoted([name for name in names if not name.isdigit()])
        return _ASK.format(
            names=_quoted(names),
            initgroups=f"getent initgroups -- {users}" if users else ":",
            shadow=f"getent shadow -- {users}" if users else ":",
        )

    def process(self, output: list[str]) -> dict[str, Account]:
        """Lines of passwd(5) after ``user:``; ``in:NAME GIDS``; ``shadow:NAME:WORD:EXPIRES``; ``group:NAME:GID``."""
        rows = [line.split(":") for line in output if line]
        groups = {row[2]: row[1] for row in rows if row[0] == "group"}
        shadow = {row[1]: (row[2], row[3]) for row in rows if row[0] == "shadow"}
        words = [row[1].split() for row in rows if row[0] == "in" and row[1]]
        member = {name: tuple(sorted(groups[gid] for gid in gids if gid in groups)) for name, *gids in words}
        found = {}
        for _, name, _, uid, gid, comment, home, shell in (row for row in rows if row[0] == "user" and len(row) == 8):
            password, expires = shadow.get(name, ("none", ""))
            found[name] = Account(
                uid=int(uid),
                gid=int(gid),
                home=home,
                shell=shell,
                comment=comment,
                group=groups.get(gid, ""),
                groups=member.get(name, ()),
                password=password,
                expires=int(expires) if expires else None,
            )
        return found


class Groups(FactBase[dict[str, int]]):
    """The ids of the groups named; those that do not exist are absent. A name may be a number: whoever has that id."""

    default = dict

    def command(self, names: Sequence[str]) -> StringCommand:
        """One process for all names."""
        if not names:
            return StringCommand("true")
        return StringCommand("getent group --", *(QuoteString(name) for name in names), "| cut -d: -f1,3")

    def process(self, output: list[str]) -> dict[str, int]:
        """Lines like ``docker:998``."""
        rows = [line.split(":") for line in output if line]
        return {row[0]: int(row[1]) for row in rows}


def _quoted(names: Sequence[str]) -> str:
    return str(StringCommand(*(QuoteString(name) for name in names)))
