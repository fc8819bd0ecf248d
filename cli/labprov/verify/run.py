"""Runs the checks of a plan's roles on the hosts of a session. Prints nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from pyinfra.api import Host

from labprov.engine.session import Failure, Session
from labprov.errors import LabprovError
from labprov.plan import Plan
from labprov.verify.backend import host_over
from labprov.verify.checks import Check, Verdict
from labprov.verify.plugin import Subject, Verification

# pytest is used as a library: no configuration of the folder we happen to be in, no files, no terminal output. ``--tb``
# and ``--capture`` belong to plugins that stay.
_OPTIONS = (
    *("-p", "no:pytest11.testinfra", "-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler"),
    *("-p", "no:randomly", "-p", "no:xdist", "-p", "no:timeout", "-p", "no:hypothesispytest"),
    *("--import-mode=importlib", "--capture=sys", "-c", "/dev/null", "--rootdir=/"),
)


def verify(session: Session, plan: Plan, hosts: Collection[str], report: Callable[[Check], None]) -> list[Check]:
    """Check every role of the plan on ``hosts`` (names), reporting each check as it ends. Returns all of them.

    Raises LabprovError when a role's checks cannot be loaded.
    """
    checks: list[Check] = []

    def record(check: Check) -> None:
        checks.append(check)
        report(check)

    subjects = _subjects(session, plan, hosts, record)
    if not subjects:
        return checks
    plugin = Verification(subjects, record)
    pytest.main([*_OPTIONS, *map(str, subjects)], plugins=[plugin])
    if plugin.errors:
        raise LabprovError(f"checks could not be loaded: {'; '.join(plugin.errors)}")
    if not plugin.collected:
        raise LabprovError("the roles have no checks: nothing was verified")
    return checks


def _subjects(
    session: Session, plan: Plan, hosts: Collection[str], record: Callable[[Check], None]
) -> dict[Path, list[Subject]]:
    skipped = session.each(lambda host: _skip_reasons(plan, host), [name for name in session.hosts if name in hosts])
    subjects: dict[Path, list[Subject]] = defaultdict(list)
    for step in plan.steps:
        for name, settings in step.hosts:
            reasons = skipped.get(name)
            if reasons is None:
                continue
            if isinstance(reasons, Failure):
                record(Check(name, step.role.name, "host can be checked", Verdict.FAILED, str(reasons.error)))
            elif reason := reasons.get(step.role.name):
                record(Check(name, step.role.name, "all checks", Verdict.SKIPPED, reason))
            else:
                over = host_over(name, session.connection(session.hosts[name]))
                subjects[step.role.verify_file.resolve()].append(Subject(step.role.name, name, over, settings))
    return subjects


def _skip_reasons(plan: Plan, host: Host) -> dict[str, str]:
    """Role -> why the host does not get it, for the roles that it does not get."""
    reasons = {role.name: role.skip_reason(settings) for role, settings in plan.of_host(host.name)}
    return {name: reason for name, reason in reasons.items() if reason}
