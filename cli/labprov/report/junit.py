"""A run as JUnit XML, for CI servers: each check a test case, each failed operation or host a failure."""

from __future__ import annotations

from xml.etree import ElementTree

from labprov.apply import Status
from labprov.engine.outcome import Result
from labprov.report.summary import Run
from labprov.verify.checks import Verdict


def as_junit(run: Run) -> str:
    """The run as XML text."""
    suite = ElementTree.Element("testsuite", name=f"labprov {run.deploy}")
    if run.simulation:
        properties = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(properties, "property", name="simulation", value=run.simulation)
    for check in run.checks:
        case = _case(suite, check.host, check.role, check.name, check.seconds)
        if check.verdict is Verdict.FAILED:
            ElementTree.SubElement(case, "failure", message=_clean(check.reason)).text = _clean(check.detail)
        elif check.verdict is Verdict.SKIPPED:
            ElementTree.SubElement(case, "skipped", message=_clean(check.reason))
    for outcome in run.applied:
        if outcome.result is Result.FAILED:
            case = _case(suite, outcome.host, outcome.role, outcome.operation, outcome.seconds)
            ElementTree.SubElement(case, "failure", message=_clean(outcome.reason)).text = _clean(outcome.output)
    for host in run.hosts:
        if host.status is not Status.OK:
            case = _case(suite, host.name, "host", f"is {Status.OK}", 0.0)
            ElementTree.SubElement(case, "failure", message=_clean(host.reason))
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(1 for case in cases if case.find("failure") is not None)))
    suite.set("skipped", str(sum(1 for case in cases if case.find("skipped") is not None)))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def _case(suite: ElementTree.Element, host: str, role: str, name: str, seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=f"{host}.{role}", name=name, time=f"{seconds:.3f}")


def _clean(text: str) -> str:
    """Without the control characters that XML 1.0 cannot hold."""
    return "".join(char for char in text if char in "\t\n\r" or ord(char) >= 32)
