"""What can be set for the NVIDIA Container Toolkit."""

from __future__ import annotations

from labprov.role import RoleSettings
from labprov.types import PackageVersion


class Settings(RoleSettings):
    """NVIDIA Container Toolkit."""

    version: PackageVersion | None = None
    """Exact version of its four packages, like ``1.20.0-1``; not set: what is installed, or the newest."""
    hold: bool = True
    """Keep unattended upgrades away from its packages: new versions have changed how containers get GPUs."""
    cdi: bool = True
    """Let containers ask for GPUs by CDI (``docker run --device nvidia.com/gpu=all``), the way that survives
    ``systemctl daemon-reload``. Needs Docker 25; older engines do without, and have the ``nvidia`` runtime only."""
    default_runtime: bool = False
    """Make ``nvidia`` the runtime of every container, also of those that do not ask for a GPU."""
    dev_char_links: bool = False
    """Make the links /dev/char/MAJOR:MINOR of GPUs, which some versions of runc need so that containers keep them over
    ``systemctl daemon-reload``. Newer drivers make them themselves."""
    force: bool = False
    """Install on a server without an NVIDIA GPU too."""
