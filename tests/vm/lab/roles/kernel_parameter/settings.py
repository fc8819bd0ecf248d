"""What can be set about the kernel's parameters."""

from labprov.role import RoleSettings


class Settings(RoleSettings):
    """One parameter."""

    parameter: str = "labprov.test=1"
    """As it stands in /proc/cmdline."""
