"""Runs the checks of a plan's roles on the hosts of a session. Prints nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest
from pyinfra.api import Host

from labprov.engine.session import Failure, Session
from labprov.errors import LabprovError
from labprov.plan import Plan
from labprov.verify.backend import ConnectionBackend, host_over
from labprov.verify.checks import Check, Verdict
from labprov.verify.plugin import Coming, Subject, Verification
from labprov.verify.scout import scout

# pytest is used as a library: no configuration of the folder we happen to be in, no files, no terminal output. ``--tb``
# and ``--capture`` belong to plugins that stay.
_OPTIONS = (
    *("-p", "no:pytest11.testinfra", "-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler"),
    *("-p", "no:randomly", "-p", "no:xdist", "-p", "no:timeout", "-p", "no:hypothesispytest"),
    *("--import-mode=importlib", "--capture=sys", "-c", "/dev/null", "--rootdir=/"),
)


class Memory(Protocol):
    """What earlier verifications ran, by host and purpose."""

    def get(self, host: str, purpose: str) -> Sequence[str]:
        """The commands of last time."""

    def put(self, host: str, purpose: str, commands: Sequence[str]) -> None:
        """Remember those of this time."""


def verify(
    session: Session, plan: Plan, hosts: Collection[str], report: Callable[[Check], None], memory: Memory
) -> list[Check]:
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

    def run_ahead(coming: Mapping[str, Sequence[Coming]]) -> None:
        new = {name: [each for each in of_host if not memory.get(name, each.check)] for name, of_host in coming.items()}
        several = sum(1 for of_host in new.values() if of_host) > 1  # one host alone is asked as pytest goes on
        session.each(lambda host: _run_ahead(coming[host.name], memory), list(coming))
        if several:
            session.each(lambda host: _scout(new[host.name]), list(new))

    plugin = Verification(subjects, record, run_ahead)
    ended = pytest.main([*_OPTIONS, *map(str, subjects)], plugins=[plugin])
    if ended == pytest.ExitCode.INTERRUPTED:  # pytest keeps Ctrl-C to itself
        raise KeyboardInterrupt
    if plugin.errors:
        raise LabprovError(f"checks could not be loaded: {'; '.join(plugin.errors)}")
    if not plugin.collected:
        raise LabprovError("the roles have no checks: nothing was verified")
    _remember(subjects, plugin.settled, memory)
    return checks


def _run_ahead(coming: Sequence[Coming], memory: Memory) -> None:
    """Run what a host's checks ran last time, in one round trip."""
    subject = coming[0].subject
    subject.replay.fetch({each.check: memory.get(subject.host, each.check) for each in coming})


def _scout(coming: Sequence[Coming]) -> None:
    """Find out what a host's checks ask that are new there, with the answers."""
    # testinfra asks about a host's system once: its own host here, so that checks still ask when it is their turn.
    over = {id(each.subject): host_over(each.subject.testinfra_host.backend) for each in coming}
    for each in coming:
        with each.subject.replay.scouting(each.check):
            scout(each.item, {"host": over[id(each.subject)], "settings": each.subject.settings})


def _remember(subjects: Mapping[Path, list[Subject]], settled: Collection[tuple[str, str]], memory: Memory) -> None:
    """Keep what checks ran that passed or skipped; what a failed one ran before it gave up is not what it will run."""
    for subject in (subject for of_role in subjects.values() for subject in of_role):
        for check, commands in subject.replay.ran.items():
            memory.put(subject.host, check, commands if (subject.host, check) in settled else [])


def _subjects(
    session: Session, plan: Plan, hosts: Collection[str], record: Callable[[Check], None]
) -> dict[Path, list[Subject]]:
    skipped = session.each(lambda host: _skip_reasons(plan, host), [name for name in session.hosts if name in hosts])
    backends = {name: ConnectionBackend(name, session.connection(session.hosts[name])) for name in skipped}
    subjects: dict[Path, list[Subject]] = defaultdict(list)
    for step in plan.steps:
        path = step.role.verify_file.resolve()
        for name, settings in step.hosts:
            reasons = skipped.get(name)
            if reasons is None:
                continue
            if isinstance(reasons, Failure):
                record(Check(name, step.role.name, "host can be checked", Verdict.FAILED, str(reasons.error)))
            elif reason := reasons.get(step.role.name):
                record(Check(name, step.role.name, "all checks", Verdict.SKIPPED, reason))
            else:
                backend = backends[name]
                over = host_over(backend)
                subjects[path].append(Subject(step.role.name, name, over, backend.replay, settings, path.read_bytes()))
    return subjects


def _skip_reasons(plan: Plan, host: Host) -> dict[str, str]:
    """Role -> why the host does not get it, for the roles that it does not get."""
    reasons = {role.name: role.skip_reason(settings) for role, settings in plan.of_host(host.name)}
    return {name: reason for name, reason in reasons.items() if reason}
