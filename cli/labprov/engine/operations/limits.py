"""Limits of login sessions: one file of ours in /etc/security/limits.d. Not those of services (``LimitNOFILE=``).

pyinfra 3.10's ``server.security_limit`` looks for its line with ``[[:space:]]+`` in a basic regular expression, where
``+`` is a plus sign: nothing is ever found, and every new value is one more line (its pull request 1036 brought it).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api import operation
from pyinfra.api.exceptions import OperationValueError

from labprov.engine.operations import Commands, dropin

FOLDER = "/etc/security/limits.d"
ITEMS = (
    *("core", "data", "fsize", "memlock", "nofile", "rss", "stack", "cpu", "nproc", "as"),
    *("maxlogins", "maxsyslogins", "nonewprivs", "priority", "locks", "sigpending", "msgqueue", "nice", "rtprio"),
)
"""What limits.conf(5) can limit."""

_DOMAIN = re.compile(r"\*|%|[@%]?[A-Za-z_][A-Za-z0-9_.-]*\$?|@?\d*:\d*")
_VALUE = re.compile(r"-?\d{1,19}|unlimited|infinity")


@dataclass(frozen=True)
class Limit:
    """One line of limits.conf(5)."""

    domain: str
    """A user, ``@group``, ``*`` for everybody but root, or a range of uids: ``1000:``."""
    item: str
    """What is limited: ``nofile``, ``memlock``, ..."""
    value: int | str
    """A number (KiB for memory), or ``unlimited``."""
    kind: str = "-"
    """``soft``, ``hard``, or ``-`` for both."""


@operation()
def entries(slug: str, limits: list[Limit]) -> Commands:
    """Limit what sessions may use, from the next login on. The file holds these limits and nothing else.

    + slug: the file's name without ``.conf``; a later name wins
    + limits: in order, as pam_limits takes the last line that fits. None: no file

    Raises OperationValueError for what pam_limits would not understand (it ignores such a line without a word), and
    for two values of one limit.
    """
    for limit in limits:
        _check(limit)
    _check_once(limits)
    yield from dropin.write(FOLDER, slug, [f"{lim.domain} {lim.kind} {lim.item} {lim.value}" for lim in limits])


def _check(limit: Limit) -> None:
    if not _DOMAIN.fullmatch(limit.domain) or limit.domain in (":", "@:"):
        raise OperationValueError(f"{limit.domain!r} should be a user, @group, * or a range of uids")
    if limit.kind not in ("soft", "hard", "-"):
        raise OperationValueError(f"{limit.kind!r} should be soft, hard or -")
    if limit.item not in ITEMS:
        raise OperationValueError(f"{limit.item!r} cannot be limited: {', '.join(sorted(ITEMS))} can")
    if not _VALUE.fullmatch(str(limit.value)):
        raise OperationValueError(f"the limit {limit.item} should be a number or unlimited, got {limit.value!r}")


def _check_once(limits: Sequence[Limit]) -> None:
    seen: dict[tuple[str, str, str], int | str] = {}
    for limit in limits:
        for kind in ("soft", "hard") if limit.kind == "-" else (limit.kind,):
            key = (limit.domain, kind, limit.item)
            if key in seen:
                raise OperationValueError(f"{limit.item} of {limit.domain} is given twice: {seen[key]}, {limit.value}")
            seen[key] = limit.value
