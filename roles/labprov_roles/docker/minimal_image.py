"""A container of a tiny image made of the host's own files, for checks: no registry is asked, nothing is left behind.

Not for anything that people use. Shared by the checks of the roles that bring containers about. All of it is one
command on the host, from making the image to removing it, so that no check can leave another half of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from testinfra.backend.base import CommandResult
from testinfra.host import Host

TOOLS = ("sh", "sleep", "cat", "ls", "head", "id")
"""Programs in the image."""
LIFETIME = 600
"""Seconds after which the container ends by itself, should the command be killed before it cleans up."""

_SEPARATOR = "\x1e"

_SCRIPT = """set -eu
d=$(mktemp -d); c=labprov-verify-${d##*/}; i=labprov-verify:${d##*/}
trap 'docker rm --force "$c" >/dev/null 2>&1; docker image rm --force "$i" >/dev/null 2>&1; rm -rf "$d"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$d/usr/bin" "$d/usr/lib" "$d/usr/lib64" "$d/usr/sbin" "$d/etc" "$d/tmp" "$d/dev" "$d/proc" "$d/sys"
for f in bin lib lib64 sbin; do ln -s "usr/$f" "$d/$f"; done
take() { [ -e "$d$1" ] || cp -L --parents "$1" "$d"; }
libraries() { ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r l; do take "$l"; done; true; }
for tool in @TOOLS@; do p=$(command -v "$tool"); take "$p"; libraries "$p"; done
for tool in @LIBRARIES_OF@; do p=$(command -v "$tool") && libraries "$p"; done
tar -C "$d" -c . | docker import - "$i" >/dev/null
docker run --detach --rm --name "$c" @OPTIONS@ "$i" sleep @LIFETIME@ >/dev/null
set +e
"""
_STEP = "{{ {command}; }} 2>&1; printf '\\036%d\\036' $?\n"


@dataclass(frozen=True, slots=True)
class Said:
    """What one command said, errors included, and its exit code."""

    rc: int
    text: str

    def __str__(self) -> str:
        return _last_line(self.text) or f"exit code {self.rc}"


def said(result: CommandResult) -> str:
    """The last line of what a command on the host said, for a message."""
    return _last_line(result.stderr) or _last_line(result.stdout) or f"exit code {result.rc}"


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "")


def with_container(
    host: Host, commands: Sequence[str], options: Sequence[str] = (), libraries_of: Sequence[str] = ()
) -> list[Said]:
    """Start a container that waits, run ``commands`` on the host with its name in ``$c``, and remove it again.

    Commands and ``options`` (words for ``docker run``) are written by us. ``libraries_of``: programs of the host whose
    libraries go into the image too, for what is mounted into the container. Fails the check when it does not start.
    """
    done = host.run("sh -c %s", script_text(commands, options, libraries_of))
    words = done.stdout.split(_SEPARATOR)
    assert len(words) == 2 * len(commands) + 1, (
        f"no container could be started (docker run {' '.join(options)}): {said(done)}"
    )
    return [Said(int(rc), text) for text, rc in zip(words[:-1:2], words[1::2], strict=True)]


def script_text(commands: Sequence[str], options: Sequence[str], libraries_of: Sequence[str]) -> str:
    """Shell text of all of it."""
    values = {"TOOLS": TOOLS, "LIBRARIES_OF": libraries_of or ['""'], "OPTIONS": options, "LIFETIME": [str(LIFETIME)]}
    script = _SCRIPT
    for name, words in values.items():
        script = script.replace(f"@{name}@", " ".join(words))
    return script + "".join(_STEP.format(command=command) for command in commands)
