"""The table of predicted and measured savings."""

from __future__ import annotations

from leakkit.report.comparison import Comparison, render_comparison

IDLE = Comparison("idle connections", "hibernate", 776_000_000, 30_000_000, 736_000_000)


def test_error_is_relative_to_what_was_measured() -> None:
    """A prediction of 736 MB against 746 MB measured is 1 % too low."""
    assert IDLE.measured == 746_000_000
    assert IDLE.error is not None and round(IDLE.error, 3) == -0.013


def test_no_prediction_and_no_saving_have_no_error() -> None:
    """Nothing is divided by a saving that was not there."""
    assert Comparison("a", "drop", 10, 10, 5).error is None
    assert Comparison("a", "drop", 10, 12, 5).error is None
    assert Comparison("a", "drop", 10, 5, None).error is None


def test_table_fits_a_terminal() -> None:
    """All columns are there, within 80 characters."""
    text = render_comparison([IDLE, Comparison("cyclic answers", "collect", 584_000_000, 35_400_000, None)])
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "predicted" in lines[0] and "736 MB" in lines[2] and "-1%" in lines[2] and "none" in lines[3]
