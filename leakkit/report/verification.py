"""What ``leakkit verify`` prints."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from leakkit.outcomes import Delivery, Yardstick
from leakkit.report._style import Style, to_ascii
from leakkit.report.escape import one_line
from leakkit.report.tables import draw_table
from leakkit.report.units import format_bytes, format_growth, format_seconds

if TYPE_CHECKING:
    from leakkit.outcomes import SideFacts, Verification, VerifiedFinding

VERIFY_SCHEMA = "leakkit-verify/1"

_COLORS = {
    Delivery.DELIVERED: "green",
    Delivery.PARTLY: "yellow",
    Delivery.NOT: "red",
    Delivery.INCONCLUSIVE: "yellow",
}
_LABELS = {Delivery.NOT: "not delivered", Delivery.PARTLY: "partly delivered"}


def render_verification(found: Verification, *, color: bool, width: int, unicode: bool = True) -> str:
    """The comparison as text.

    Args:
        found: what was compared.
        color: whether to use ANSI colours.
        width: columns to stay within.
        unicode: False draws with ASCII characters only.
    """
    style = Style(color=color, width=max(width, 60))
    label = _LABELS.get(found.verdict, found.verdict.value)
    lines = style.wrap(one_line(f"{label}: {found.reason}"))
    lines[0] = style.paint(label, "bold", _COLORS[found.verdict]) + lines[0][len(label) :]
    lines += ["", *_sides(found.before, found.after)]
    if found.predicted is not None and found.measured_rss is not None:
        lines += ["", *style.wrap(_resident(found))]
    for number, row in enumerate(found.findings, 1):
        lines += ["", *_finding(number, row, style)]
    lines += [""] + [line for text in found.warnings for line in style.wrap(one_line(text), first="note: ", rest="  ")]
    text = "\n".join(lines) + "\n"
    return text if unicode else to_ascii(text)


def _resident(found: Verification) -> str:
    """Predicted beside what resident memory says, which knows nothing of findings."""
    say = _rate if found.yardstick == Yardstick.GROWTH else format_bytes
    ratio = "not known" if found.ratio is None else f"{found.ratio:.2f}"
    predicted, measured = say(found.predicted or 0.0), say(found.measured_rss or 0.0)
    return f"in resident memory: predicted {predicted}, measured {measured}, ratio {ratio}"


def _sides(before: SideFacts, after: SideFacts) -> list[str]:
    rows = [
        [name, str(side.snapshots), format_seconds(side.seconds), format_bytes(side.rss_bytes), _rate(side.rss_growth)]
        for name, side in (("before", before), ("after", after))
    ]
    return draw_table(rows, ["", "snapshots", "over", "resident", "its growth"], align="lrrrr")


def _finding(number: int, row: VerifiedFinding, style: Style) -> list[str]:
    lines = [style.paint(line, "bold") for line in style.wrap(one_line(row.title), first=f"{number}. ")]
    label = _LABELS.get(row.verdict, row.verdict.value)
    verdict = style.wrap(one_line(f"{label}: {row.reason}"), first="   ", rest="   ")
    verdict[0] = "   " + style.paint(label, _COLORS[row.verdict]) + verdict[0][3 + len(label) :]
    lines += verdict
    if row.yardstick is not None and row.predicted is not None:
        say = _rate if row.yardstick == Yardstick.GROWTH else format_bytes
        ratio = "not known" if row.ratio is None else f"{row.ratio:.2f}"
        figures = f"{row.fix}: predicted {say(row.predicted)}, measured {say(row.measured)}, ratio {ratio}"
        lines += style.wrap(figures, first="   ", rest="   ")
    return lines


def _rate(bytes_per_second: float) -> str:
    return format_growth(bytes_per_second) or "0 B/s"


def verification_json(found: Verification) -> str:
    """The comparison as indented ASCII JSON: sizes in bytes, rates in bytes per second."""
    fields = {"schema": VERIFY_SCHEMA, **dataclasses.asdict(found)}
    return json.dumps(fields, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
