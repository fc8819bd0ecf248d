"""Value types of settings. Each accepts only what is safe to reach a command line or a configuration file.

pyinfra passes several operation arguments to the shell unquoted (modes, checksums, unit names, mount options),
so a value is validated by its type here, before any operation sees it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo


def _matching(pattern: str, what: str) -> AfterValidator:
    """A validator that says in words what a value should be; the pattern must match all of it."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"should be {what}")
        return value

    return AfterValidator(check)


def _refusing(found: Callable[[str], bool], message: str) -> AfterValidator:
    def check(value: str) -> str:
        if found(value):
            raise ValueError(message)
        return value

    return AfterValidator(check)


def _has_control(value: str) -> bool:
    return any(ord(char) < 32 or ord(char) == 127 for char in value)


def _goes_up(value: str) -> bool:
    return ".." in value.split("/")


Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096),
    _refusing(_has_control, "should be one line without control characters"),
]
"""One line of text, anything but control characters."""

AbsolutePath = Annotated[
    str,
    StringConstraints(max_length=4096),
    _matching(r"/[A-Za-z0-9._+@=/-]*", "an absolute path of letters, digits and . _ + @ = -"),
    _refusing(_goes_up, "should be a path without '..'"),
]
"""A path on a server, from the root: letters, digits and ``. _ + @ = -``."""

UnixName = Annotated[
    str, _matching(r"[a-z_][a-z0-9_-]{0,30}\$?", "a user or group name: small letters, digits, _ and -, at most 32")
]
"""A user or group name as useradd accepts it."""

PackageName = Annotated[
    str,
    StringConstraints(max_length=128),
    _matching(r"[a-z0-9][a-z0-9+.-]+", "a package name: small letters, digits and + . -"),
]
"""A package name of the distribution (Debian policy 5.6.1; rpm names in lower case fit too)."""

PackageVersion = Annotated[
    str,
    StringConstraints(max_length=128),
    _matching(r"[0-9A-Za-z][0-9A-Za-z.+:~-]*", "a package version: letters, digits and . + : ~ -"),
]
"""A package version of the distribution, epoch included."""

Sha256 = Annotated[str, _matching(r"[0-9a-f]{64}", "a SHA-256: 64 hexadecimal digits in lower case")]
"""A SHA-256 in lower-case hexadecimal."""

Fingerprint = Annotated[
    str, _matching(r"[0-9A-F]{40}", "an OpenPGP fingerprint: 40 hexadecimal digits in upper case, without spaces")
]
"""An OpenPGP v4 fingerprint: 40 hexadecimal digits in upper case, no spaces."""

Url = Annotated[
    str,
    StringConstraints(max_length=2048),
    _matching(r"https?://[A-Za-z0-9._~:/?#@!$&()*+,;=%\[\]-]+", "an http:// or https:// URL"),
]
"""An http or https URL."""

FileMode = Annotated[str, _matching(r"[0-7]{3,4}", 'a file mode in octal digits, like "0644"')]
"""A file mode in octal digits, as a string: ``"0644"``."""

Timezone = Annotated[
    str,
    StringConstraints(max_length=64),
    _matching(r"[A-Za-z0-9][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", "a time zone, like Europe/Berlin"),
]
"""A name of the time zone database, like ``Europe/Berlin``."""

Hostname = Annotated[
    str,
    StringConstraints(max_length=253),
    _matching(r"[A-Za-z0-9_:]([A-Za-z0-9_.:-]*[A-Za-z0-9_:])?", "a host name or an IP address"),
]
"""A host name or an IP address."""

LocalPath = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A path on the controller, as it is."""


def beside(value: Any, info: ValidationInfo) -> Any:
    """A path on the controller: a relative one from the folder of the file that names it."""
    folder = (info.context or {}).get("folder")
    return str(Path(folder) / value) if isinstance(value, str) and value and folder else value


BesideFile = Annotated[LocalPath, BeforeValidator(beside)]
"""A path on the controller; a relative one from the folder of the inventory."""


def _is_address(value: str) -> str:
    try:
        return str(ip_address("" if "%" in value else value))
    except ValueError:
        raise ValueError("should be an IP address, like 127.0.0.1 or ::1") from None


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):  # to Python, true is the number 1
        raise ValueError("should be a number")
    return value


IpAddress = Annotated[str, StringConstraints(max_length=45), AfterValidator(_is_address)]
"""An IPv4 or IPv6 address, without a zone."""

Port = Annotated[int, BeforeValidator(_no_truth), Field(ge=1, le=65535)]
"""A TCP port."""

MemorySize = Annotated[str, _matching(r"[1-9][0-9]{0,5}[MGT]", "an amount of memory, like 512M or 16G")]
"""An amount of memory: a whole number of M, G or T (powers of 1024)."""
