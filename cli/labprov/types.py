"""Value types of settings. Each accepts only what is safe to reach a command line or a configuration file.

pyinfra passes several operation arguments to the shell unquoted (modes, checksums, unit names, mount options),
so a value is validated by its type here, before any operation sees it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _no_control_characters(value: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("must be one line without control characters")
    return value


def _no_dot_dot(value: str) -> str:
    if ".." in value.split("/"):
        raise ValueError("must not contain '..'")
    return value


Line = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(_no_control_characters)]
"""One line of text, anything but control characters."""

AbsolutePath = Annotated[
    str, StringConstraints(pattern=r"^/[A-Za-z0-9._+@=/-]*$", max_length=4096), AfterValidator(_no_dot_dot)
]
"""A path on a server, from the root: letters, digits and ``. _ + @ = -``."""

UnixName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}\$?$")]
"""A user or group name as useradd accepts it."""

PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$", max_length=128)]
"""A package name of the distribution (Debian policy 5.6.1; rpm names in lower case fit too)."""

PackageVersion = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+:~-]*$", max_length=128)]
"""A package version of the distribution, epoch included."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hexadecimal."""

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{40}$")]
"""An OpenPGP v4 fingerprint: 40 hexadecimal digits in upper case, no spaces."""

Url = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9._~:/?#@!$&()*+,;=%\[\]-]+$", max_length=2048)]
"""An http or https URL."""

FileMode = Annotated[str, StringConstraints(pattern=r"^[0-7]{3,4}$")]
"""A file mode in octal digits, as a string: ``"0644"``."""

Timezone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", max_length=64)]
"""A name of the time zone database, like ``Europe/Berlin``."""

Hostname = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$", max_length=253)]
"""A host name or an IP address."""
