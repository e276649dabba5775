"""The gate's answer for a terminal: each check, what is stale in the configuration, and a last line that sums up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.gate.model import Outcome
from leakkit.report._style import Style, to_ascii
from leakkit.report.check import render_checks
from leakkit.report.escape import one_line
from leakkit.report.gate_wording import summary_line

if TYPE_CHECKING:
    from leakkit.gate.model import GateReport

_COLORS = {Outcome.PASS: "green", Outcome.REGRESSION: "red", Outcome.UNMEASURED: "yellow"}


def render_gate_text(report: GateReport, *, color: bool, width: int, unicode: bool = True) -> str:
    """The whole answer as text.

    Args:
        report: all checks.
        color: whether to use ANSI colours.
        width: columns to stay within, 60 or more.
        unicode: False draws with ASCII characters only.
    """
    style = Style(color=color, width=max(width, 60))
    blocks = [render_checks(report.checks, color=color, width=width)] if report.checks else []
    if report.warnings:
        lines = [line for text in report.warnings for line in style.wrap(one_line(text), first="warning: ")]
        blocks.append("\n".join(lines) + "\n")
    last = f"leakkit gate: {summary_line(report)}"
    blocks.append(style.paint(last, "bold", _COLORS[report.outcome]) + "\n")
    text = "\n".join(blocks)
    return text if unicode else to_ascii(text)
