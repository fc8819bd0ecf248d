"""How a command line travels to a host: told apart from what a login shell prints, and unseen when it holds a secret.

Pure: builds texts and takes them apart. ``connection`` sends them.
"""

from __future__ import annotations

import secrets


def marked(command: str, mark: str) -> str:
    """The command line, with ``mark`` printed on both outputs before the command's own."""
    return f"printf {mark}; printf {mark} >&2; {command}"


def after(mark: str, output: bytes) -> bytes:
    """What came after ``mark``; all of it when the command never began (then a login shell or sudo says why)."""
    before, found, rest = output.partition(mark.encode())
    return rest if found else before


def unseen(text: str) -> tuple[str, bytes]:
    """A command line that reads ``text`` from standard input and runs it, and the bytes to feed it.

    Every user of the host can read command lines (``ps``), nobody a shell's input. A text that was cut off on the way
    is not run: half a command is another command.
    """
    end = f"# {secrets.token_hex(16)}"
    data = f"{text}\n{end}".encode()
    refuse = 'echo "the command did not arrive whole" >&2; exit 1'
    return f's=$(head -c {len(data)}); case "$s" in *"{end}") eval "$s";; *) {refuse};; esac', data
