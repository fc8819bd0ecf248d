"""The sandbox's network: a bridge with a free subnet, forwarding, firewall rules with the sandbox's mark. Not DNS."""

from __future__ import annotations

import ipaddress
import json
import shlex
import zlib
from collections.abc import Iterable
from pathlib import Path

from labprov.errors import UserError
from labprov.sandbox import settings
from labprov.sandbox.places import Places
from labprov.sandbox.shell import run, succeeds

MIRROR_PORT = 8080
_CHAINS = (("nat", "POSTROUTING"), ("filter", "FORWARD"), ("filter", "INPUT"))
Network = ipaddress.IPv4Network


def choose_subnet(name: str, taken: Iterable[Network]) -> Network:
    """A /24 under 10.0.0.0/8 that overlaps none of ``taken``; the same one for the same name where it is free.

    10.0.0.0/8 because Docker inside the nodes takes its networks from the other private ranges. UserError when all
    are taken.
    """
    used = list(taken)
    start = zlib.crc32(name.encode())
    for step in range(4096):
        second, third = 200 + (start // 256 + step // 256) % 55, (start + step) % 256
        candidate = Network(f"10.{second}.{third}.0/24")
        if not any(candidate.overlaps(network) for network in used):
            return candidate
    raise UserError("no free subnet for the sandbox: all of 10.200.0.0 to 10.254.255.0 is in use on this machine")


def taken_networks() -> list[Network]:
    """The networks that this machine routes to, has an address in, or asks for names; the default route is none."""
    words = [route["dst"] for route in json.loads(run(["ip", "-4", "-j", "route", "show", "table", "all"]))]
    for interface in json.loads(run(["ip", "-4", "-j", "address"])):
        words += [f"{address['local']}/{address['prefixlen']}" for address in interface["addr_info"]]
    words += [server for server in nameservers() if ":" not in server]
    return [Network(word, strict=False) for word in words if word != "default"]


def nameservers() -> list[str]:
    """The name servers of this machine that a node can ask too (behind a local stub: the ones that the stub asks)."""
    found: list[str] = []
    for file in (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")):
        if file.exists():
            words = [line.split() for line in file.read_text().splitlines()]
            found += [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    reachable = [server for server in dict.fromkeys(found) if not server.startswith("127.") and server != "::1"]
    return reachable or found


def gateway(address: str) -> str:
    """The bridge's own address (the first one) in the /24 of ``address``."""
    return str(Network(f"{address.partition('/')[0]}/24", strict=False)[1])


def free_address(subnet: str, used: Iterable[str]) -> str:
    """The lowest address from .11 on that no node has."""
    taken = set(used)
    return next(str(Network(subnet)[number]) for number in range(11, 255) if str(Network(subnet)[number]) not in taken)


def up(places: Places, subnet: str) -> None:
    """Make the bridge, the forwarding and the rules, each only where it is not there yet."""
    if not succeeds(["ip", "link", "show", places.bridge]):
        run(["ip", "link", "add", places.bridge, "type", "bridge"])
    run(["ip", "address", "replace", f"{gateway(subnet)}/24", "dev", places.bridge])
    run(["ip", "link", "set", places.bridge, "up"])
    settings.ensure()
    for table, chain, rule in _rules(places, subnet):
        if not succeeds(["iptables", "-w", "-t", table, "-C", chain, *rule]):
            run(["iptables", "-w", "-t", table, "-I", chain, *rule])


def down(places: Places) -> list[str]:
    """Remove what ``up`` made but the kernel settings, which go back with the last sandbox; give what was removed."""
    removed = []
    for table, chain in _CHAINS:
        listed = ["iptables", "-w", "-t", table, "-S", chain]
        for rule in marked_rules(run(listed) if succeeds(listed) else "", places.mark):
            run(["iptables", "-w", "-t", table, "-D", chain, *rule])
            removed.append(f"firewall rule in {chain}")
    if succeeds(["ip", "link", "show", places.bridge]):
        run(["ip", "link", "delete", places.bridge])
        removed.append(f"bridge {places.bridge}")
    return removed


def marked_rules(listing: str, mark: str) -> list[list[str]]:
    """The rules in the output of ``iptables -S CHAIN`` with the comment ``mark``, as arguments after the chain."""
    words = [shlex.split(line) for line in listing.splitlines()]
    return [
        line[2:]
        for line in words
        if line[:1] == ["-A"] and "--comment" in line and line[line.index("--comment") + 1] == mark
    ]


def _rules(places: Places, subnet: str) -> list[tuple[str, str, list[str]]]:
    mark = ["-m", "comment", "--comment", places.mark]
    mirror = ["-p", "tcp", "--dport", str(MIRROR_PORT)]
    return [
        ("nat", "POSTROUTING", ["-s", subnet, "!", "-d", subnet, *mark, "-j", "MASQUERADE"]),
        ("filter", "FORWARD", ["-i", places.bridge, *mark, "-j", "ACCEPT"]),
        ("filter", "FORWARD", ["-o", places.bridge, *mark, "-j", "ACCEPT"]),
        ("filter", "INPUT", ["-i", places.bridge, *mirror, *mark, "-j", "ACCEPT"]),
    ]
