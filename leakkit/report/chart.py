"""The ledger as SVG: a stacked area over the snapshots, or one stacked bar for a single snapshot."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from leakkit.report.escape import html_text
from leakkit.report.units import format_bytes, format_seconds, format_share
from leakkit.report.wording import PART_LABELS, seconds_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.model import Ledger, LedgerPartId

_WIDTH, _HEIGHT = 640.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 8.0, 10.0, 28.0


def ledger_chart(history: Sequence[Ledger]) -> str:
    """The SVG element for the ledgers of all snapshots, oldest first."""
    return _area_chart(history) if len(history) > 1 else _bar(history[0]) if history else ""


def _bar(ledger: Ledger) -> str:
    """One horizontal stacked bar."""
    total = sum(max(part.bytes, 0) for part in ledger.parts) or 1
    height, x, pieces = 64.0, 0.0, []
    for part in ledger.parts:
        width = _WIDTH * max(part.bytes, 0) / total
        if width <= 0:
            continue
        share = format_share(part.bytes, ledger.rss_bytes)
        tip = f"{PART_LABELS[part.id]}: {format_bytes(part.bytes)}, {share}"
        pieces.append(
            f'<rect class="part {part.id.value}" x="{x:.2f}" y="0" width="{max(width - 1, 0.5):.2f}" '
            f'height="{height:.0f}" data-tip="{html_text(tip)}"/>'
        )
        x += width
    label = f"Ledger: {format_bytes(ledger.rss_bytes)} resident"
    return _svg(pieces, height, label)


def _svg(pieces: list[str], height: float, label: str) -> str:
    box = f'viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img" aria-label="{html_text(label)}"'
    return f'<svg class="chart" {box}>{"".join(pieces)}</svg>'


def _area_chart(history: Sequence[Ledger]) -> str:
    times = _seconds(history)
    top, ticks = _scale(max(sum(max(part.bytes, 0) for part in ledger.parts) for ledger in history))
    xs = [_LEFT + (_WIDTH - _LEFT - _RIGHT) * (t - times[0]) / ((times[-1] - times[0]) or 1) for t in times]

    def y_of(size: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * size / top

    pieces = [_size_line(tick, y_of(tick)) for tick in ticks]
    below = [0.0] * len(history)
    for part in (part.id for part in history[-1].parts):
        above = [base + max(_bytes_of(ledger, part), 0) for base, ledger in zip(below, history, strict=True)]
        if above != below:
            pieces.append(_area(part, xs, [y_of(b) for b in below], [y_of(a) for a in above]))
        below = above
    pieces += _time_axis(xs, times, history)
    return _svg(pieces, _HEIGHT, f"Ledger over {len(history)} snapshots, see the table")


def _size_line(size: float, y: float) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="axis" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_tick_text(size)}</text>'
    )


def _area(part: LedgerPartId, xs: list[float], lower: list[float], upper: list[float]) -> str:
    outline = [f"{x:.1f},{y:.1f}" for x, y in zip(xs, upper, strict=True)]
    outline += [f"{x:.1f},{y:.1f}" for x, y in zip(reversed(xs), reversed(lower), strict=True)]
    return f'<polygon class="part {part.value}" points="{" ".join(outline)}"/>'


def _time_axis(xs: list[float], times: list[float], history: Sequence[Ledger]) -> list[str]:
    """Snapshot times below, and an invisible column over each snapshot that tells its figures."""
    pieces = []
    last_label = -math.inf
    for i, (x, time, ledger) in enumerate(zip(xs, times, history, strict=True)):
        bottom = _HEIGHT - _BOTTOM
        pieces.append(f'<line class="moment" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>')
        if x - last_label >= 52 and (i == len(xs) - 1 or xs[-1] - x >= 52):
            anchor = "start" if i == 0 else "end" if i == len(xs) - 1 else "middle"
            text = "0 s" if i == 0 else f"+{format_seconds(time - times[0])}"
            spot = f'x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}"'
            pieces.append(f'<text class="axis" {spot}>{text}</text>')
            last_label = x
        left = _LEFT if i == 0 else (xs[i - 1] + x) / 2
        right = xs[-1] if i == len(xs) - 1 else (x + xs[i + 1]) / 2
        tip = html_text(_moment_text(ledger, time - times[0]))
        box = f'x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1):.1f}" height="{bottom - _TOP}"'
        pieces.append(f'<rect class="hit" {box} data-tip="{tip}"/>')
    return pieces


def _moment_text(ledger: Ledger, seconds: float) -> str:
    """Figures of one snapshot, parts separated by ``" · "``, which the page shows one a line."""
    when = "first snapshot" if not seconds else f"after {format_seconds(seconds)}"
    parts = [f"{PART_LABELS[p.id]} {format_bytes(p.bytes)}" for p in reversed(ledger.parts) if p.bytes]
    return " · ".join([f"{when}: {format_bytes(ledger.rss_bytes)} resident", *parts])


def _seconds(history: Sequence[Ledger]) -> list[float]:
    """Seconds since the first snapshot; evenly spaced when the times are missing or not ascending."""
    seconds = [seconds_between(history[0].taken_at, ledger.taken_at) for ledger in history]
    ascending = all(a < b for a, b in itertools.pairwise(seconds))
    return seconds if ascending else [float(i) for i in range(len(history))]


def _bytes_of(ledger: Ledger, part_id: LedgerPartId) -> int:
    return next((part.bytes for part in ledger.parts if part.id == part_id), 0)


def _tick_text(size: float) -> str:
    return format_bytes(size).replace(".00 ", " ").replace(".0 ", " ") if size else "0"


def _scale(largest: float) -> tuple[float, list[float]]:
    """The axis's end and its ticks: three to six steps of 1, 2 or 5 times a power of ten."""
    largest = max(largest, 1.0)
    power = 10.0 ** math.floor(math.log10(largest))
    step = next(s for s in (power / 5, power / 2, power, power * 2) if largest / s <= 5)
    count = math.ceil(largest / step)
    return step * count, [step * i for i in range(count + 1)]
