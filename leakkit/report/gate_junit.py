"""The gate's answer as JUnit XML: one suite a check, so that its figures stand as the suite's properties."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from leakkit.gate.model import Outcome
from leakkit.report.check import render_check
from leakkit.report.escape import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leakkit.gate.model import Check, GateReport

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_gate_junit(report: GateReport) -> str:
    """The answer after ``junit-10.xsd``, the schema of Jenkins' xUnit plugin; GitLab reads the same."""
    failures = sum(check.outcome == Outcome.REGRESSION for check in report.checks)
    errors = sum(check.outcome == Outcome.UNMEASURED for check in report.checks)
    seconds = sum(check.seconds for check in report.checks)
    root = ET.Element(
        "testsuites",
        name="leakkit gate",
        tests=str(len(report.checks)),
        failures=str(failures),
        errors=str(errors),
        time=_seconds(seconds),
    )
    for check in report.checks:
        root.append(_suite(check, report))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(check: Check, report: GateReport) -> ET.Element:
    suite = ET.Element(
        "testsuite",
        name=_xml(check.subject),
        tests="1",
        failures=str(int(check.outcome == Outcome.REGRESSION)),
        errors=str(int(check.outcome == Outcome.UNMEASURED)),
        skipped="0",
        time=_seconds(check.seconds),
        timestamp=_xml(report.created_at),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(check, report):
        ET.SubElement(properties, "property", name=_xml(name), value=_xml(value))
    scope, name = _case_name(check.subject)
    case = ET.SubElement(suite, "testcase", classname=_xml(scope), name=_xml(name), time=_seconds(check.seconds))
    kinds = {Outcome.REGRESSION: "failure", Outcome.UNMEASURED: "error"}
    if kind := kinds.get(check.outcome):
        told = ET.SubElement(case, kind, type=check.outcome.value, message=_xml(check.headline))
        told.text = _xml(render_check(check, width=100))
    elif check.notes:
        ET.SubElement(case, "system-out").text = _xml("\n".join(check.notes))
    return suite


def _properties(check: Check, report: GateReport) -> Iterator[tuple[str, str]]:
    yield "leakkit.version", report.leakkit_version
    yield "leakkit.outcome", check.outcome.value
    yield "leakkit.rounds", str(len(check.rounds))
    yield "leakkit.calls", str(sum(one.calls for one in check.rounds))
    for growth in check.growths:
        yield f"leakkit.growth.{growth.metric.value}", str(growth.total)
        if growth.regressed:
            yield f"leakkit.growth-per-call.{growth.metric.value}", " ".join(f"{v:.6g}" for v in growth.per_call)
    if check.peak_bytes is not None:
        yield "leakkit.peak-bytes", str(check.peak_bytes)
    for broken in check.broken:
        yield f"leakkit.broken.{broken.budget}", broken.message
    for finding in check.findings:
        accepted = check.acceptance(finding)
        state = accepted.by.value if accepted else "new"
        yield f"leakkit.finding.{finding.fingerprint}", f"{state}, {finding.fix.id.value}: {finding.title}"


def _case_name(subject: str) -> tuple[str, str]:
    """Class and name of the test case: a pytest node id is cut at its first ``::``."""
    file, _, name = subject.partition("::")
    if not name:
        return "leakkit.gate", subject
    return file.removesuffix(".py").replace("/", "."), name


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _xml(text: str) -> str:
    """The text, each line made harmless; what XML cannot say, not even escaped, is written out."""
    harmless = "\n".join(lines_of(text))
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", harmless)
