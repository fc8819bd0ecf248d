"""How to reach a host. What the engine knows of an inventory, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Target:
    """One host and its connection."""

    name: str
    address: str
    port: int | None = None
    """None: what ``~/.ssh/config`` says, else 22."""
    user: str | None = None
    """None: what ``~/.ssh/config`` says, else the local user."""
    key: Path | None = None
    """A private key file; None: the agent and ``~/.ssh``."""
    sudo: bool = False
    known_hosts: Path | None = None
    """None: what ``~/.ssh/config`` says, else ``~/.ssh/known_hosts``."""
    host_keys: Literal["strict", "accept-new"] = "strict"
    jump: str | None = None
    """A jump host as ssh's ProxyJump takes it."""
    connect_timeout: float = 10.0
    """Seconds."""


def pyinfra_data(target: Target) -> dict[str, Any]:
    """The target as pyinfra's host data; host keys are strict there too."""
    optional = {
        "ssh_port": target.port,
        "ssh_user": target.user,
        "ssh_key": target.key and str(target.key),
        "ssh_known_hosts_file": target.known_hosts and str(target.known_hosts),
    }
    data = {
        "ssh_hostname": target.address,
        "ssh_strict_host_key_checking": "yes" if target.host_keys == "strict" else "accept-new",
        "_sudo": target.sudo,
    }
    return data | {key: value for key, value in optional.items() if value is not None}
