"""Uploads: the script that receives a file on the host, and what it is fed. Pure; ``connection`` sends it.

The file goes to a private temp file in the target's own folder and is renamed: nobody sees half a file, no name in /tmp
can be guessed, the old file stays when the disk is full, and nothing is left behind.
"""

from __future__ import annotations

import gzip
import hashlib
import shlex

COMPRESS_FROM = 65_536
"""Bytes from which on a file travels compressed."""

_RECEIVE = r"""set -u; umask 077; d={dest}
[ ! -L "$d" ] || d=$(readlink -f -- "$d") || exit 1
[ ! -d "$d" ] || {{ echo "$d is a folder" >&2; exit 1; }}
t=$(mktemp "${{d%/*}}/.labprov.XXXXXXXX") || exit 1
trap 'rm -f -- "$t"' EXIT; trap 'exit 1' HUP INT TERM PIPE
head -c {travels} {unpack}> "$t" || {{ echo "could not be written (disk full?)" >&2; exit 1; }}
[ "$(wc -c < "$t")" -eq {size} ] || {{ echo "only $(wc -c < "$t") of {size} bytes arrived" >&2; exit 1; }}
[ "$(sha256sum < "$t")" = "{sha256}  -" ] || {{ echo "its bytes were damaged on the way" >&2; exit 1; }}
if [ -e "$d" ]; then chmod --reference="$d" -- "$t" && chown --reference="$d" -- "$t" || exit 1
else chmod 644 -- "$t" || exit 1; fi
mv -fT -- "$t" "$d"
"""


def upload_script(dest: str, data: bytes) -> tuple[str, bytes]:
    """Shell text that puts ``data`` at ``dest``, an absolute path, and the bytes to feed it by standard input.

    An existing file keeps its owner and mode, a new one is root's with mode 644; a symbolic link is followed.
    """
    small = len(data) < COMPRESS_FROM
    payload = data if small else gzip.compress(data, 6, mtime=0)
    text = _RECEIVE.format(
        dest=shlex.quote(dest),
        travels=len(payload),
        unpack="" if small else "| gzip -dc ",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    return text, payload
