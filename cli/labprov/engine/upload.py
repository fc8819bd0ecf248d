"""Uploads: the script that receives a file on the host. Pure; ``ssh`` sends it.

The file goes to a private temp file in the target's own folder and is renamed: nobody sees half a file, no name in /tmp
can be guessed, the old file stays when the disk is full, and nothing is left behind.
"""

from __future__ import annotations

import shlex

_RECEIVE = r"""set -u; umask 077; d={dest}
[ ! -L "$d" ] || d=$(readlink -f -- "$d") || exit 1
[ ! -d "$d" ] || {{ echo "$d is a folder" >&2; exit 1; }}
t=$(mktemp "${{d%/*}}/.labprov.XXXXXXXX") || exit 1
trap 'rm -f -- "$t"' EXIT; trap 'exit 1' HUP INT TERM PIPE
head -c {size} > "$t" || exit 1
[ "$(wc -c < "$t")" -eq {size} ] || {{ echo "only $(wc -c < "$t") of {size} bytes arrived" >&2; exit 1; }}
if [ -e "$d" ]; then chmod --reference="$d" -- "$t" && chown --reference="$d" -- "$t" || exit 1
else chmod 644 -- "$t" || exit 1; fi
mv -fT -- "$t" "$d"
"""


def upload_script(dest: str, size: int) -> str:
    """Shell text that takes ``size`` bytes from standard input and puts them at ``dest``, an absolute path.

    An existing file keeps its owner and mode, a new one is root's with mode 644; a symbolic link is followed.
    """
    return _RECEIVE.format(dest=shlex.quote(dest), size=size)
