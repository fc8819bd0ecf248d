"""Verified downloads: checked first, moved into place after.

pyinfra 3.10's ``files.download`` does it the other way round: a wrong file is at its place, with its mode, when the
checksum is looked at, and stays there. It also passes ``mode``, ``sha256sum`` and the proxy to the shell unquoted.
"""

from __future__ import annotations

from pyinfra import host
from pyinfra.api import QuoteString, StringCommand, operation
from pyinfra.facts.files import Sha256File

from labprov.engine.facts.paths import Paths, PathState
from labprov.engine.operations import Commands

_FETCH = (
    "set -e; d={dest}; umask 077; "
    't=$(mktemp "${{d%/*}}/.labprov.XXXXXXXX"); trap \'rm -f -- "$t"\' EXIT; trap "exit 1" HUP INT TERM; '
    'curl --fail --silent --show-error --location --proto "=http,https" --proto-redir "=http,https" '
    '--connect-timeout 20 --retry 3 --output "$t" -- {url}; '
)
_CHECK = (
    'got=$(sha256sum "$t" | cut -d" " -f1); '
    '[ "$got" = {sha256} ] || {{ echo "sha256 of "{url}" is $got, expected "{sha256} >&2; exit 1; }}; '
    'chmod {mode} "$t"; mv -fT -- "$t" "$d"'
)


def fetch(url: str, dest: str) -> str:
    """Shell text that downloads ``url`` into a private temp file ``$t`` beside ``dest`` (``$d``); removed on exit."""
    return _FETCH.format(url=_quote(url), dest=_quote(dest))


def script(url: str, dest: str, sha256: str, mode: str) -> str:
    """Shell text that downloads ``url`` to ``dest``, where a file with another sha256 never arrives."""
    return fetch(url, dest) + _CHECK.format(url=_quote(url), sha256=_quote(sha256), mode=_quote(mode))


@operation()
def file(url: str, dest: str, sha256: str, mode: str = "644") -> Commands:
    """Download ``url`` to ``dest`` unless a file with that sha256 is there; a wrong file never arrives.

    A file that is right but for its mode gets the mode.

    + url: http or https
    + dest: absolute path; its folder exists
    + sha256: 64 lower-case hexadecimal digits
    + mode: octal digits
    """
    if host.get_fact(Sha256File, path=dest) != sha256:
        yield StringCommand("sh", "-c", QuoteString(script(url, dest, sha256, mode)))
        return
    there: dict[str, PathState] = host.get_fact(Paths, paths=(dest,))
    if dest in there and there[dest].kind == "file" and int(there[dest].mode, 8) != int(mode, 8):
        yield StringCommand("chmod", QuoteString(mode), "--", QuoteString(dest))
    host.noop(f"{dest} has that sha256")


def _quote(text: str) -> str:
    return str(StringCommand(QuoteString(text)))
