"""Waiting for a lock that somebody else holds, as shell text. Pure: runs nothing, knows no package manager."""

from __future__ import annotations

from pyinfra.api import StringCommand

_REPEAT = (
    "end=$(($(date +%s) + {seconds})); while :; do {{ said=$(try 2>&1 >&3); code=$?; }} 3>&1; "
    'case "$code $said" in "0 "*) break;; {busy}) '
    '[ $(date +%s) -lt $end ] && sleep 2;; *) false;; esac || break; done; printf "%s\\n" "$said" >&2; (exit $code)'
)


def patient(command: StringCommand, busy: str, seconds: int) -> StringCommand:
    """Repeat ``command`` while it fails because of a lock, for at most ``seconds``; then it fails with its own words.

    ``busy``: patterns of the shell's ``case`` that fit ``CODE STDERR`` of such a failure.
    """
    return StringCommand("try() {", command, "; };", _REPEAT.format(seconds=seconds, busy=busy))
