"""Why an operation failed, in one line, from what package managers really say."""

from __future__ import annotations

import pytest
from pyinfra.connectors.util import CommandOutput, OutputLine

from labprov.engine.recorder import _reason

APT = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)"
# dnf 4.14, with exit_on_lock
LOCKED = """RPMDB already locked by 21862
  The application with PID 21862 is: dnf
    Memory :  59 M RSS (116 MB VSZ)
    Started: Sun Nov 22 15:15:32 2026 - 00:04 ago
    State  : Sleeping
"""
NOTHING_PROVIDES = """Error:
 Problem: conflicting requests
  - nothing provides dkms >= 3 needed by kmodx-1-1.noarch
"""
CONFLICT = """Error:
 Problem: package a-1 conflicts with b provided by b-1
  - package b-1 conflicts with a provided by a-1
  - cannot install the best candidate for the job
  - conflicting requests
"""
UNSIGNED = """Package lib-1.0-1.noarch.rpm is not signed
Error: GPG check FAILED
"""


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (APT, APT.removeprefix("E: ")),
        (LOCKED, "RPMDB already locked by 21862 The application with PID 21862 is: dnf"),
        (
            NOTHING_PROVIDES,
            "Problem: conflicting requests - nothing provides dkms >= 3 needed by kmodx-1-1.noarch",
        ),
        (
            CONFLICT,
            "Problem: package a-1 conflicts with b provided by b-1 - package b-1 conflicts with a provided by a-1",
        ),
        (UNSIGNED, "Error: GPG check FAILED"),
        ("Error: Unable to find a match: docker-ce-99.*", "Error: Unable to find a match: docker-ce-99.*"),
    ],
)
def test_the_line_that_tells(said: str, reason: str) -> None:
    output = CommandOutput([OutputLine("stdout", "Dependencies resolved.")])
    output.combined_lines += [OutputLine("stderr", line) for line in said.splitlines()]
    assert _reason(output, [], []) == reason
