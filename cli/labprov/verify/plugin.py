"""The pytest plugin of a verification: parametrises each check over the hosts that have its role, and collects results.

A check may use the fixtures ``host`` (testinfra) and ``settings`` (the role's), and everything pytest itself offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from _pytest.runner import runtestprotocol

from labprov.role import RoleSettings
from labprov.verify.checks import Check, Verdict
from labprov.verify.replay import Replay, key


@dataclass(frozen=True)
class Subject:
    """One role on one host, to be checked."""

    role: str
    host: str
    testinfra_host: Any
    replay: Replay
    settings: RoleSettings
    source: bytes
    """The text of the role's verify.py."""

    def key(self, check: str) -> str:
        """What names a check of this role as it is written now."""
        return key(self.role, check, self.source)


@dataclass(frozen=True)
class Coming:
    """A check that is about to be run."""

    subject: Subject
    check: str
    """Its key."""
    item: pytest.Function


class Verification:
    """The plugin object; ``subjects`` maps a role's verify.py to what it is to be run on."""

    def __init__(
        self,
        subjects: Mapping[Path, list[Subject]],
        report: Callable[[Check], None],
        prepare: Callable[[Mapping[str, Sequence[Coming]]], None],
    ) -> None:
        self.subjects, self.report, self.prepare = subjects, report, prepare
        self.collected = 0
        self.settled: set[tuple[str, str]] = set()
        """Host and check (its key) of those that passed or skipped."""
        self.errors: list[str] = []

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each check once a host that has the role."""
        subjects = self.subjects[Path(str(metafunc.definition.path))]
        metafunc.parametrize("subject", subjects, ids=[s.host for s in subjects], scope="session")
        if "subject" not in metafunc.fixturenames:
            metafunc.fixturenames.append("subject")

    @pytest.fixture(scope="session")
    def host(self, subject: Subject) -> Any:
        """The host, for testinfra."""
        return subject.testinfra_host

    @pytest.fixture(scope="session")
    def settings(self, subject: Subject) -> RoleSettings:
        """The role's settings on that host."""
        return subject.settings

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A verify.py that cannot be imported must not look like one without checks."""
        if report.failed:
            self.errors.append(f"{report.nodeid}: {_last_line(report.longrepr)}")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Role by role, host by host; pytest itself would follow the scopes of fixtures."""
        order = {(s.role, s.host): n for n, s in enumerate(s for of_role in self.subjects.values() for s in of_role)}
        items.sort(key=lambda item: order[subject_of(item).role, subject_of(item).host])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the checks (a verification of nothing is no verification), and let their commands run ahead."""
        self.collected = len(session.items)
        checks: dict[str, list[Coming]] = {}
        for item in session.items:
            subject = subject_of(item)
            coming = Coming(subject, subject.key(item.name), cast(pytest.Function, item))
            checks.setdefault(subject.host, []).append(coming)
        self.prepare(checks)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run one check. What fails on answers that were fetched ahead is asked again, live, before it counts."""
        subject, check = subject_of(item), subject_of(item).key(item.name)
        subject.replay.begin(check)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if any(report.failed for report in reports) and subject.replay.was_ahead(check):
            subject.replay.begin(check)
            cast(pytest.Function, item)._initrequest()
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        for report in reports:
            if report.when == "call" or report.outcome != "passed":
                self.report(_check(cast(pytest.Function, item), report))
        if not any(report.failed for report in reports):
            self.settled.add((subject.host, check))
        return True


def subject_of(item: pytest.Item) -> Subject:
    """The role and host that a collected check is for."""
    return cast(Subject, cast(pytest.Function, item).callspec.params["subject"])


def _check(item: pytest.Function, report: pytest.TestReport) -> Check:
    subject = subject_of(item)
    name = item.originalname.removeprefix("test_").replace("_", " ")
    extra = [str(value) for key, value in item.callspec.params.items() if key != "subject"]
    name = f"{name} [{', '.join(extra)}]" if extra else name
    if report.outcome == "skipped":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return Check(subject.host, subject.role, name, Verdict.SKIPPED, reason.removeprefix("Skipped: "))
    if report.outcome == "passed":
        return Check(subject.host, subject.role, name, Verdict.PASSED, seconds=report.duration)
    detail = report.longreprtext
    return Check(subject.host, subject.role, name, Verdict.FAILED, _crash(report), detail, report.duration)


def _crash(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    message = str(crash.message) if crash else _last_line(report.longrepr)
    first = message.strip().splitlines()[0] if message.strip() else "failed"
    return first.removeprefix("AssertionError: ")


def _last_line(longrepr: Any) -> str:
    lines = [line for line in str(longrepr).splitlines() if line.strip()]
    return lines[-1].removeprefix("E").strip() if lines else "failed"
