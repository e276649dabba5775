"""The checks of a gate for a terminal, and for a failing test: what grows, round by round, and the diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.gate.model import Metric, Outcome
from leakkit.report._style import Style, to_ascii
from leakkit.report.escape import one_line
from leakkit.report.tables import draw_table
from leakkit.report.text import finding_lines
from leakkit.report.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.gate.model import Check, Growth

_LABELS = {Outcome.PASS: "pass", Outcome.REGRESSION: "FAIL", Outcome.UNMEASURED: "NOT MEASURED"}
_COLORS = {Outcome.PASS: "green", Outcome.REGRESSION: "red", Outcome.UNMEASURED: "yellow"}
_IN_BYTES = frozenset({Metric.BYTES, Metric.GARBAGE_BYTES, Metric.NATIVE, Metric.RSS, Metric.USS})
_MOST_COLUMNS = 4
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
        lines += ["", *_table(check), ""]
        for number, finding in enumerate(check.findings[:_MOST_FINDINGS], 1):
            lines += [*finding_lines(number, finding, style), ""]
        if (more := len(check.findings) - _MOST_FINDINGS) > 0:
            lines.append(f"  and {more} more findings")
    for note in check.notes:
        lines += style.wrap(one_line(note), first="  note: ")
    lines += [f"  kept: {one_line(str(path))}" for path in check.snapshots]
    text = "\n".join(lines).rstrip() + "\n"
    return text if unicode else to_ascii(text)


def _table(check: Check) -> list[str]:
    """Growth a call in each round, of what regressed."""
    growths = [growth for growth in check.growths if growth.regressed][:_MOST_COLUMNS]
    rows = [
        [str(number + 1), f"{one.calls:,}", *(_cell(growth, number) for growth in growths)]
        for number, one in enumerate(check.rounds)
    ]
    headers = ["round", "calls", *(f"{growth.metric.value} a call" for growth in growths)]
    return draw_table(rows, headers, align="r" * len(headers), indent=2)


def _cell(growth: Growth, number: int) -> str:
    place = number - growth.first_round
    if not 0 <= place < len(growth.per_call):
        return ""
    value = growth.per_call[place]
    return format_bytes(value) if growth.metric in _IN_BYTES else f"{value:,.3g}"
