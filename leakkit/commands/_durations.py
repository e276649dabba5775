"""Durations on the command line: ``500ms``, ``30s``, ``2m``, ``1h``."""

from __future__ import annotations

import math
import re

from leakkit.errors import UsageError

_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
FROM_START = "start"
"""What stands for a time that was left out: from the program's start."""
_HINT = "write a number and a unit: 500ms, 30s, 2m, 1h or 1m30s"


def parse_duration(text: str, *, option: str = "duration") -> float:
    """Seconds that a duration on the command line means.

    A bare number is seconds; parts may be joined (``1m30s``).

    Args:
        text: what the user wrote.
        option: the option's name, for the message.

    Returns:
        Seconds, above zero.

    Raises:
        UsageError: not a duration, zero, or not a finite number.
    """
    stripped = text.strip().lower()
    try:
        seconds = float(stripped) if re.fullmatch(r"\d+(\.\d+)?", stripped) else _sum_of_parts(stripped)
    except ValueError:
        raise UsageError(f"{option}: not a duration: {text!r}", _HINT) from None
    if seconds <= 0 or not math.isfinite(seconds):
        raise UsageError(f"{option}: must be longer than zero: {text!r}", _HINT)
    return seconds


def _sum_of_parts(text: str) -> float:
    """Seconds of ``1m30s``; ValueError when anything but parts is in it."""
    if not text or _PART.sub("", text).strip():
        raise ValueError(text)
    return math.fsum(float(number) * _SECONDS_PER_UNIT[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """A duration for people, about two digits: ``1.2 ms``, ``20 s``, ``2 m 30 s``."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} m {rest} s" if rest else f"{minutes} m"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} m" if rest else f"{hours} h"


def with_time_left_out(words: list[str]) -> list[str]:
    """The command line with ``--allocations=start`` for an ``--allocations`` that no time follows."""
    if words[:1] != ["snapshot"]:
        return words
    end = words.index("--") if "--" in words else len(words)
    spelled = list(words)
    for at, word in enumerate(words[:end]):
        following = words[at + 1] if at + 1 < len(words) else "--"
        if word == "--allocations" and following.startswith("-"):
            spelled[at] = f"--allocations={FROM_START}"
    return spelled
