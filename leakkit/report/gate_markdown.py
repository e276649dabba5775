"""The gate's answer as GitHub-flavoured markdown, for a job summary or a merge request's comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tabulate

from leakkit.gate.model import Outcome
from leakkit.report.escape import markdown, markdown_code, markdown_prose
from leakkit.report.gate_wording import OUTCOME_LABELS, failure_lines, round_rows, summary_line
from leakkit.report.markdown import finding_lines
from leakkit.report.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.gate.model import Check, GateReport

_MARKS = {Outcome.PASS: "✅", Outcome.REGRESSION: "❌", Outcome.UNMEASURED: "⚠️"}
_MOST_FINDINGS = 5


def render_gate_markdown(report: GateReport) -> str:
    """The whole answer; nothing that the program under test named can become markup, HTML or a mention."""
    rows = [
        [
            f"{_MARKS[check.outcome]} {OUTCOME_LABELS[check.outcome]}",
            markdown_code(check.subject, in_table=True),
            markdown(check.headline),
            format_seconds(check.seconds),
        ]
        for check in report.checks
    ]
    blocks = [[f"## leakkit gate: {summary_line(report)}"]]
    if rows:
        blocks.append(_table(rows, ["outcome", "check", "why", "time"], "lllr"))
    blocks += [_check(check) for check in report.checks if check.outcome != Outcome.PASS or check.notes]
    if report.warnings:
        blocks.append(["### Warnings", "", *(f"- {markdown(text)}" for text in report.warnings)])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str], align: str) -> list[str]:
    sides = {"l": "left", "r": "right"}
    text = tabulate.tabulate(
        [list(row) for row in rows],
        headers=list(headers),
        tablefmt="pipe",
        disable_numparse=True,
        colalign=[sides[letter] for letter in align],
    )
    return text.splitlines()


def _check(check: Check) -> list[str]:
    lines = [f"### {_MARKS[check.outcome]} {markdown_code(check.subject)}", "", markdown_prose(check.headline)]
    if check.outcome != Outcome.PASS and (why := failure_lines(check)):
        lines += ["", *(f"- {markdown_prose(line)}" for line in why)]
    headers, rows = round_rows(check)
    if rows and check.outcome == Outcome.REGRESSION:
        lines += ["", *_table(rows, headers, "r" * len(headers))]
    if check.outcome == Outcome.REGRESSION:
        for number, finding in enumerate((check.new_findings or check.findings)[:_MOST_FINDINGS], 1):
            lines += ["", *finding_lines(number, finding), f"- fingerprint: {markdown_code(finding.fingerprint)}"]
    if check.notes:
        lines += ["", *(f"- note: {markdown(note)}" for note in check.notes)]
    if check.snapshots:
        lines += ["", *(f"- kept: {markdown_code(str(path))}" for path in check.snapshots)]
    return lines
