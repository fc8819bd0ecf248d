"""Who and what a reboot of a host would interrupt: sessions, programs on the GPUs; and the host's own clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api import FactBase

DAEMONS = ("nvidia-persiste", "nv-hostengine", "nv-fabricmanage", "nvidia-smi")
"""Programs (the first 15 letters) that hold a GPU while nobody uses it."""

_SCRIPT = r"""date '+time %H:%M'
sed 's/^/boot /' /proc/sys/kernel/random/boot_id
sed -n 's/.*session-\([^.]*\)\.scope.*/own \1/p' /proc/self/cgroup | head -n 1
s=$(loginctl --no-legend list-sessions 2>/dev/null | awk '{print $1}')
[ -z "$s" ] || loginctl show-session -p Id -p Name -p Class -p State -p TTY -p RemoteHost $s 2>/dev/null
who 2>/dev/null | sed 's/^/who /'
systemctl list-units --plain --no-legend --state=running 'jupyter-*-singleuser.service' 2>/dev/null | sed 's/^/unit /'
for p in $(find /proc/[0-9]*/fd -lname '/dev/nvidia[0-9]*' 2>/dev/null | cut -d/ -f3 | sort -un); do
read -r name 2>/dev/null </proc/$p/comm && echo "gpu $p $name"
done
true"""


@dataclass(frozen=True, slots=True)
class Presence:
    """What goes on on a host now."""

    minute: int = 0
    """Minute of the day by the host's own clock and time zone, 0 to 1439."""
    boot: str = ""
    """Boot id."""
    users: tuple[str, ...] = ()
    """Sessions other than our own, as ``anna (pts/0 from 192.0.2.7)``."""
    programs: tuple[str, ...] = ()
    """Programs that have a GPU open, as ``python (4711)``."""
    is_controller: bool = False
    """Whether labprov itself runs there."""

    @property
    def busy(self) -> frozenset[str]:
        """All that a reboot would end."""
        return frozenset((*self.users, *self.programs))

    @property
    def told(self) -> str:
        """The same in words."""
        users = f"logged in: {', '.join(self.users)}" if self.users else ""
        programs = f"on the GPU: {', '.join(self.programs)}" if self.programs else ""
        return "; ".join(part for part in (users, programs) if part)


class PresenceNow(FactBase[Presence]):
    """What goes on on the host now. Another value at each look: forget what is known before asking."""

    default = Presence

    def command(self) -> str:
        """One line a thing; sessions by logind where it knows any, else by ``who``."""
        return _SCRIPT

    def process(self, output: list[str]) -> Presence:
        """Lines that begin with what they tell; a session is some lines ``Key=value``."""
        rows = [line.partition(" ") for line in output]
        told = {word: rest.strip() for word, _, rest in rows if word in ("time", "boot", "own")}
        sessions = _blocks(output)
        hours, _, minutes = told.get("time", "0:0").partition(":")
        who = [rest.split() for word, _, rest in rows if word == "who"]
        servers = [rest.partition("-singleuser.service")[0] for word, _, rest in rows if word == "unit"]
        programs = [rest.split(maxsplit=1) for word, _, rest in rows if word == "gpu"]
        return Presence(
            minute=int(hours) * 60 + int(minutes),
            boot=told.get("boot", ""),
            users=(
                *(_users(sessions, told.get("own", "")) if sessions else _by_who(who)),
                *(f"{name.removeprefix('jupyter-')} (JupyterHub)" for name in servers),
            ),
            programs=tuple(f"{row[1]} ({row[0]})" for row in programs if len(row) == 2 and row[1] not in DAEMONS),
        )


def _blocks(output: Sequence[str]) -> list[dict[str, str]]:
    """The sessions; each begins anew with a key that the one before has already."""
    blocks: list[dict[str, str]] = []
    for line in output:
        key, found, value = line.partition("=")
        if not found or key not in ("Id", "Name", "Class", "State", "TTY", "RemoteHost"):
            continue
        if not blocks or key in blocks[-1]:
            blocks.append({})
        blocks[-1][key] = value
    return blocks


def _users(sessions: Sequence[dict[str, str]], own: str) -> tuple[str, ...]:
    """People's sessions but ours; an ended one counts when another user left something running in it (tmux, nohup)."""
    me = next((session.get("Name") for session in sessions if session.get("Id") == own), None)
    found = []
    for session in sessions:
        name, closing = session.get("Name", "?"), session.get("State") == "closing"
        if session.get("Id") == own or not session.get("Class", "user").startswith("user") or (closing and name == me):
            continue
        place = session.get("TTY") or "no terminal"
        remote = f" from {session['RemoteHost']}" if session.get("RemoteHost") else ""
        found.append(f"{name} (gone, but left something running)" if closing else f"{name} ({place}{remote})")
    return tuple(dict.fromkeys(found))


def _by_who(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(f"{row[0]} ({row[1]})" for row in rows if len(row) >= 2)
