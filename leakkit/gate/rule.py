"""The rule that decides from counts alone whether a scenario leaks; pure, and the same for every way of measuring.

Each round does half as much work again as the one before.  A leak is there in every round and keeps pace with the
work; noise goes up and down; what fills up or is paid once fades, because each round divides it by more calls.

The decision is sequential.  Under the null hypothesis the settled level after each round is noise of which no order
is likelier than another, so that a streak of ``k`` levels, each above all before it, has a chance of ``1/(k+1)!``
(Renyi's law of records), whatever the distribution.  :data:`STREAK` is the smallest ``k`` that keeps this below
:data:`ERROR_RATE`; that the growth must also keep pace with the work makes it rarer still.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from leakkit.gate.model import Growth, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leakkit.gate.model import Round

ESCALATION: Final = 1.5
"""Each round has so many times the calls of the one before (psleak's factor)."""

ERROR_RATE: Final = 0.001
"""Chance that noise alone is called a leak, for one metric of one subject."""

STREAK: Final = next(k for k in range(1, 20) if 1 / math.factorial(k + 1) <= ERROR_RATE)
"""So many rounds in a row must grow, and keep pace, until growth is a leak."""

QUIET: Final = 2
"""So many rounds in a row without growth, or with growth that fades, clear a metric (psleak's rule)."""

MOST_ROUNDS: Final = 12
"""A metric that is undecided after so many rounds did not grow in every round: it is noise."""

PACE: Final = 0.8
"""Growth per call below this share of the round before has faded; what is paid once a round falls to 1/1.5."""


OVERALL_PACE: Final = 0.5
"""And the last round of a streak must bring at least this share of what its first one brought a call."""


@dataclass(frozen=True)
class Floor:
    """Below this, growth is none."""

    per_call: float
    per_round: int
    unit: int
    """What one round may be short of by rounding: growth comes in whole units."""


FLOORS: Final[dict[Metric, Floor]] = {
    # One object every ten calls is 0.1 a call.
    Metric.OBJECTS: Floor(0.05, 1, 1),
    Metric.BYTES: Floor(1.0, 16, 64),
    Metric.GARBAGE_OBJECTS: Floor(0.05, 1, 1),
    Metric.GARBAGE_BYTES: Floor(1.0, 16, 64),
    Metric.BLOCKS: Floor(0.05, 1, 1),
    # The smallest chunk of malloc has 24 bytes.
    Metric.NATIVE: Floor(2.0, 24, 64),
    # Resident memory comes in pages, and a trim gives back a little more or less each time.
    Metric.RSS: Floor(128.0, 256 * 1024, 64 * 1024),
    Metric.USS: Floor(128.0, 256 * 1024, 64 * 1024),
    Metric.FILES: Floor(0.05, 1, 1),
    Metric.THREADS: Floor(0.05, 1, 1),
}


class Course(StrEnum):
    """Where a metric stands."""

    LEAKS = "leaks"
    CLEAR = "clear"
    OPEN = "open"


@dataclass(frozen=True)
class Standing:
    """A metric after some rounds."""

    course: Course
    streak: int
    """Rounds at the end that all grew and kept pace."""
    quiet: int
    """Rounds at the end that did not."""


def follow(
    levels: Sequence[int], calls: Sequence[int], floor: Floor, *, streak: int = STREAK, earliest: int = 0
) -> Standing:
    """Decide on one metric, round by round; what comes after the decision is not looked at.

    Args:
        levels: the level before the first round and after each; one more than ``calls``.
        calls: calls of each round.
        floor: what counts as growth.
        streak: rounds in a row that make a leak.
        earliest: the first round that may do so, counted from 1.
    """
    grown = quiet = 0
    before = first = 0.0
    for number, work in enumerate(calls):
        gained = levels[number + 1] - levels[number]
        rate = gained / work
        if gained < floor.per_round or rate < floor.per_call:
            grown, quiet, rate = 0, quiet + 1, 0.0
        elif gained + floor.unit < PACE * before * work:
            grown, quiet = 1, quiet + 1  # it fades, or this is the pace of a leak after a burst
        else:
            grown, quiet = grown + 1, 0
        before = rate
        first = rate if grown == 1 else first
        if quiet >= QUIET:
            return Standing(Course.CLEAR, grown, quiet)
        if grown >= streak and number + 1 >= earliest:
            if (gained + floor.unit) / work >= OVERALL_PACE * first:
                return Standing(Course.LEAKS, grown, quiet)
            grown = streak - 1  # each step was within rounding, all together were not
    return Standing(Course.CLEAR if len(calls) >= MOST_ROUNDS else Course.OPEN, grown, quiet)


def levels_of(metric: Metric, start: Round, rounds: Sequence[Round]) -> list[int]:
    """Values before the first round and after each; empty when one of them could not be read."""
    values = [one.counts.get(metric) for one in (start, *rounds)]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def judge(
    start: Round,
    rounds: Sequence[Round],
    *,
    ignore: Iterable[Metric] = (),
    streak: int = STREAK,
    earliest: int = 0,
) -> tuple[Course, tuple[Growth, ...]]:
    """Decide on all metrics.

    Args:
        start: what was there before the first round; its calls do not matter.
        rounds: the rounds, oldest first.
        ignore: metrics that are told but decide nothing.
        streak: rounds in a row that make a leak; fewer give a weaker answer.
        earliest: the first round that may make one, counted from 1.

    Returns:
        LEAKS as soon as one metric leaks, CLEAR when all are clear, else OPEN; and the growth of each metric.
    """
    calls = [one.calls for one in rounds]
    ignored = set(ignore)
    growths, courses = [], []
    for metric in Metric:
        levels = levels_of(metric, start, rounds)
        if not levels or not rounds:
            continue
        standing = follow(levels, calls, FLOORS[metric], streak=streak, earliest=earliest)
        decides = metric not in ignored
        if decides:
            courses.append(standing.course)
        growths.append(_growth(metric, levels, calls, standing, decides=decides))
    if Course.LEAKS in courses:
        return Course.LEAKS, tuple(growths)
    done = bool(courses) and all(course == Course.CLEAR for course in courses)
    return Course.CLEAR if done else Course.OPEN, tuple(growths)


def confirm(growths: Sequence[Growth], calls: int) -> tuple[Growth, ...]:
    """Hold what leaks against the last round, of as much work as the first: it must grow at the same pace there.

    What is kept until the next round (a buffer flushed by time, a pool of the size of the largest burst) grows with
    the size of the rounds, and so keeps pace as long as they become larger; after a smaller one it is less.

    Args:
        growths: as :func:`judge` gives them for all rounds with the last one.
        calls: of the last round.
    """
    return tuple(_held(one, calls) for one in growths)


def _held(growth: Growth, calls: int) -> Growth:
    if not growth.regressed or len(growth.per_call) < 2:
        return growth
    *_, decided, last = growth.per_call
    if last * calls + FLOORS[growth.metric].unit >= OVERALL_PACE * decided * calls:
        return growth
    return replace(growth, regressed=False, why="grew with the size of the rounds, not with the work in all")


def _growth(
    metric: Metric, levels: Sequence[int], calls: Sequence[int], standing: Standing, *, decides: bool
) -> Growth:
    per_call = tuple((levels[i + 1] - levels[i]) / work for i, work in enumerate(calls))
    leaks = standing.course == Course.LEAKS
    if leaks:
        why = f"grew in {standing.streak} rounds in a row and kept pace with the work"
        why += "" if decides else "; ignored as asked"
    elif standing.quiet >= QUIET:
        why = f"no growth that keeps pace with the work in {standing.quiet} rounds in a row"
    else:
        why = "not decided yet" if standing.course == Course.OPEN else "did not grow in every round"
    return Growth(metric, per_call, levels[-1] - levels[0], leaks and decides, why)
