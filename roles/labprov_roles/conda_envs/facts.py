"""What environments a host has, read from links and file names alone: neither conda nor Python is started."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api import FactBase

from labprov_roles.conda_envs.builder.places import BUILDS, LISTING, STATE

# For one environment: what has its name, the build behind it, what that build should and does hold. Few processes: each
# takes as long as all the rest.
_ONE = (
    'one() {{ p=$1/$2; if [ -L "$p" ]; then t=$(cd -P "$p" 2>/dev/null && pwd); r=$(cd -P "$1" && pwd); '
    'case $t in "$r/{builds}/$2"-*) if [ -f "$t/{state}" ] && read -r want < "$t/{state}"; then '
    '[ "$(head -c 4000000 "$t/{state}")" = "$(echo "$want"; cd "$t" && {listing})" ] || want=changed; '
    "else want=broken; fi; "
    'echo "env $2 $want";; "") echo "env $2 broken";; *) echo "env $2 foreign";; esac; '
    'elif [ -e "$p" ]; then echo "env $2 foreign"; fi; }}; '
)
# Builds that no name leads to and that no process has a file of open.
_LEFT = (
    'left() {{ l=$(readlink "$1"/* 2>/dev/null; echo .); for b in "$1"/{builds}/*/; do b=${{b%/}}; '
    '[ -d "$b" ] || continue; case "$l" in *"{builds}/${{b##*/}}"[!0-9]*) continue;; esac; '
    'grep -qsF "$b/" /proc/[0-9]*/maps || echo "left $2"; done; }}; '
)
_HOME = 'home() {{ getent passwd "$1" | cut -d: -f6; }}; '


@dataclass(frozen=True)
class Environments:
    """What a host has."""

    digests: dict[str, str]
    """Environment -> digest of the lock it was made from and still agrees with; ``changed``: somebody changed it;
    ``broken``: it is not whole; ``foreign``: not labprov's. What is not there is not named."""
    left: frozenset[str] = frozenset()
    """Owners (a user, or empty: shared) in whose folder builds lie that nobody uses any more."""


class EnvironmentsAt(FactBase[Environments]):
    """The named environments: ``wanted`` is pairs of name and user (empty: shared, in ``envs``)."""

    @staticmethod
    def default() -> Environments:
        """None."""
        return Environments({})

    def command(self, envs: str, wanted: Sequence[tuple[str, str]]) -> str:
        """One short script for all of them."""
        places = {"builds": BUILDS, "state": STATE, "listing": LISTING}
        text = "export LC_ALL=C; " + (_ONE + _LEFT + _HOME).format(**places)
        folders = {
            user: f'"$(home {shlex.quote(user)})/.conda/envs"' if user else shlex.quote(envs) for _, user in wanted
        }
        for name, user in wanted:
            text += f"one {folders[user]} {shlex.quote(name)}; "
        for user, folder in folders.items():
            text += f"left {folder} {shlex.quote(user)}; "
        return text + "true"

    def process(self, output: list[str]) -> Environments:
        """Lines like ``env NAME DIGEST``, ``left USER``."""
        rows = [line.split(" ") for line in output]
        return Environments(
            {row[1]: row[2] for row in rows if row[0] == "env" and len(row) == 3},
            frozenset(row[1] if len(row) > 1 else "" for row in rows if row[0] == "left"),
        )
