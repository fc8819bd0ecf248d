"""The hosts: one sandbox node gets the whole of gpu-node; the others are nodes on top of its file system.

Each host is a whole systemd-nspawn node with its own systemd, sshd, Docker and network address. Their root file
systems share the applied node's changes as a layer below their own, so twenty take little time and disk.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from bench.measure import labprov
from labprov.errors import HostError
from labprov.sandbox import NodeSpec, down, node, processes, ssh_command, up
from labprov.sandbox import network as networks
from labprov.sandbox.image import IMAGES
from labprov.sandbox.mounts import unmount_under
from labprov.sandbox.places import Places
from labprov.sandbox.shell import run
from labprov.sandbox.state import Node, State, load, save

NAME = "bench"
GPUS = (("A100", 1),)
SYSTEM: Final = "debian-13"
FIRST = "first"
ABOUT = f"{SYSTEM} systemd-nspawn nodes on this machine, each on a layer over one node that gpu-node was applied to"
_SHUTDOWN = 60.0
"""Seconds that the first node has to shut down."""

# Nothing may start by itself in the middle of a measurement; VERBOSE lets sshd note each command, to be counted.
_PREPARE = """set -e
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -q python3 python3-apt >/dev/null
echo 'LogLevel VERBOSE' > /etc/ssh/sshd_config.d/bench.conf
systemctl mask -q apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer systemd-tmpfiles-clean.timer
"""
_COUNT = "journalctl -q -o cat -t sshd-session | grep -c '^Starting session'"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Farm:
    """The hosts that are up."""

    folder: Path
    """Where generated files lie."""
    addresses: Mapping[str, str]
    """Host name -> address, in order."""
    inventory: Mapping[str, Any]
    """labprov's inventory of the sandbox: what is common to all hosts (mirrors, key, user)."""

    @property
    def key(self) -> Path:
        """The private key that lets in."""
        return Path(self.inventory["key"])

    @property
    def host_keys(self) -> Mapping[str, str]:
        """Address -> type and value of the host's key."""
        lines = Path(self.inventory["known_hosts"]).read_text().splitlines()
        return {address: keys for address, keys in (line.split(" ", 1) for line in lines)}

    def commands_seen(self, host: str) -> int:
        """How many ssh commands that host has been given since it was booted, without this question."""
        return int(on(host, _COUNT)) - 1


def on(host: str, script: str) -> str:
    """Run a shell script on a host as root; gives its output. Raises CalledProcessError when it fails."""
    words = [*ssh_command(host, name=NAME), "sudo", "-n", "sh"]
    return subprocess.run(words, input=script, stdout=subprocess.PIPE, text=True, check=True).stdout


def build(folder: Path, number: int, say: Say) -> Farm:
    """Bring up ``number`` hosts with gpu-node applied, after removing what an earlier run left."""
    down(say, name=NAME)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "sandbox.yml"
    up([NodeSpec(FIRST, SYSTEM, GPUS)], file, say, name=NAME)
    say("Applying gpu-node to the first node")
    labprov("apply", "gpu-node", "--yes", "-i", str(file), state=folder / "state")
    on(FIRST, _PREPARE)
    labprov("plan", "gpu-node", "--exit-code", "-i", str(file), state=folder / "state")
    places = Places(NAME)
    state = load(places)
    frozen = _freeze(places, state.nodes[FIRST])
    made = _clones(places, frozen, state, number, say)
    return _farm(folder, made)


def existing(folder: Path, number: int) -> Farm | None:
    """The hosts of an earlier ``build`` that are still up; None when there are fewer than ``number``."""
    file, state = folder / "sandbox.yml", load(Places(NAME))
    if not file.exists() or len(state.nodes) < number or FIRST in state.nodes:
        return None
    return _farm(folder, state)


def _farm(folder: Path, state: State) -> Farm:
    addresses = {each.spec.name: each.address for each in state.nodes.values()}
    return Farm(folder, addresses, yaml.safe_load((folder / "sandbox.yml").read_text()))


def _freeze(places: Places, first: Node) -> Path:
    """Shut the first node down and set its changes aside. Returns their folder."""
    subprocess.run([*node.ssh(places, first.address), "sudo systemctl poweroff"], check=False, capture_output=True)
    deadline = time.monotonic() + _SHUTDOWN
    while processes.supervisors(places, FIRST):
        if time.monotonic() > deadline:
            raise HostError("the first node does not shut down")
        time.sleep(0.2)
    folder, frozen = places.nodes / FIRST, places.home / "frozen"
    unmount_under(folder)
    frozen.mkdir()
    for name in ("changes", "own"):
        (folder / name).rename(frozen / name)
    for key in (frozen / "changes/etc/ssh").glob("ssh_host_*"):
        key.unlink()  # each node gets its own
    node.remove(places, FIRST)
    return frozen


def _clones(places: Places, frozen: Path, state: State, number: int, say: Say) -> State:
    """Make and boot ``number`` nodes over the frozen one."""
    # One overlay can have several layers below it; the sandbox takes them as one image.
    image = f"{frozen}/changes:{IMAGES / state.nodes[FIRST].image}"
    made = State(state.subnet)
    for index in range(1, number + 1):
        address = networks.free_address(made.subnet, (each.address for each in made.nodes.values()))
        each = Node(NodeSpec(f"host{index:02}", SYSTEM, GPUS), image, address)
        say(f"Making {each.spec.name} of {number}")
        node.make(places, each)
        run(["cp", "--archive", f"{frozen}/own/.", places.nodes / each.spec.name / "own"])
        made = made.with_node(each)
        save(places, made)
        node.start(places, each)
        node.wait(places, each)
    return made
