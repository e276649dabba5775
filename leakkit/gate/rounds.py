"""Drives a scenario round by round in its own process and decides; the one engine behind every way of gating.

:class:`Rounds` is an iterator: it hands out one number for each call that the scenario has to make, and does its own
work (settle, count, decide, take snapshots) between two of them.  So a ``for`` loop of the user's, a repeated test and
``leakkit gate module:function`` are measured by the same code.
"""

from __future__ import annotations

import gc
import time
from array import array
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leakkit.gate.counters import Counters
from leakkit.gate.left_open import in_words, kinds
from leakkit.gate.model import Metric, Round
from leakkit.gate.observer import SNAPSHOT_METRICS, ObserverError
from leakkit.gate.plan import ENOUGH_CALLS, ENOUGH_SECONDS, affordable
from leakkit.gate.rule import ESCALATION, FLOORS, MOST_ROUNDS, Course, confirm, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from leakkit.gate.model import Growth
    from leakkit.gate.observer import Observer
    from leakkit.gate.plan import Plan

DIAGNOSED_ROUNDS = 2
"""Rounds after the decision, with a snapshot before, between and after: growth needs three."""

FEWEST_DIAGNOSED_CALLS = 50
"""What grows must stand out from the rest of the heap."""

SLOWEST_DIAGNOSED_SECONDS = 10.0
"""Unless so many calls take longer than this."""

OFF_HEAP_TIMES = 2.0
"""Allocators add to what objects weigh, but not as much again."""

OFF_HEAP_BYTES = 16
"""The smallest block of C memory that a call can leave behind is larger."""

_MISSING = -1
_BY_SNAPSHOT = frozenset(SNAPSHOT_METRICS)
_OFF_HEAP = (Metric.NATIVE, Metric.USS, Metric.RSS)
_GARBAGE = (Metric.GARBAGE_OBJECTS, Metric.GARBAGE_BYTES)


class _Ledger:
    """Levels in arrays made beforehand: a record that grew with each round would be counted as growth."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        rows = 1 + MOST_ROUNDS + 1 + DIAGNOSED_ROUNDS + 2
        self._levels = {metric: array("q", [_MISSING]) * rows for metric in Metric}
        self._calls = array("q", [0]) * rows
        self._seconds = array("d", [0.0]) * rows
        self._left_behind: dict[Metric, int] = {}
        self.size = 0

    def add(self, calls: int, seconds: float) -> None:
        """Count now, as the next row."""
        for metric, value in self._counters.read().items():
            self._levels[metric][self.size] = value - self._left_behind.get(metric, 0)
        self._calls[self.size] = calls
        self._seconds[self.size] = seconds
        self.size += 1

    def observe(self, counts: dict[Metric, int]) -> None:
        """Add to the newest row what a snapshot counted, and take out from now on what the capture left behind."""
        for metric, value in self._counters.read().items():
            self._left_behind[metric] = value - self._levels[metric][self.size - 1]
        for metric, value in counts.items():
            self._levels[metric][self.size - 1] = value

    def forget(self, metric: Metric) -> None:
        """The newest row's value of a metric means nothing."""
        self._levels[metric][self.size - 1] = _MISSING

    def last(self, metric: Metric) -> int | None:
        """The newest value, if there is one."""
        value = self._levels[metric][self.size - 1] if self.size else _MISSING
        return None if value == _MISSING else value

    def rounds(self) -> list[Round]:
        """All rows, the start first; made anew each time."""
        return [
            Round(
                self._calls[row],
                {metric: levels[row] for metric, levels in self._levels.items() if levels[row] != _MISSING},
                self._seconds[row],
            )
            for row in range(self.size)
        ]


class Rounds:
    """The rounds of one scenario; iterate over it and make one call for each number.

    Args:
        plan: how much work to do.
        observe: makes the observer that takes and reads snapshots of this process, once growth is suspected;
            None to decide without a diagnosis.
        tidy: called before each count, to drop what whoever makes the calls keeps of them.
    """

    def __init__(
        self,
        plan: Plan,
        observe: Callable[[], Observer] | None = None,
        tidy: Callable[[], None] | None = None,
    ) -> None:
        self.plan = plan
        self.seconds = 0.0
        """Wall time from the first call to the decision."""
        self.course: Course = Course.OPEN
        self.growths: tuple[Growth, ...] = ()
        self.rounds: tuple[Round, ...] = ()
        self.diagnosis: dict[str, Any] | None = None
        """What the observer said of the rounds after the decision, and which files and threads stayed; None when
        nothing was to be diagnosed."""
        self.finished = False
        """Whether the iteration came to its end, by a decision or by the deadline."""
        self._observe = observe
        self._tidy = tidy
        self._counters = Counters()
        self._ledger = _Ledger(self._counters)
        self._began = time.monotonic()
        self._affordable = self._earliest = 0
        self._calls = self._run()

    def __iter__(self) -> Iterator[int]:
        return self._calls

    def close(self) -> None:
        """End the measurement, also in the middle."""
        self._calls.close()

    def _run(self) -> Generator[int, None, None]:
        self._began = time.monotonic()
        try:
            seconds = yield from self._warm_up()
            calls = yield from self._probe(seconds)
            yield from range(calls)  # the first round brings what only much work brings, and is not counted
            before = {metric: kinds(metric) for metric in (Metric.FILES, Metric.THREADS)}
            self._settle()
            self._ledger.add(0, 0.0)
            yield from self._decide(calls)
            if self.course == Course.LEAKS and self._observe is not None:
                regressed = {growth.metric for growth in self.growths if growth.regressed}
                stayed = [in_words(metric, counted) for metric, counted in before.items() if metric in regressed]
                yield from self._diagnose(self._observe(), seconds)
                yield from self._contradicted(calls)
                self.diagnosis = {**(self.diagnosis or {}), "stayed": stayed}
            self.finished = True
        finally:
            self.seconds = time.monotonic() - self._began

    def _warm_up(self) -> Generator[int, None, float]:
        """The first calls; returns the seconds that one of the later ones took."""
        early = self.plan.warmup // 2
        yield from range(early)
        middle = time.perf_counter()
        yield from range(self.plan.warmup - early)
        return (time.perf_counter() - middle) / (self.plan.warmup - early)

    def _probe(self, seconds: float) -> Generator[int, None, int]:
        """A few calls that show how many the first round can afford."""
        calls = self.plan.probe_calls(seconds)
        self._settle()
        before = self._counters.read()
        yield from range(calls)
        self._settle()
        after = self._counters.read()
        gains = {metric: (after[metric] - value) / calls for metric, value in before.items() if metric in after}
        room = self._counters.room(after)
        self._affordable = affordable(gains, room)
        return self.plan.first_calls(seconds, gains, room)

    def _decide(self, calls: int) -> Iterator[int]:
        """Rounds of more and more calls until the rule has decided or time is up; a leak must outlast a small one."""
        first = calls
        while self.course == Course.OPEN and self._ledger.size <= MOST_ROUNDS:
            if self._ledger.size > 1 and time.monotonic() - self._began > self.plan.max_seconds:
                return
            yield from self._round(calls)
            self._judge()
            calls = int(calls * ESCALATION + 0.5)
        if self.course == Course.LEAKS:
            yield from self._round(first)
            self.rounds = tuple(self._ledger.rounds()[1:])
            self.growths = self._confirmed(self.rounds)
            self.course = Course.LEAKS if any(one.regressed for one in self.growths) else Course.CLEAR

    def _round(self, calls: int, *, collect: bool = True) -> Iterator[int]:
        start = time.perf_counter()
        yield from range(calls)
        seconds = time.perf_counter() - start
        self._settle(collect=collect)
        self._ledger.add(calls, seconds)

    def _settle(self, *, collect: bool = True) -> None:
        if self._tidy is not None:
            self._tidy()
        files, threads = self._ledger.last(Metric.FILES), self._ledger.last(Metric.THREADS)
        self._counters.settle(collect=collect, files=files, threads=threads)

    def _judge(self) -> None:
        start, *rounds = self._ledger.rounds()
        if self._too_early(rounds):
            self._earliest = len(rounds) + 1
        self.course, self.growths = judge(start, rounds, ignore=self.plan.ignore, earliest=self._earliest)
        self.rounds = tuple(rounds)
        if self.course == Course.OPEN:
            self.growths, self.rounds = (), ()  # kept only once it is final: see _Ledger

    def _too_early(self, rounds: Sequence[Round]) -> bool:
        """Whether a cache that fills up may still look like a leak, and one more round can be had."""
        made, spent = sum(one.calls for one in rounds), sum(one.seconds for one in rounds)
        more = ESCALATION * rounds[-1].calls
        return (
            made < ENOUGH_CALLS
            and len(rounds) < MOST_ROUNDS - 1
            and made + more < self._affordable
            and spent + ESCALATION * rounds[-1].seconds < ENOUGH_SECONDS
        )

    def _confirmed(self, rounds: Sequence[Round]) -> tuple[Growth, ...]:
        """How each metric went, when the last round is the small one."""
        start = self._ledger.rounds()[0]
        growths = judge(start, rounds, ignore=self.plan.ignore, earliest=self._earliest)[1]
        return confirm(growths, rounds[-1].calls)

    def _diagnose(self, observer: Observer, seconds: float) -> Iterator[int]:
        """Two more rounds with snapshots around them; cycles are left uncollected when they are what grows."""
        decided = len(self.rounds)
        garbage = all(one.metric in _GARBAGE for one in self.growths if one.regressed)
        calls = self._diagnosed_calls(seconds)
        held = garbage and gc.isenabled()
        try:
            self._look(observer)
            if held:
                gc.disable()  # a young collection in the middle of a round would take the evidence away
            for _ in range(DIAGNOSED_ROUNDS):
                yield from self._round(calls, collect=not garbage)
                if garbage:
                    self._ledger.forget(Metric.GARBAGE_OBJECTS)
                self._look(observer)
            self.diagnosis = observer.explain(
                calls=calls, collector=held or gc.isenabled(), garbage=garbage, off_heap=self._off_heap(calls)
            )
        except ObserverError as error:
            self.diagnosis = {"failed": str(error)}
        finally:
            if held:
                gc.enable()
            observer.close()
        self.rounds = tuple(self._ledger.rounds()[1:])
        self.growths = (*self._confirmed(self.rounds[:decided]), *self._on_the_graph(decided))

    def _contradicted(self, calls: int) -> Iterator[int]:
        """Once more a small round when the snapshots show no growth that the counters have seen.

        C code may keep what no object shows; or it was a buffer that has been flushed by time meanwhile.
        """
        grown = {one.metric for one in self.growths if one.regressed}
        if grown & _BY_SNAPSHOT or not grown <= {Metric.BLOCKS, *_OFF_HEAP}:
            return
        self._settle()
        self._ledger.add(0, 0.0)
        yield from self._round(calls)
        base, after = self._ledger.rounds()[-2:]
        gains = judge(base, [after])[1]
        again = {one.metric: one.per_call for one in gains}
        self.growths = tuple(
            confirm([replace(one, per_call=one.per_call + again[one.metric])], calls)[0] if one.metric in again else one
            for one in self.growths
        )
        self.course = Course.LEAKS if any(one.regressed for one in self.growths) else Course.CLEAR

    def _off_heap(self, calls: int) -> bool:
        """Whether C memory, or resident memory, grows by clearly more than the objects of the last round."""
        *_, before, after = self._ledger.rounds()
        objects = (after.counts[Metric.BYTES] - before.counts[Metric.BYTES]) / calls
        rates = [one.per_call[-1] for one in self.growths if one.regressed and one.metric in _OFF_HEAP]
        return any(rate > OFF_HEAP_TIMES * objects + OFF_HEAP_BYTES for rate in rates)

    def _look(self, observer: Observer) -> None:
        self._ledger.observe(observer.snapshot())

    def _diagnosed_calls(self, seconds: float) -> int:
        calls = max(self.rounds[1].calls, FEWEST_DIAGNOSED_CALLS)
        return max(min(calls, int(SLOWEST_DIAGNOSED_SECONDS / max(seconds, 1e-9))), 2)

    def _on_the_graph(self, decided: int) -> list[Growth]:
        """Growth of what only snapshots count."""
        rows = [one for one in self.rounds[decided - 1 :] if Metric.OBJECTS in one.counts]
        if len(rows) <= DIAGNOSED_ROUNDS:
            return []
        only = [replace(one, counts={m: v for m, v in one.counts.items() if m in SNAPSHOT_METRICS}) for one in rows]
        growths = judge(only[0], only[1:], ignore=self.plan.ignore)[1]
        return [self._seen(replace(one, first_round=decided)) for one in growths]

    def _seen(self, growth: Growth) -> Growth:
        """Growth between snapshots as one that regressed: the pace was held up by the counters of the rounds before."""
        floor = FLOORS[growth.metric].per_call
        grew = growth.metric not in self.plan.ignore and all(rate >= floor for rate in growth.per_call)
        return replace(growth, regressed=grew, why=f"{'grew' if grew else 'did not grow'} in each diagnosed round")
