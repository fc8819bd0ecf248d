"""The host keys of a new machine, asked for once, and the known_hosts made of them. Trusts nothing a second time.

A machine's first key can only be had over Vagrant's own channel: the address, port and private key that Vagrant gives,
over the loopback or the private network of this computer. It is the channel over which Vagrant itself, in `vagrant up`,
replaced the box's well-known key; who could sit in it has that key already. The keys are then kept for as long as the
provider knows the machine by the same identity, and engine/hostkeys.py is strict about them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from labprov.errors import UserError, Where
from labprov.vagrant.output import Machine, Way

_OPTIONS = (
    "BatchMode=yes",
    "ConnectTimeout=20",
    "GlobalKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "LogLevel=ERROR",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
)
_KINDS = ("ssh-", "ecdsa-", "sk-")


def fetch(name: str, way: Way, where: Where) -> tuple[str, ...]:
    """Ask a machine for its public host keys; ``where`` is for messages. Raises UserError when it does not answer."""
    command = ["ssh", "-F", "none", *(word for option in _OPTIONS for word in ("-o", option))]
    command += [word for key in way.keys for word in ("-i", key)]
    command += ["-p", str(way.port), f"{way.user}@{way.address}", "cat /etc/ssh/ssh_host_*_key.pub"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
        )
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"the machine {name!r} could not be asked for its host keys: {error}", where) from None
    keys = parse(done.stdout)
    if not keys:
        hint = f"`vagrant ssh {name}` shows whether it is up"
        raise UserError(f"the machine {name!r} did not tell its host keys: {said[0]}", where, hint)
    return keys


def parse(text: str) -> tuple[str, ...]:
    """``TYPE BASE64`` of each public key in ``text``, without comments; lines that are no key are left out."""
    rows = [line.split() for line in text.splitlines()]
    return tuple(" ".join(row[:2]) for row in rows if len(row) >= 2 and row[0].startswith(_KINDS))


def known_hosts(machines: Iterable[Machine]) -> str:
    """The text of a known_hosts file for these machines."""
    return "".join(f"{_place(machine.way)} {key}\n" for machine in machines if machine.way for key in machine.host_keys)


def _place(way: Way) -> str:
    return way.address if way.port == 22 else f"[{way.address}]:{way.port}"
