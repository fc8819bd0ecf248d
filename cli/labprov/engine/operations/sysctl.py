"""Kernel parameters: one file of ours in /etc/sysctl.d, and the running kernel. Not modules, not boot options.

pyinfra 3.10's ``server.sysctl`` looks for ``key = value`` and not for the key, so that with ``persist=True`` each new
value is one more line in /etc/sysctl.conf (or replaces one that begins alike: 1 and 10); Debian 13 no longer reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyinfra import host
from pyinfra.api import QuoteString, StringCommand, operation
from pyinfra.api.exceptions import OperationValueError

from labprov.engine.facts.sysctl import KernelParameters
from labprov.engine.operations import Commands, dropin

FOLDER = "/etc/sysctl.d"

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_/-]*(\.[A-Za-z0-9_][A-Za-z0-9_/-]*)+")
_VALUE = re.compile(r"[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*")


@operation()
def parameters(slug: str, values: Mapping[str, str | int]) -> Commands:
    """Set kernel parameters, now and at every boot. The file holds these and nothing else.

    + slug: the file's name without ``.conf``; a later name wins, so ``90-gpu`` rather than ``gpu``
    + values: key -> value; all fields of a value that has several (``4096 131072 6291456``). None: no file

    What is no longer named keeps its value until the next boot. Raises OperationValueError for what would be another
    line or another file.
    """
    wanted = checked(values)
    yield from dropin.write(FOLDER, slug, [f"{key} = {value}" for key, value in wanted.items()])
    live: dict[str, str] = host.get_fact(KernelParameters, keys=tuple(wanted))
    for key, value in wanted.items():
        if live.get(key) != value:
            yield StringCommand("sysctl -q -w --", QuoteString(f"{key}={value}"))
    host.noop(f"{FOLDER}/{slug}.conf and the running kernel are as asked for")


def checked(values: Mapping[str, str | int]) -> dict[str, str]:
    """Return the values as text, sorted by key, fields parted by one space. Raises OperationValueError."""
    for key, value in values.items():
        if not _KEY.fullmatch(key):
            raise OperationValueError(f"{key!r} should be a kernel parameter, like vm.swappiness")
        if not _VALUE.fullmatch(str(value)):
            raise OperationValueError(f"{key} should be one line of text, got {value!r}")
    return {key: " ".join(str(values[key]).split()) for key in sorted(values)}
