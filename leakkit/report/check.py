"""The checks of a gate for a terminal, and for a failing test: what grows, round by round, and the diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.gate.model import Outcome
from leakkit.report._style import Style, to_ascii
from leakkit.report.escape import one_line
from leakkit.report.gate_wording import failure_lines, round_rows
from leakkit.report.tables import draw_table
from leakkit.report.text import finding_lines
from leakkit.report.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.gate.model import Check

_LABELS = {Outcome.PASS: "pass", Outcome.REGRESSION: "FAIL", Outcome.UNMEASURED: "NOT MEASURED"}
_COLORS = {Outcome.PASS: "green", Outcome.REGRESSION: "red", Outcome.UNMEASURED: "yellow"}
_MOST_FINDINGS = 3


def render_checks(checks: Sequence[Check], *, color: bool, width: int, unicode: bool = True) -> str:
    """All checks, and the diagnosis of those that fail.

    Args:
        checks: in the order in which they are shown.
        color: whether to use ANSI colours.
        width: columns to stay within, 60 or more.
        unicode: False draws with ASCII characters only.
    """
    return "\n".join(render_check(check, color=color, width=width, unicode=unicode) for check in checks)


def render_check(check: Check, *, color: bool = False, width: int = 80, unicode: bool = True) -> str:
    """One check; see :func:`render_checks`."""
    style = Style(color=color, width=max(width, 60))
    label = _LABELS[check.outcome]
    lines = style.wrap(one_line(f"{label} {check.subject} ({format_seconds(check.seconds)})"), rest="  ")
    lines[0] = lines[0].replace(label, style.paint(label, "bold", _COLORS[check.outcome]), 1)
    lines += style.wrap(one_line(check.headline), first="  ")
    if check.outcome == Outcome.REGRESSION:
        for line in failure_lines(check):
            lines += style.wrap(line, first="  - ")
        headers, rows = round_rows(check)
        lines += ["", *draw_table(rows, headers, align="r" * len(headers), indent=2), ""] if rows else [""]
        findings = check.new_findings or check.findings
        for number, finding in enumerate(findings[:_MOST_FINDINGS], 1):
            print_ = f"{'print':<11}{one_line(finding.fingerprint)}"
            lines += [*finding_lines(number, finding, style), f"   {style.paint(print_, 'dim')}", ""]
        if (more := len(findings) - _MOST_FINDINGS) > 0:
            lines.append(f"  and {more} more findings")
    for note in check.notes:
        lines += style.wrap(one_line(note), first="  note: ")
    lines += [f"  kept: {one_line(str(path))}" for path in check.snapshots]
    text = "\n".join(lines).rstrip() + "\n"
    return text if unicode else to_ascii(text)
