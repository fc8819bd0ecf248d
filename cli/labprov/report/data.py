"""A run as JSON: the same records as the text, for programs. The keys are documented in docs/reports.md."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from labprov.report.summary import Run, exit_code

VERSION = 1
"""Raised when a key changes its meaning or goes."""


def as_data(run: Run) -> dict[str, Any]:
    """The run as plain dicts and lists."""
    return {
        "version": VERSION,
        "deploy": run.deploy,
        "simulation": run.simulation,
        "exit_code": exit_code(run),
        "hosts": [asdict(host) for host in run.hosts],
        "lock": list(run.lock),
        "plan": [asdict(outcome) for outcome in run.planned],
        "outcomes": [asdict(outcome) for outcome in run.applied],
        "checks": [asdict(check) for check in run.checks],
    }


def as_json(run: Run) -> str:
    """The run as indented JSON text."""
    return json.dumps(as_data(run), indent=2, ensure_ascii=False)
