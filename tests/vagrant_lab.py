"""What tests of a Vagrantfile's machines share: a lab folder in which vagrant and ssh are stand-ins on the PATH.

The stand-ins write down that they were called, and print what they are told. No machine is started.
"""

from __future__ import annotations

from pathlib import Path

from labprov import inventory

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJstandin"


class Lab:
    """A lab folder with a Vagrantfile, an inventory of it, and stand-ins for vagrant and ssh."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port
        self.inventory = root / "inventories" / "vagrant.yml"
        self.folder = root / "vagrant"
        self.calls = root / "calls"
        self.states = {"gpu": "running", "docker": "not_created"}
        for folder in (self.inventory.parent, self.folder, root / "bin"):
            folder.mkdir()
        (self.folder / "Vagrantfile").write_text("# a stand-in reads nothing of this\n")
        self.inventory.write_text("vagrant: ../vagrant\nuser: admin\ngroups: {cards: {hosts: [gpu]}}\n")
        self.program("ssh", f"echo '{KEY} root@gpu'")
        self.create("gpu", "one")
        self.told()

    def program(self, name: str, script: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $1" >>{self.calls}\n{script}\n')
        path.chmod(0o755)

    def told(self) -> None:
        """Have the stand-in for vagrant say the states that are set."""
        lines = [f"1,{n},provider-name,libvirt\n1,{n},state,{state}\n" for n, state in self.states.items()]
        (self.root / "status").write_text("".join(lines))
        config = f"Host gpu\n  HostName 127.0.0.1\n  Port {self.port}\n  User vagrant\n  IdentityFile /k\n"
        (self.root / "config").write_text(config)
        self.program(
            "vagrant", f"case $1 in status) cat {self.root}/status;; ssh-config) cat {self.root}/config;; esac"
        )

    def create(self, name: str, identity: str) -> None:
        folder = self.folder / ".vagrant" / "machines" / name / "libvirt"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "id").write_text(identity)

    def asked(self) -> list[str]:
        """What was run since the last time."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines

    def load(self) -> inventory.Inventory:
        return inventory.load(self.inventory)

    def known_hosts(self) -> str:
        return (self.folder / ".vagrant/labprov/known_hosts").read_text()
