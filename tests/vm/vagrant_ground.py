"""What a whole run on a virtual machine needs of this one: packages, libvirt's daemons, room. Put back at the end."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from labprov.sandbox import requirements
from labprov.sandbox.shell import run, succeeds

PACKAGES = {
    "vagrant": "vagrant",
    "virsh": "libvirt-clients",
    "libvirtd": "libvirt-daemon-system",
    "virtlogd": "libvirt-daemon-system",
    "dnsmasq": "dnsmasq-base",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
}
PLUGIN = Path("/usr/share/doc/vagrant-libvirt")
MEMORY, ROOM = 4, 12
"""GiB that must be free, of memory and below /var."""
FIREWALLS = ("iptables", "ip6tables")
POOL, NETWORK = Path("/var/lib/libvirt/images"), "vagrant-libvirt"


def lack() -> str:
    """Why this machine cannot do it; empty when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux"
    if platform.machine() != "x86_64" or not shutil.which("apt-get"):
        return "needs Debian on x86_64: the box and QEMU's packages are made for it"
    if not Path("/dev/net/tun").exists():
        return "needs /dev/net/tun for the network of the virtual machine"
    rows = Path("/proc/meminfo").read_text().splitlines()
    if next(int(row.split()[1]) for row in rows if row.startswith("MemAvailable")) / 1024**2 < MEMORY:
        return f"needs {MEMORY} GiB of free memory"
    if shutil.disk_usage("/var").free / 1024**3 < ROOM:
        return f"needs {ROOM} GiB of free disk below /var"
    return ""


@contextmanager
def ground() -> Iterator[None]:
    """Packages installed (they stay), libvirt's daemons running; what was not there before goes at the end."""
    missing = {package for program, package in PACKAGES.items() if not shutil.which(program)}
    missing |= set() if PLUGIN.exists() else {"vagrant-libvirt"}
    requirements.install(sorted(missing), print)
    with ExitStack() as stack:
        if not any(_chains(program) for program in FIREWALLS):
            stack.callback(_remove_chains)
        for daemon in ("virtlogd", "libvirtd"):
            stack.enter_context(_daemon(daemon))
        before = _volumes()
        had_network = succeeds(["virsh", "net-info", NETWORK])
        stack.callback(_put_back, before, had_network)
        yield


@contextmanager
def _daemon(name: str) -> Iterator[None]:
    """A daemon of libvirt for as long as it is needed, unless it runs or systemd starts it when it is asked."""
    if succeeds(["pgrep", "-x", name]) or Path("/run/systemd/system").is_dir():
        yield
        return
    started = subprocess.Popen([name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while name == "libvirtd" and not succeeds(["virsh", "-c", "qemu:///system", "uri"]):
            assert time.monotonic() < deadline and started.poll() is None, f"{name} does not start"
            time.sleep(0.5)
        yield
    finally:
        started.terminate()
        started.wait(30)


def _volumes() -> set[Path]:
    return set(POOL.glob("*"))


def _put_back(before: set[Path], had_network: bool) -> None:
    for volume in _volumes() - before:
        if not succeeds(["virsh", "vol-delete", "--pool", "default", volume.name]):
            volume.unlink(missing_ok=True)
    if not had_network and succeeds(["virsh", "net-info", NETWORK]):
        run(["virsh", "net-destroy", NETWORK])
        run(["virsh", "net-undefine", NETWORK])


def _chains(program: str) -> list[tuple[str, str]]:
    """Table and chain of what libvirt added; nothing where there is no such firewall."""
    return [(table, line[1:].split()[0]) for table, line in _rules(program) if line.startswith(":LIBVIRT_")]


def _rules(program: str) -> list[tuple[str, str]]:
    try:
        saved = subprocess.run([f"{program}-save"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return []
    table, rules = "", []
    for line in saved.splitlines():
        table = line[1:] if line.startswith("*") else table
        rules.append((table, line))
    return rules


def _remove_chains() -> None:
    """Libvirt leaves its chains, and the rules that lead there, when its daemon ends."""
    for program in FIREWALLS:
        for table, line in _rules(program):
            if line.startswith("-A ") and "-j LIBVIRT_" in line:
                run([program, "-t", table, "-D", *line.split()[1:]])
        for how in ("-F", "-X"):
            for table, chain in _chains(program):
                run([program, "-t", table, how, chain])
