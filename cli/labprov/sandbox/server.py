"""The process that serves the vendor mirror on the sandbox's bridge: starting it, and whether the right one runs."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from labprov.errors import HostError
from labprov.sandbox import processes
from labprov.sandbox.network import MIRROR_PORT
from labprov.sandbox.places import Places
from labprov.sandbox.shell import environment


def serve(places: Places, root: Path, address: str) -> str:
    """Serve ``root`` on the bridge's ``address``, replacing a server of another folder; give the mirror's URL."""
    command = [sys.executable, "-m", processes.SERVE, f"--sandbox={places.name}", f"--root={root}"]
    command += [f"--address={address}", f"--port={MIRROR_PORT}"]
    running = processes.servers(places)
    if any(processes.command(pid) != command for pid in running):
        processes.end(running)
        running = []
    if not running:
        _start(places, command, address)
    return f"http://{address}:{MIRROR_PORT}"


def _start(places: Places, command: list[str], address: str) -> None:
    log = places.home / "mirror.log"
    with log.open("a") as output:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env=environment(),
        )
    for _ in range(100):
        if started.poll() is not None:
            break
        try:
            socket.create_connection((address, MIRROR_PORT), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise HostError(f"the vendor mirror cannot be served on {address}:{MIRROR_PORT} (log: {log})")
