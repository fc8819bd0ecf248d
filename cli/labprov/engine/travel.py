"""How a command line travels to a host: told apart from what a login shell prints, ended in time, unseen if secret.

Pure: builds texts and takes them apart. ``connection`` sends them.
"""

from __future__ import annotations

import secrets
import shlex

_BOUNDED = """LABPROV_COMMAND={mark} timeout -k 5 {seconds:g} sh -c {patient}; s=$?
case $s in 124 | 137) for i in 1 2 3 4 5; do
p=$(grep -lsaz '^LABPROV_COMMAND={mark}$' /proc/[0-9]*/environ); [ "$p" ] || break
for f in $p; do f=${{f#/proc/}}; kill -9 "${{f%/environ}}"; done; done 2>/dev/null;; esac
exit $s"""


def marked(command: str, mark: str) -> str:
    """The command line, with ``mark`` printed on both outputs before the command's own."""
    return f"printf {mark}; printf {mark} >&2; {command}"


def after(mark: str, output: bytes) -> bytes:
    """What came after ``mark``; all of it when the command never began (then a login shell or sudo says why)."""
    before, found, rest = output.partition(mark.encode())
    return rest if found else before


def bounded(command: str, seconds: float, mark: str) -> str:
    """The command line, ended after so many seconds with all that it started; its status is 124 or 137 then.

    What took a session of its own (``setsid``) is beyond the reach of ``timeout``: it is found by a variable of its
    environment that holds ``mark``. What also cleaned its environment (``env -i``, ``sudo -u``) outlives the command.
    """
    # What grep printed counts, not its status: that is 2 when any process ended while it looked, which is quite usual.
    # The shell that timeout watches outlives being asked to end: it waits for what is deaf, to be killed 5 s later.
    patient = shlex.quote(f"trap : TERM; ({command}\n)")
    return _BOUNDED.format(mark=mark, seconds=seconds, patient=patient)


def unseen(text: str) -> tuple[str, bytes]:
    """A command line that reads ``text`` from standard input and runs it, and the bytes to feed it.

    Every user of the host can read command lines (``ps``), nobody a shell's input. A text that was cut off on the way
    is not run: half a command is another command.
    """
    end = f"# {secrets.token_hex(16)}"
    data = f"{text}\n{end}".encode()
    refuse = 'echo "the command did not arrive whole" >&2; exit 1'
    return f's=$(head -c {len(data)}); case "$s" in *"{end}") eval "$s";; *) {refuse};; esac', data
