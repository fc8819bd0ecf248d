"""How to reach a host. What the engine knows of an inventory, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


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
