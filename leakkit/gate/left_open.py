"""Which files and threads of this process stayed: their kinds, counted, for the notes of a failing check."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from typing import Final

from leakkit.gate.model import Metric

_MOST_KINDS: Final = 3
_NUMBER: Final = re.compile(r"\d+")
_ANONYMOUS: Final = re.compile(r"^(\w+):\[\d+\]$")


def kinds(metric: Metric) -> Counter[str]:
    """Open files by what they are open on, or threads by name without numbers; empty for other metrics."""
    if metric == Metric.FILES:
        return Counter(_file_kinds())
    if metric == Metric.THREADS:
        return Counter(_NUMBER.sub("N", thread.name) for thread in threading.enumerate())
    return Counter()


def _file_kinds() -> list[str]:
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are enough
        try:
            target = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
        except OSError:
            continue  # the listing's own
        match = _ANONYMOUS.match(target)
        found.append(match.group(1) if match else target)
    return found


def in_words(metric: Metric, before: Counter[str]) -> str:
    """The kinds that have become more, in one line; empty when none has.

    Args:
        metric: FILES or THREADS.
        before: :func:`kinds` before the first round.
    """
    more = kinds(metric) - before
    if not more:
        return ""
    listed = [f"{count:,} × {kind}" for kind, count in more.most_common(_MOST_KINDS)]
    rest = f" and {len(more) - _MOST_KINDS} other kinds" if len(more) > _MOST_KINDS else ""
    return f"{metric.value} that stayed: {', '.join(listed)}{rest}"
