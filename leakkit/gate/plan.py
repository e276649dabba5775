"""How much work a measurement does: the options of the marker, the fixture and the command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from leakkit.errors import UsageError
from leakkit.gate.model import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WARM_UP: Final = 10
"""Calls before anything is measured."""

MAX_SECONDS: Final = 120.0
"""A scenario that is not decided by then could not be measured."""

ROUND_SECONDS: Final = 0.1
"""What the first round should take; all of them take twenty times as long."""

FEWEST_CALLS: Final = 10
"""One leak every ten calls shows in the first round already..."""

SLOW_ROUND_SECONDS: Final = 0.5
"""...unless ten calls take longer than this."""

PROBE_CALLS: Final = 20

ALL_ROUNDS: Final = 32
"""All rounds of a scenario that fails together have about so many times the calls of the first one."""

ENOUGH_CALLS: Final = 1000
"""Growth is no leak before so many calls have been made: ``re`` keeps 512 patterns and declares it nowhere..."""

ENOUGH_SECONDS: Final = 15.0
"""...unless they take longer than this."""

MOST_CALLS: Final = 400
"""More calls in the first round tell no more about a fast scenario."""


@dataclass(frozen=True)
class Plan:
    """The options, checked."""

    calls: int | None = None
    """Calls of the first round; chosen by the time that a call takes when None."""
    warmup: int = WARM_UP
    max_seconds: float = MAX_SECONDS
    ignore: frozenset[Metric] = frozenset()
    """Metrics that decide nothing."""
    keep: Path | None = None
    """Folder for the snapshots of a scenario that failed."""

    def probe_calls(self, seconds: float) -> int:
        """Calls that show what one call takes of what is limited."""
        return min(PROBE_CALLS, max(int(SLOW_ROUND_SECONDS / max(seconds, 1e-9)), 2))

    def first_calls(self, seconds: float, gains: Mapping[Metric, float], room: Mapping[Metric, float]) -> int:
        """Calls of the first round.

        Args:
            seconds: that one call takes.
            gains: growth of a metric a call, as the probe saw it.
            room: how much of a metric there may be before the scenario, or the machine, comes to harm.
        """
        if self.calls is not None:
            return self.calls
        fewest = min(FEWEST_CALLS, max(int(SLOW_ROUND_SECONDS / max(seconds, 1e-9)), 2))
        wanted = min(max(int(ROUND_SECONDS / max(seconds, 1e-9)), fewest), MOST_CALLS)
        return max(min(wanted, int(affordable(gains, room) / ALL_ROUNDS)), 2)


def affordable(gains: Mapping[Metric, float], room: Mapping[Metric, float]) -> int:
    """Calls until the scenario, or the machine, comes to harm; see :meth:`Plan.first_calls`."""
    return min((int(room[one] / gain) for one, gain in gains.items() if gain > 0 and one in room), default=1 << 40)


def _is_count(value: object, least: int) -> bool:
    """Whether an option of a marker, which may be anything, is a whole number of at least so much."""
    return isinstance(value, int) and value >= least


def make_plan(
    *,
    calls: int | None = None,
    warmup: int = WARM_UP,
    max_seconds: float = MAX_SECONDS,
    ignore: tuple[str, ...] | list[str] | str = (),
    keep: Path | None = None,
) -> Plan:
    """Check the options as a person gives them.

    Args:
        calls: calls of the first round, 2 or more.
        warmup: calls before anything is measured, 1 or more.
        max_seconds: longest time for one subject.
        ignore: names of metrics that decide nothing, such as ``garbage-objects``.
        keep: folder for the snapshots of a scenario that failed.

    Raises:
        UsageError: one of them cannot be.
    """
    if not _is_count(calls, 2) and calls is not None:
        raise UsageError(f"calls={calls!r}: a round needs two calls or more", "leave it out to have it chosen")
    if not _is_count(warmup, 1):
        raise UsageError(f"warmup={warmup!r}: one call or more must come before the first round")
    if not max_seconds > 0:
        raise UsageError(f"max_seconds={max_seconds!r}: must be above zero")
    names = [ignore] if isinstance(ignore, str) else list(ignore)
    known = {metric.value: metric for metric in Metric}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"ignore={unknown[0]!r}: no such metric", f"choose from {', '.join(known)}")
    return Plan(calls, warmup, max_seconds, frozenset(known[name] for name in names), keep)
