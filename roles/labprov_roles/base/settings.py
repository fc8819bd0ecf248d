"""What can be set about the everyday tools, the clock and apt's patience. Not what differs between systems."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from labprov.role import RoleSettings
from labprov.types import Hostname, PackageName, Timezone

Utf8Locale = Annotated[str, StringConstraints(pattern=r"^(C|[a-z]{2,3}_[A-Z]{2})\.UTF-8$")]
"""A UTF-8 locale, like ``en_GB.UTF-8`` or ``C.UTF-8``."""

TOOLS = (
    "ca-certificates",
    "curl",
    "git",
    "gnupg",
    "htop",
    "less",
    "lsof",
    "pciutils",
    "rsync",
    "tmux",
    "unzip",
    "vim",
    "wget",
)


class Settings(RoleSettings):
    """Everyday tools, time synchronisation, and a package manager that waits for its lock."""

    packages: tuple[PackageName, ...] = TOOLS
    """The tools that every server gets, by Debian's package names (RHEL's other names for `gnupg` and `vim` are known;
    `htop` is left out there unless `epel` is set). Replaces the whole list; see `extra_packages`."""
    extra_packages: tuple[PackageName, ...] = ()
    """Packages in addition to `packages`, like `build-essential`, `jq` or `zsh`."""
    epel: bool = False
    """On RHEL and its rebuilds: add Fedora's EPEL, which has `htop` and much else that RHEL has not."""
    timezone: Timezone | None = None
    """Time zone, like `Europe/Berlin`; left as it is when not set."""
    locale: Utf8Locale | None = None
    """Language of new sessions (`LANG`), like `en_GB.UTF-8`; left as it is when not set."""
    ntp: bool = True
    """Keep the clock right over the network. A chrony, ntp, ntpsec or openntpd that is there stays; otherwise
    systemd-timesyncd does it. `false` leaves everything about the clock as it is."""
    ntp_servers: tuple[Hostname, ...] = ()
    """Time servers, first preferred (many campus networks block all but their own); the distribution's when empty."""
    guest_agent: bool = True
    """On a virtual machine, run the agent of what carries it: qemu-guest-agent (KVM, QEMU), open-vm-tools (VMware) or
    hyperv-daemons (Hyper-V). `false` leaves them as they are."""
    apt_lock_timeout: int = Field(default=300, ge=0, le=86_400)
    """Seconds that every apt on the server, also a person's own, waits for another one to finish instead of failing.
    (dnf waits by itself.)"""

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every package asked for, once, in the order given."""
        return tuple(dict.fromkeys((*self.packages, *self.extra_packages)))
