"""Robust growth: the Theil-Sen slope (Theil 1950, Sen 1968), which one odd snapshot in three does not turn round."""

from __future__ import annotations

import itertools
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RISING_SHARE = 2 / 3
"""A series rises when so many of its pairs do: all but one of three snapshots' pairs."""


def pair_slopes(seconds: Sequence[float], values: Sequence[float]) -> list[float]:
    """The slope between every two points that lie apart in time, per second."""
    points = list(zip(seconds, values, strict=True))
    return [(v2 - v1) / (t2 - t1) for (t1, v1), (t2, v2) in itertools.combinations(points, 2) if t2 > t1]


def slope(seconds: Sequence[float], values: Sequence[float]) -> float:
    """Median of the pairs' slopes, per second; 0 for fewer than two points."""
    slopes = pair_slopes(seconds, values)
    return statistics.median(slopes) if slopes else 0.0


def rises(seconds: Sequence[float], values: Sequence[float], least: float) -> bool:
    """Whether a series grows, by at least ``least`` over its whole time."""
    slopes = pair_slopes(seconds, values)
    if not slopes:
        return False
    share = sum(one > 0 for one in slopes) / len(slopes)
    return share >= RISING_SHARE and statistics.median(slopes) * (max(seconds) - min(seconds)) >= least
