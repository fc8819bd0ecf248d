"""One case to be measured: so many hosts, so far away. Writes the inventory files of every contestant for it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench import farm as farms
from bench.farm import Farm
from labprov.engine.batch import script
from labprov.engine.learned import Learned
from labprov.engine.session import WHO
from labprov.engine.together import together

DEPLOY = Path("deploys/gpu_node.py")
_NONCE = "0123456789abcdef" * 2
_PROXY_PORT = 2222
MANAGED = (
    *("/etc/apt/apt.conf.d/80labprov", "/etc/modprobe.d/labprov-nvidia-driver.conf", "/etc/docker/daemon.json"),
    *("/etc/profile.d/cuda.sh", "/etc/profile.d/labprov-conda.sh", "/opt/conda/condarc.d/labprov.yml"),
    *(f"/etc/apt/preferences.d/{name}.pref" for name in ("nvidia-driver", "nvidia-other-drivers")),
    "/etc/apt/preferences.d/nvidia-container-toolkit.pref",
    *(f"/etc/apt/keyrings/{name}.asc" for name in ("nvidia-cuda", "docker", "nvidia-container-toolkit")),
    *(f"/etc/apt/sources.list.d/{name}.sources" for name in ("nvidia-cuda", "docker", "nvidia-container-toolkit")),
)
"""What the roles write, for the playbook to compare with."""


@dataclass(frozen=True)
class Ground:
    """A case, and its files."""

    farm: Farm
    hosts: tuple[str, ...]
    delay_ms: int
    """Added to each round trip, in milliseconds."""
    folder: Path

    @property
    def state(self) -> Path:
        """Where labprov keeps what it learned in this case."""
        return self.folder / "state"

    @property
    def inventory(self) -> Path:
        """The one for labprov."""
        return self.folder / "labprov.yml"

    @property
    def targets(self) -> Path:
        """The one for the floors."""
        return self.folder / "targets.json"

    @property
    def ansible(self) -> Path:
        """The one for Ansible."""
        return self.folder / "ansible.yml"

    @property
    def files(self) -> Path:
        """The managed files, for the playbook."""
        return self.farm.folder / "files"

    @property
    def facts(self) -> Path:
        """The script of labprov's fact commands; ``{host}`` in its name."""
        return self.folder / "facts-{host}.sh"

    def write_facts(self) -> dict[str, int]:
        """Write what labprov has learned to ask in this case as one script a host. Returns host -> commands."""
        learned = Learned(f"{self.inventory.resolve()} {DEPLOY.resolve()}", self.state / "labprov")
        numbers = {}
        for host in self.hosts:
            commands = [question.command for question in together([WHO, *learned.get(host, "facts")])]
            Path(str(self.facts).format(host=host)).write_bytes(script(commands, _NONCE))
            numbers[host] = len(commands)
        return numbers


@contextmanager
def ground(farm: Farm, number: int, delay_ms: int) -> Iterator[Ground]:
    """Write the files for the first ``number`` hosts; within it a proxy adds the delay."""
    folder = (farm.folder / f"{number}-hosts-{delay_ms}-ms").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    made = Ground(farm, tuple(farm.addresses)[:number], delay_ms, folder)
    places = _places(made)
    _write(made, places)
    if not delay_ms:
        yield made
        return
    routes = [f"{address}:{port}={farm.addresses[host]}:22" for host, (address, port) in places.items()]
    proxy = subprocess.Popen([sys.executable, "-m", "bench.delay", str(delay_ms / 1000), *routes])
    try:
        _wait_for(*places[made.hosts[-1]])
        yield made
    finally:
        proxy.terminate()
        proxy.wait()


def fetch_managed(farm: Farm) -> None:
    """Copy the managed files of one host to this side."""
    host = next(iter(farm.addresses))
    for path in MANAGED:
        copy = farm.folder / "files" / path[1:]
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(farms.on(host, f"cat {path}"))
        copy.chmod(0o644)


def _places(made: Ground) -> dict[str, tuple[str, int]]:
    """Host -> where it is reached: itself, or a loopback address of the proxy."""
    if not made.delay_ms:
        return {host: (made.farm.addresses[host], 22) for host in made.hosts}
    return {host: (f"127.0.78.{index}", _PROXY_PORT) for index, host in enumerate(made.hosts, 1)}


def _write(made: Ground, places: dict[str, tuple[str, int]]) -> None:
    keys, known = made.farm.host_keys, made.folder / "known_hosts"
    names = {host: place[0] if place[1] == 22 else f"[{place[0]}]:{place[1]}" for host, place in places.items()}
    known.write_text("".join(f"{names[host]} {keys[made.farm.addresses[host]]}\n" for host in made.hosts))
    common = made.farm.inventory
    own = {host: {"address": address, "port": port} for host, (address, port) in places.items()}
    inventory = {**common, "known_hosts": str(known), "groups": {"gpu": {"hosts": list(made.hosts)}}, "hosts": own}
    made.inventory.write_text(yaml.safe_dump(inventory, sort_keys=False))
    shared: dict[str, Any] = {"user": common["user"], "key": common["key"], "known_hosts": str(known)}
    made.targets.write_text(json.dumps([{"name": host} | own[host] | shared for host in made.hosts]))
    _write_ansible(made, places, known)


def _write_ansible(made: Ground, places: dict[str, tuple[str, int]], known: Path) -> None:
    hosts = {host: {"ansible_host": address, "ansible_port": port} for host, (address, port) in places.items()}
    group = {
        "ansible_user": made.farm.inventory["user"],
        "ansible_ssh_private_key_file": str(made.farm.key),
        "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={known}",
        "files": str(made.files.absolute()),
    }
    made.ansible.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": group}}, sort_keys=False))


def _wait_for(address: str, port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection((address, port), timeout=5).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise RuntimeError(f"the delay proxy does not listen at {address}:{port}")


def counted(made: Ground) -> Sequence[int]:
    """How many ssh commands each host has been given until now."""
    return [made.farm.commands_seen(host) for host in made.hosts]
