"""What the tests of the sandbox's hosts share: a reboot, what a sandbox leaves on the machine, programs to kill."""

from __future__ import annotations

import subprocess
import time

BOOT = "cat /proc/sys/kernel/random/boot_id"


def reboot(ssh, hosts, node):
    before = ssh(hosts, node, BOOT).stdout
    ssh(hosts, node, "sudo systemctl reboot", check=False)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = ssh(hosts, node, f"{BOOT} && systemctl is-system-running --wait", check=False).stdout
        if now and not now.startswith(before):
            return now.split()[1]
        time.sleep(0.2)
    raise AssertionError(f"{node} did not come back")


def traces(name: str) -> list[str]:
    """Everything on this machine that bears the sandbox's name: links, mounts, rules, processes, cgroups, files."""
    commands = (["ip", "-o", "link"], ["cat", "/proc/self/mountinfo"], ["iptables-save"], ["ps", "axww", "-o", "args="])
    text = "".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands)
    folders = ("/sys/fs/cgroup", "/run/systemd/nspawn", "/var/lib/labprov")
    for folder in folders:
        text += subprocess.run(
            ["find", folder, "-maxdepth", "3", "-name", f"*{name}*"], capture_output=True, text=True
        ).stdout
    return [line for line in text.splitlines() if name in line and "pytest" not in line]


UP = """
import sys
from pathlib import Path
from labprov.sandbox import NodeSpec, up
nodes = [NodeSpec("n1", "debian-12", (("A100", 1),)), NodeSpec("n2", "debian-13")]
up(nodes, Path(sys.argv[1]), print, name=sys.argv[2])
"""
"""Brings up two hosts; it is killed on the way."""

BUILD = """
import sys
from pathlib import Path
from labprov.sandbox import image
image.IMAGES = Path(sys.argv[1])
image.ensure("debian-13", print)
"""
"""Builds an image into a folder of its own; it is killed on the way."""
