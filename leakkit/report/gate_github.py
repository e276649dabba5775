"""GitHub's workflow commands: the gate's failures as annotations of the lines that hold the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.gate.model import Outcome
from leakkit.report.escape import one_line
from leakkit.report.gate_merge import merge_findings, without_finding
from leakkit.report.gate_wording import finding_message, place_of

if TYPE_CHECKING:
    from pathlib import Path

    from leakkit.gate.model import GateReport
    from leakkit.report.gate_wording import Place

_TITLE = 120


def render_gate_annotations(report: GateReport, *, root: Path) -> str:
    """One command a line, the failing findings first: GitHub shows ten of each level for a step.

    Args:
        report: all checks.
        root: the repository; places are relative to it.
    """
    lines = []
    for merged in merge_findings(report):
        level = "notice" if merged.accepted else "error"
        place = place_of(merged.checks[0], merged.finding, root)
        title = f"{'known leak' if merged.accepted else 'memory leak'}: {merged.finding.title}"
        text = finding_message([check.subject for check in merged.checks], merged.finding)
        lines.append(_command(level, title, text, place))
    for check in without_finding(report):
        text = " ".join([check.headline, *(broken.message for broken in check.broken)])
        lines.append(_command("error", f"leakkit gate: {check.subject}", text, place_of(check, None, root)))
    for check in report.checks:
        if check.outcome == Outcome.UNMEASURED:
            place = place_of(check, None, root)
            lines.append(_command("error", f"leakkit gate could not measure {check.subject}", check.headline, place))
    lines += [_command("warning", "leakkit gate", text, None) for text in report.warnings]
    return "".join(f"{line}\n" for line in lines)


def _command(level: str, title: str, text: str, place: Place | None) -> str:
    cut = title if len(title) <= _TITLE else title[: _TITLE - 1] + "…"
    properties = [f"title={_property(cut)}"]
    if place is not None:
        properties = [f"file={_property(place.path)}", f"line={place.line}", *properties]
    return f"::{level} {','.join(properties)}::{_data(text)}"


def _data(text: str) -> str:
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
