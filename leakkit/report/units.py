"""Numbers for people: decimal sizes (kB = 1000 B, MB, GB), rates, counts and shares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3), ("B", 1))
_TIME_SPANS = (("s", 1.0), ("min", 60.0), ("h", 3600.0), ("day", 86400.0))


def format_bytes(size: float) -> str:
    """A size with three digits: ``844 MB``, ``1.25 GB``, ``60.1 kB``, ``512 B``."""
    magnitude = abs(size)
    for unit, factor in _UNITS:
        # 999.5 kB would be printed as 1000 kB: the next unit up takes it.
        if magnitude >= factor * 0.9995 or factor == 1:
            return f"{_three_digits(size / factor, whole=factor == 1)} {unit}"
    raise AssertionError(size)


def _three_digits(value: float, *, whole: bool) -> str:
    if whole:
        return f"{value:.0f}"
    magnitude = abs(value)
    return f"{value:.2f}" if magnitude < 9.995 else f"{value:.1f}" if magnitude < 99.95 else f"{value:.0f}"


def format_growth(bytes_per_second: float | None) -> str:
    """A signed rate, over a time span that suits it: ``+1.2 MB/s``, ``-3.4 kB/min``; empty for None."""
    if bytes_per_second is None or not math.isfinite(bytes_per_second):
        return ""
    amount, span = _in_readable_span(bytes_per_second, 1000.0)
    if abs(amount) < 1:
        return "0 B/s"
    return f"{'+' if amount > 0 else '-'}{format_bytes(abs(amount))}/{span}"


def format_count_growth(per_second: float | None, noun: str = "objects") -> str:
    """A signed rate of things: ``+3.1 objects/s``, ``+12 objects/min``; empty for None and for zero."""
    if per_second is None or not math.isfinite(per_second):
        return ""
    amount, span = _in_readable_span(per_second, 1.0)
    if abs(amount) < 0.05:
        return ""
    number = f"{amount:+.3g}" if abs(amount) < 99.95 else f"{amount:+,.0f}"
    return f"{number} {noun}/{span}"


def _in_readable_span(per_second: float, least: float) -> tuple[float, str]:
    """The rate over the shortest span in which it reaches ``least``, and that span's name."""
    for name, seconds in _TIME_SPANS:
        if abs(per_second) * seconds >= least:
            return per_second * seconds, name
    name, seconds = _TIME_SPANS[-1]
    return per_second * seconds, name


def format_count(count: int) -> str:
    """A count with thousands separated: ``1,203,322``."""
    return f"{count:,}"


def format_share(part: float, whole: float) -> str:
    """A share of a whole: ``96 %``, ``0.4 %``; empty when the whole is zero."""
    if not whole:
        return ""
    share = 100 * part / whole
    return f"{share:.1f} %" if 0 < abs(share) < 9.95 else f"{share:.0f} %"


def format_seconds(seconds: float) -> str:
    """A duration: ``0.8 ms``, ``18 ms``, ``1.3 s``, ``40 s``, ``12 min``, ``3.0 h``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.2g} ms" if seconds < 0.0995 else f"{seconds * 1000:.0f} ms"
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def format_column(sizes: Sequence[int], total: int) -> tuple[list[str], str]:
    """Sizes in one unit with one decimal, rounded so that the printed parts add up to the printed total.

    Largest-remainder rounding (Hamilton's method): every part is off by less than one step.

    Args:
        sizes: the parts, in bytes.
        total: their sum, in bytes; it chooses the unit.

    Returns:
        The parts and the total as text.
    """
    # 1.04 GB is split in MB: with one decimal of a GB most parts would read 0.0.
    unit, factor = next((u, f) for u, f in _UNITS if abs(total) >= 10 * f or f == 1)
    step = max(factor // 10, 1)
    steps = [size // step for size in sizes]
    missing = round(total / step) - sum(steps)
    by_remainder = sorted(range(len(sizes)), key=lambda i: (-(sizes[i] % step), i))
    # Only parts that really add up can be evened out; anything else is shown as it is.
    if 0 <= missing <= len(sizes):
        for i in by_remainder[:missing]:
            steps[i] += 1
    digits = 1 if factor > 1 else 0
    texts = [f"{count * step / factor:,.{digits}f} {unit}" for count in steps]
    return texts, f"{round(total / step) * step / factor:,.{digits}f} {unit}"
