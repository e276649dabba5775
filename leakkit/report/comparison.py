"""Predicted beside measured: what a recommended fix was to save and what it saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.report.tables import draw_table
from leakkit.report.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Comparison:
    """One repaired leak; sizes are bytes."""

    title: str
    fix: str
    before: int
    """Resident memory with the leak."""
    after: int
    """Resident memory of the repaired version under the same load."""
    predicted: int | None
    """Saving that the diagnosis promised; None when it promised none."""

    @property
    def measured(self) -> int:
        """Saving that was measured."""
        return self.before - self.after

    @property
    def error(self) -> float | None:
        """How far the prediction was off, as a fraction of the measured saving; None when there is none."""
        if self.predicted is None or self.measured <= 0:
            return None
        return (self.predicted - self.measured) / self.measured


def render_comparison(comparisons: Sequence[Comparison]) -> str:
    """A table of predicted and measured savings, within 80 columns; ends with a newline."""
    rows = [
        (
            comparison.title,
            comparison.fix,
            format_bytes(comparison.before),
            format_bytes(comparison.after),
            format_bytes(comparison.predicted) if comparison.predicted is not None else "none",
            format_bytes(comparison.measured),
            f"{comparison.error:+.0%}" if comparison.error is not None else "",
        )
        for comparison in comparisons
    ]
    headers = ("leak", "fix", "before", "after", "predicted", "measured", "error")
    return "\n".join(draw_table(rows, headers, align="llrrrrr")) + "\n"
