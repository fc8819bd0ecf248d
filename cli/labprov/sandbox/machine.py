"""What a node must know too of how this machine reaches its registries: host names, pip settings. Reads only."""

from __future__ import annotations

import configparser
from pathlib import Path

_PIP_KEYS = ("cert", "index-url", "proxy", "trusted-host", "timeout")


def extra_hosts(file: Path = Path("/etc/hosts")) -> str:
    """The lines of ``/etc/hosts`` that name other hosts (no loopback, link-local or multicast addresses)."""
    lines = [line for line in file.read_text().splitlines() if line.split("#")[0].split()]
    own = ("127.", "::1", "fe", "ff", "0.0.0.0")  # noqa: S104 (compared, not bound)
    return "".join(f"{line}\n" for line in lines if not line.strip().startswith(own))


def pip_settings(file: Path = Path("/etc/pip.conf")) -> str:
    """The settings in ``/etc/pip.conf`` that say how an index is reached, none with a password; may be empty."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    if not parser.read(file) or not parser.has_section("global"):
        return ""
    pairs = [(key, parser["global"][key]) for key in _PIP_KEYS if key in parser["global"]]
    lines = [f"{key} = {value}" for key, value in pairs if "@" not in value]
    return "[global]\n" + "\n".join(lines) + "\n" if lines else ""
