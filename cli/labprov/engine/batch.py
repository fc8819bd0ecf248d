"""Many commands in one round trip: the script that runs them, and taking its output apart again. Pure.

Outputs are told apart by a random word that no command can know. A banner that the login shell prints comes before the
first frame and is dropped.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended: exit status and what it printed."""

    status: int
    stdout: bytes
    stderr: bytes
    left_out: int = 0
    """Bytes missing in the middle, of an output that was too long to keep."""


def script(commands: Sequence[str], nonce: str) -> bytes:
    """Shell text that runs each command in a shell of its own, framing its output, errors and exit status."""
    lines = [f"printf '{nonce}'; printf '{nonce}' >&2"]
    for command in commands:
        # eval in a subshell: a shell of its own without starting one; a syntax error ends the subshell alone
        lines.append(f"(eval {shlex.quote(command)}) </dev/null; printf '{nonce}%d {nonce}' $?; printf '{nonce}' >&2")
    return "\n".join([*lines, "exit 0", ""]).encode()


def take_apart(done: Completed, nonce: str, number: int) -> list[Completed]:
    """Split the output of ``script``. Shorter than ``number`` when it was cut off: what is there is whole."""
    if done.left_out:
        return []  # what is left of it could be taken for the answer to another question
    word = nonce.encode()
    out, errors = done.stdout.split(word)[1:], done.stderr.split(word)[1:]
    # out: output, status, output, status, ..., and an empty rest; errors: one piece a command, and an empty rest
    whole = min(number, max(0, len(out) - 1) // 2, max(0, len(errors) - 1))
    return [Completed(int(out[2 * i + 1]), out[2 * i], errors[i]) for i in range(whole)]
