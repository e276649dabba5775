"""Figures inside sentences."""

from __future__ import annotations

_STEPS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def in_bytes(count: float) -> str:
    """``1.4 GB``, ``310 MB``, ``12 kB``, ``80 B``; decimal units, as in the report."""
    size = abs(count)
    for step, unit in _STEPS:
        if size >= step:
            value = count / step
            return f"{value:.1f} {unit}" if abs(value) < 10 else f"{value:.0f} {unit}"
    return f"{count:.0f} B"


def in_seconds(seconds: float) -> str:
    """``40 ms``, ``12 s``, ``5 min``, ``3.5 h``, ``2 days``."""
    if seconds < 1:
        return f"{max(seconds * 1000, 0.1):.0f} ms" if seconds >= 0.001 else "under 1 ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"


def counted(number: int, noun: str) -> str:
    """``1 task``, ``2,000 tasks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
