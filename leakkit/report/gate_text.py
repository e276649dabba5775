"""The gate's answer for a terminal: one block a check, the diagnosis below those that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.gate.model import Outcome
from leakkit.report._style import Style, to_ascii
from leakkit.report.escape import one_line
from leakkit.report.gate_wording import OUTCOME_LABELS, failure_lines, round_rows, summary_line
from leakkit.report.tables import draw_table
from leakkit.report.text import finding_lines
from leakkit.report.units import format_seconds

if TYPE_CHECKING:
    from leakkit.gate.model import Check, GateReport

_COLORS = {
    Outcome.PASS: ("bold", "green"),
    Outcome.REGRESSION: ("bold", "red"),
    Outcome.UNMEASURED: ("bold", "yellow"),
}
_MOST_FINDINGS = 3


def render_gate_text(report: GateReport, *, color: bool, width: int, unicode: bool = True) -> str:
    """The whole answer as text.

    Args:
        report: all checks.
        color: whether to use ANSI colours.
        width: columns to stay within, 60 or more.
        unicode: False draws with ASCII characters only.
    """
    style = Style(color=color, width=max(width, 60))
    blocks = [_check(check, style) for check in report.checks]
    if report.warnings:
        blocks.append([line for text in report.warnings for line in style.wrap(one_line(text), first="warning: ")])
    last = f"leakkit gate: {summary_line(report)}"
    blocks.append([style.paint(last, *_COLORS[report.outcome])])
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    return text if unicode else to_ascii(text)


def render_check_text(check: Check, *, color: bool = False, width: int = 100) -> str:
    """One check with its diagnosis, as a failing test prints it."""
    return "\n".join(_check(check, Style(color=color, width=max(width, 60)))) + "\n"


def _check(check: Check, style: Style) -> list[str]:
    label = OUTCOME_LABELS[check.outcome]
    lines = style.wrap(one_line(f"{label}  {check.subject}  ({format_seconds(check.seconds)})"), rest="      ")
    lines[0] = style.paint(label, *_COLORS[check.outcome]) + lines[0][len(label) :]
    lines += style.wrap(one_line(check.headline), first="  ")
    for line in failure_lines(check) if check.outcome != Outcome.PASS else ():
        lines += style.wrap(line, first="  - ")
    if check.outcome == Outcome.REGRESSION:
        lines += _diagnosis(check, style)
    for note in check.notes:
        lines += style.wrap(one_line(note), first="  note: ", rest="        ")
    lines += [f"  kept: {one_line(str(path))}" for path in check.snapshots]
    return lines


def _diagnosis(check: Check, style: Style) -> list[str]:
    lines: list[str] = []
    headers, rows = round_rows(check)
    if rows:
        lines += ["", *draw_table(rows, headers, align="r" * len(headers), indent=2), ""]
    inner = Style(color=style.color, width=style.width - 2)
    findings = check.new_findings or check.findings
    for number, finding in enumerate(findings[:_MOST_FINDINGS], 1):
        lines += [f"  {line}".rstrip() for line in finding_lines(number, finding, inner)]
        lines += [f"     fingerprint {one_line(finding.fingerprint)}", ""]
    if len(findings) > _MOST_FINDINGS:
        lines.append(f"  and {len(findings) - _MOST_FINDINGS} more findings")
    return lines
