"""Where a sandbox keeps its things on this machine. Paths only; nothing is created here.

The cache (images, vendor mirror) is shared by all sandboxes and outlives them; everything else goes with ``down``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CACHE = Path("/var/cache/labprov/sandbox")
"""Images, the vendor mirror and the locks: kept when a sandbox goes."""

STATE = Path("/var/lib/labprov/sandbox")
"""One folder a sandbox."""

RUNTIME = Path("/run/labprov-sandbox")
"""What is true only until this machine is restarted (how IP forwarding was before us)."""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of the sandbox called ``name``."""

    name: str

    @property
    def home(self) -> Path:
        """Everything of this sandbox that ``down`` removes."""
        return STATE / self.name

    @property
    def state(self) -> Path:
        """What this sandbox consists of (JSON)."""
        return self.home / "state.json"

    @property
    def key(self) -> Path:
        """The private ssh key that every node lets in as ``admin``."""
        return self.home / "key"

    @property
    def known_hosts(self) -> Path:
        """The nodes' host keys, in the form of OpenSSH."""
        return self.home / "known_hosts"

    @property
    def nodes(self) -> Path:
        """One folder a node."""
        return self.home / "nodes"

    @property
    def lock(self) -> Path:
        """Held while this sandbox is being changed; it lies in the cache because the home comes and goes."""
        return CACHE / f"{self.name}.lock"

    @property
    def bridge(self) -> str:
        """The network bridge's name (at most 15 characters)."""
        return f"lps-{self.name}"

    @property
    def mark(self) -> str:
        """The comment on every firewall rule of this sandbox."""
        return f"labprov-sandbox-{self.name}"
