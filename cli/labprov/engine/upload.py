"""Uploads: the script that receives a file on the host, and what it is fed. Pure; ``connection`` sends it.

The file goes to a private folder inside the target's own folder and is renamed: nobody sees half a file, no name in
/tmp can be guessed, the old file stays when the disk is full, and nothing is left behind. The shell stays inside that
private folder: whoever may write to the target's folder cannot put a link where root is going to write.
"""

from __future__ import annotations

import gzip
import hashlib
import shlex
from dataclasses import dataclass

COMPRESS_FROM = 65_536
"""Bytes from which on a file travels compressed."""

_RECEIVE = r"""set -u; umask 077; d={dest}
[ ! -L "$d" ] || d=$(readlink -f -- "$d") || exit 1
[ ! -d "$d" ] || {{ echo "$d is a folder" >&2; exit 1; }}
n=${{d##*/}}; cd -P -- "${{d%/*}}/" || exit 1
b=$(pwd -P); t=$(mktemp -d .labprov.XXXXXXXX) || exit 1
trap 'cd -- "$b" && rm -rf -- "$t"' EXIT; trap 'exit 1' HUP INT TERM PIPE
cd -P -- "$t" && [ "$(pwd -P)" = "${{b%/}}/$t" ] && [ -O . ] || {{ echo "$b/$t was tampered with" >&2; exit 1; }}
head -c {travels} {unpack}> new || {{ echo "could not be written (disk full?)" >&2; exit 1; }}
[ "$(wc -c < new)" -eq {size} ] || {{ echo "only $(wc -c < new) of {size} bytes arrived" >&2; exit 1; }}
[ "$(sha256sum < new)" = "{sha256}  -" ] || {{ echo "its bytes were damaged on the way" >&2; exit 1; }}
{owner}{mode}mv -fT -- new "../$n"
"""
# The mode comes last: until then nobody but root, or the owner to be, can read what has arrived.
_KEEP_OWNER = '[ ! -e "$d" ] || chown --reference="$d" new || exit 1\n'
_OWNER = "chown {} new || exit 1\n"
_KEEP_MODE = 'if [ -e "$d" ]; then chmod --reference="$d" new; else chmod 644 new; fi || exit 1\n'
_MODE = "chmod {} new || exit 1\n"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what with a file that is written: octal digits, a user, a group; empty: not asked for."""

    mode: str = ""
    user: str = ""
    group: str = ""

    @property
    def owner(self) -> str:
        """As chown takes it."""
        return f"{self.user}:{self.group}" if self.group else self.user

    @property
    def private(self) -> bool:
        """Whether the mode asked for lets not everybody read."""
        return bool(self.mode) and not int(self.mode[-1]) & 4


USUAL = Access()


def upload_script(dest: str, data: bytes, access: Access = USUAL) -> tuple[str, bytes]:
    """Shell text that puts ``data`` at ``dest``, an absolute path, and the bytes to feed it by standard input.

    Where ``access`` asks for nothing, an existing file keeps its owner and mode, and a new one is root's with mode 644.
    The file has what is asked for before anybody can see it under its name. A symbolic link is followed.
    """
    small = len(data) < COMPRESS_FROM
    payload = data if small else gzip.compress(data, 6, mtime=0)
    text = _RECEIVE.format(
        dest=shlex.quote(dest),
        travels=len(payload),
        unpack="" if small else "| gzip -dc ",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        owner=_KEEP_OWNER + (_OWNER.format(shlex.quote(access.owner)) if access.owner else ""),
        mode=_MODE.format(access.mode) if access.mode else _KEEP_MODE,
    )
    return text, payload
