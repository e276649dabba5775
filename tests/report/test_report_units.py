"""Numbers for people: decimal, readable, adding up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakkit.report.units import format_bytes, format_column, format_count_growth, format_growth, format_seconds, format_share
from leakkit.report.wording import ledger_growth, total_growth


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (512, "512 B"), (999, "999 B"), (1000, "1.00 kB"), (60_100, "60.1 kB"), (999_499, "999 kB"), (999_600, "1.00 MB"),
     (844_000_000, "844 MB"), (1_250_000_000, "1.25 GB"), (9_996_000, "10.0 MB"), (3 * 10**12, "3.00 TB"), (-5_000, "-5.00 kB")],
)  # fmt: skip
def test_sizes_are_decimal_with_three_digits(size: int, text: str) -> None:
    """1 kB is 1000 bytes, and no size is printed as 1000 of a unit."""
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(None, ""), (float("nan"), ""), (0.0, "0 B/s"), (1_212_000.0, "+1.21 MB/s"), (-1_500.0, "-1.50 kB/s"), (50.0, "+3.00 kB/min"), (0.01, "+864 B/day"), (1e-9, "0 B/s")],
)
def test_growth_is_signed_and_in_a_readable_span(rate: float | None, text: str) -> None:
    """Slow growth is told per minute, hour or day instead of as a fraction of a byte."""
    assert format_growth(rate) == text


@pytest.mark.parametrize(("rate", "text"), [(None, ""), (0.0, ""), (3.14, "+3.14 objects/s"), (0.3, "+18 objects/min"), (-1234.5, "-1,234 objects/s")])
def test_count_growth(rate: float | None, text: str) -> None:
    """Objects per span, signed."""
    assert format_count_growth(rate) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0008, "0.8 ms"), (0.018, "18 ms"), (0.25, "250 ms"), (1.3, "1.3 s"), (40, "40 s"), (720, "12 min"), (10_800, "3.0 h")])
def test_seconds(seconds: float, text: str) -> None:
    """Durations in the unit in which they have two digits."""
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(("part", "whole", "text"), [(0, 0, ""), (1, 2, "50 %"), (4, 1000, "0.4 %"), (0, 5, "0 %"), (99.6, 100, "100 %")])
def test_shares(part: float, whole: float, text: str) -> None:
    """Small shares keep one decimal."""
    assert format_share(part, whole) == text


@given(st.lists(st.integers(min_value=0, max_value=5 * 10**10), min_size=1, max_size=8))
def test_printed_parts_add_up_to_the_printed_total(sizes: list[int]) -> None:
    """Every number adds up, also after rounding."""
    texts, total = format_column(sizes, sum(sizes))

    def number(text: str) -> float:
        return float(text.split(maxsplit=1)[0].replace(",", ""))

    assert sum(map(number, texts)) == pytest.approx(number(total), abs=1e-6)
    assert {text.split()[1] for text in texts} == {total.split()[1]}


def test_a_negative_part_still_adds_up() -> None:
    """The unexplained rest may be below zero when parts overlap."""
    assert format_column([120_000_000, -20_000_000], 100_000_000) == (["120.0 MB", "-20.0 MB"], "100.0 MB")


def test_noise_is_no_growth() -> None:
    """A few bytes' difference between two snapshots is not extrapolated to an hour."""
    from report.samples import ledger

    assert [ledger_growth(part, ledger(10**8, 0, 0, growth=3.5)) for part in ledger(10**8, 0, 0, growth=3.5).parts][0] == "0 B/s"
    assert ledger_growth(ledger(10**8, 0, 0, growth=3500.0).parts[0], ledger(10**8, 0, 0, growth=3500.0)) == "+3.50 kB/s"
    assert total_growth(ledger(10**8, 0, 0)) == ""
