"""What this machine must have to carry nodes: Linux, a root that may mount, and Debian's tools, which apt brings."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from labprov.errors import HostError, UserError
from labprov.sandbox.shell import environment, run

ALTERNATIVES = "use Vagrant (vagrant/README.md) or an inventory of your own servers instead"

PROGRAMS: dict[str, str] = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "iptables": "iptables",
    "mount": "mount",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "dpkg-deb": "dpkg",
}
"""The programs that the sandbox runs, and the Debian package that brings each."""

FILES: dict[str, str] = {"/usr/share/keyrings/debian-archive-trixie-stable.gpg": "debian-archive-keyring"}
"""The files that it reads, and the package that brings each (an old keyring package lacks the newer release's key)."""


def ensure(say: Callable[[str], None]) -> None:
    """See to everything that a sandbox needs; UserError where that cannot be, HostError when apt fails."""
    if sys.platform != "linux":
        raise UserError("the sandbox needs Linux", hint=ALTERNATIVES)
    require_root()
    if missing := missing_capabilities(Path("/proc/self/status").read_text()):
        raise UserError(f"root lacks {', '.join(missing)} here (an unprivileged container?)", hint=ALTERNATIVES)
    packages = missing_packages()
    if packages and not shutil.which("apt-get"):
        raise UserError(f"the sandbox needs apt to install {' '.join(packages)}", hint=ALTERNATIVES)
    install(packages, say)
    if "overlay" not in Path("/proc/filesystems").read_text():
        run(["modprobe", "overlay"])


def require_root() -> None:
    """Raise UserError unless this process is root."""
    if os.geteuid() != 0:
        raise UserError("the sandbox needs root: it boots whole hosts", hint=f"run it by sudo, or {ALTERNATIVES}")


def missing_capabilities(status: str) -> list[str]:
    """The rights needed to boot nodes that a process lacks, by the text of its ``/proc/PID/status``."""
    effective = next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:")), 0)
    return [name for name, bit in (("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21)) if not effective >> bit & 1]


def missing_packages() -> list[str]:
    """The Debian packages that this machine lacks, sorted."""
    path = environment()["PATH"]
    programs = {package for program, package in PROGRAMS.items() if not shutil.which(program, path=path)}
    return sorted(programs | {package for file, package in FILES.items() if not Path(file).exists()})


def install(packages: Iterable[str], say: Callable[[str], None]) -> None:
    """Install ``packages`` by apt, saying so; nothing happens for an empty list. HostError when apt cannot."""
    names = list(packages)
    if not names:
        return
    say(f"Installing on this machine: {' '.join(names)}")
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    try:
        run([*apt, "update"])
    except HostError:
        say("apt-get update failed; trying with the package lists that are there")
    run([*apt, "install", "--no-install-recommends", *names])
