"""GitLab's code quality report: what fails, with the line that holds the memory."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from leakkit.gate.model import Outcome
from leakkit.report.escape import one_line
from leakkit.report.gate_merge import merge_findings, without_finding
from leakkit.report.gate_wording import Place, finding_message, place_of

if TYPE_CHECKING:
    from pathlib import Path

    from leakkit.gate.model import GateReport

_FALLBACK = Place("pyproject.toml", 1)
"""GitLab leaves out an entry without a place."""


def render_gate_gitlab(report: GateReport, *, root: Path) -> str:
    """The report that ``artifacts: reports: codequality`` takes.

    Args:
        report: all checks.
        root: the repository; places are relative to it.
    """
    entries = []
    for merged in merge_findings(report):
        text = finding_message([check.subject for check in merged.checks], merged.finding)
        place = place_of(merged.checks[0], merged.finding, root)
        severity = "info" if merged.accepted else "critical"
        name = f"leakkit-{merged.finding.fix.id.value}"
        entries.append(_entry(text, name, merged.finding.fingerprint, severity, place))
    for check in without_finding(report):
        text = " ".join([f"{check.subject}: {check.headline}", *(broken.message for broken in check.broken)])
        place = place_of(check, None, root)
        entries.append(_entry(text, "leakkit-growth", _print("growth", check.subject), "critical", place))
    for check in report.checks:
        if check.outcome == Outcome.UNMEASURED:
            text, print_ = f"not measured: {check.subject}: {check.headline}", _print("unmeasured", check.subject)
            entries.append(_entry(text, "leakkit-unmeasured", print_, "major", place_of(check, None, root)))
    return json.dumps(entries, indent=2, ensure_ascii=True) + "\n"


def _print(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def _entry(text: str, name: str, fingerprint: str, severity: str, place: Place | None) -> dict[str, Any]:
    where = place or _FALLBACK
    return {
        "description": one_line(text),
        "check_name": name,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": where.path, "lines": {"begin": where.line}},
    }
