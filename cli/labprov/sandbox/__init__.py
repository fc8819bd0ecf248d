"""Throw-away hosts on this machine, with simulated GPUs and stand-ins for the vendors' repositories.

The hosts are real: Debian with systemd, sshd, apt and Docker in a container of its own network (systemd-nspawn). Their
GPUs, their kernel's packages and the vendors' packages are simulations, and say so. Nothing here configures a host.

>>> from labprov.sandbox import NodeSpec, down, up
>>> up([NodeSpec("node1", "debian-13", (("A100", 2),))], Path("inventories/sandbox.yml"), print)
>>> down(print)
"""

from labprov.sandbox.control import down, listing, ssh_command, up
from labprov.sandbox.spec import NodeInfo, NodeSpec, Sandbox

__all__ = ["NodeInfo", "NodeSpec", "Sandbox", "down", "listing", "ssh_command", "up"]
