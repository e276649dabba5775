"""Gates a service: the same load again and again, more of it each round, and a settled snapshot after each round.

The service is never asked to collect or to trim: what its own collector leaves lying is part of the answer.
"""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from leakkit import store
from leakkit.capture.processes import python_tree, started_at
from leakkit.capture.take import take_snapshot
from leakkit.errors import LeakkitError, TargetError, UsageError
from leakkit.gate.explain import count, explain
from leakkit.gate.model import Metric, Round
from leakkit.gate.rounds import OFF_HEAP_BYTES, OFF_HEAP_TIMES
from leakkit.gate.rule import ESCALATION, MOST_ROUNDS, Course, judge
from leakkit.gate.service import Load, Service, ready_when, run_service, split_command
from leakkit.gate.verdict import check_of, unmeasured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leakkit.gate.model import Check, Growth
    from leakkit.snapshot_model import Snapshot

KEPT_SNAPSHOTS: Final = 4
"""The newest snapshots of each process are kept for the diagnosis: growth needs three."""
SETTLE_SECONDS: Final = 10.0
"""Longest wait for a service to become idle after its load."""
FLOAT_BYTES: Final = 1 << 20
"""Less garbage than this is the normal float of a collector, which nobody asks to run after a round."""
FLOAT_RATE: Final = 100.0
"""More garbage a request than this may be on its way to more than that: the rounds go on until it is decided."""
_GARBAGE: Final = frozenset({Metric.GARBAGE_OBJECTS, Metric.GARBAGE_BYTES})
_RESIDENT: Final = frozenset({Metric.NATIVE, Metric.RSS, Metric.USS})
_LIVE: Final = frozenset({Metric.OBJECTS, Metric.BYTES, Metric.FILES, Metric.THREADS})

Ident = tuple[int, int]
"""Process id and start time."""


@dataclass(frozen=True)
class ServePlan:
    """What to start, how to load it, and for how long; times in seconds."""

    serve: str
    drive: str
    ready: str
    requests: int = 1
    """Requests that one run of the load makes: growth is told per request."""
    warmup: int = 2
    """Runs of the load before anything is measured."""
    max_seconds: float = 600.0
    ready_seconds: float = 60.0
    ignore: frozenset[Metric] = frozenset()
    keep: Path | None = None
    """Folder for the snapshots of a service that failed."""


@dataclass
class _Measured:
    """The rounds so far, for :func:`leakkit.gate.verdict.check_of`."""

    course: Course = Course.OPEN
    growths: tuple[Growth, ...] = ()
    rounds: tuple[Round, ...] = ()
    seconds: float = 0.0
    diagnosis: dict[str, Any] | None = None
    finished: bool = False
    peak: int | None = None
    """High-water mark of resident memory, added up over the processes that were there all the time."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Moment:
    """What was there after a round, process by process."""

    calls: int
    seconds: float
    counts: dict[Ident, dict[Metric, int]]


@dataclass
class _Series:
    """All moments, and the newest snapshots of each process."""

    moments: list[_Moment] = field(default_factory=list)
    snapshots: dict[Ident, deque[Snapshot]] = field(default_factory=dict)

    def common(self) -> list[Ident]:
        """The processes that were there all the time."""
        first, *others = self.moments
        return [one for one in first.counts if all(one in moment.counts for moment in others)]

    def rounds(self) -> list[Round]:
        """Counts added up over the processes that were there all the time; the base line comes first."""
        common = self.common()
        rounds = []
        for moment in self.moments:
            counts = [moment.counts[one] for one in common]
            known = [metric for metric in Metric if counts and all(metric in one for one in counts)]
            totals = {metric: sum(one[metric] for one in counts) for metric in known}
            rounds.append(Round(moment.calls, totals, moment.seconds))
        return rounds

    def growing(self, metric: Metric) -> Ident:
        """The process that brought most of the growth."""
        first, last = self.moments[0].counts, self.moments[-1].counts
        return max(self.common(), key=lambda one: last[one].get(metric, 0) - first[one].get(metric, 0))


def gate_service(plan: ServePlan, *, report: Callable[[str], None]) -> Check:
    """Start the service, load it round by round, and decide; the service is ended in any case.

    Args:
        plan: what to do.
        report: gets progress, one line at a time.

    Returns:
        The check; unmeasured when the service or the load failed, or when time ran out.

    Raises:
        UsageError: one of the commands cannot be started, or ``ready`` means nothing.
    """
    argv, ready = split_command(plan.serve, "--serve"), ready_when(plan.ready)
    load = Load(split_command(plan.drive, "--drive"), plan.max_seconds)
    began = time.monotonic()
    file = _script(argv)
    measured = _Measured()
    try:
        with run_service(argv) as service:
            service.wait_ready(ready, plan.ready_seconds)
            report(f"the service is ready after {time.monotonic() - began:.1f} s")
            _measure(plan, service, load, measured, report)
    except UsageError:
        raise
    except TargetError as error:
        why = f"{error.message} ({error.hint})" if error.hint else error.message
        return unmeasured(plan.serve, why, seconds=time.monotonic() - began, file=file, line=1 if file else None)
    check = check_of(measured, plan.serve, file=file, line=1 if file else None)
    notes = (*check.notes, *_garbage_note(check), *measured.notes)
    return replace(check, notes=notes, peak_bytes=measured.peak)


def _garbage_note(check: Check) -> tuple[str, ...]:
    """What waits for the collector is told even where it decides nothing."""
    growth = next((one for one in check.growths if one.metric == Metric.GARBAGE_BYTES), None)
    if growth is None or growth.regressed or growth.total < FLOAT_RATE:
        return ()
    return (f"{growth.total:,} B more garbage than before the rounds wait for the service's own collector",)


def _script(argv: Sequence[str]) -> str | None:
    """The service's own file, if the command names one."""
    return next((word for word in argv if word.endswith(".py") and Path(word).is_file()), None)


def _measure(plan: ServePlan, service: Service, load: Load, measured: _Measured, report: Callable[[str], None]) -> None:
    began = time.monotonic()
    series = _Series()
    for number in range(plan.warmup):
        report(f"warming up, {number + 1} of {plan.warmup}")
        load.run(service)
    # What the first capture itself leaves in the service is there before the base line.
    _look(service, _Series(), 0, 0.0, report)
    load.run(service)
    _look(service, series, 0, 0.0, report)
    calls = 1
    while measured.course == Course.OPEN and len(series.moments) <= MOST_ROUNDS:
        if time.monotonic() - began > plan.max_seconds:
            break
        report(f"round {len(series.moments)}: the load {calls} times")
        start = time.monotonic()
        for _ in range(calls):
            load.run(service)
        _look(service, series, calls * plan.requests, time.monotonic() - start, report)
        base, *rounds = series.rounds()
        if not base.counts:
            raise TargetError("no Python process of the service lived through all rounds", "drive it without restarts")
        measured.course, measured.growths = _decide(base, rounds, plan.ignore)
        measured.rounds = tuple(rounds)
        calls = int(calls * ESCALATION + 0.5)
    measured.seconds = time.monotonic() - began
    measured.peak = _peak(series.common())
    if others := len({one for moment in series.moments for one in moment.counts} - set(series.common())):
        measured.notes = (f"{others} processes came or went between the rounds and were not counted",)
    measured.finished = True
    if measured.course == Course.LEAKS:
        report("it grows in every round and keeps pace with the load; looking for the holder")
        measured.diagnosis = _explain(plan, series, measured)


def _peak(processes: Sequence[Ident]) -> int | None:
    total = 0
    for pid, ticks in processes:
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
        if found is None or started_at(pid) != ticks:
            return None
        total += int(found[1]) * 1024
    return total


def _decide(base: Round, rounds: Sequence[Round], ignore: frozenset[Metric]) -> tuple[Course, tuple[Growth, ...]]:
    """The rule's answer, for a process in which dead objects wait for its own collector."""
    gained = rounds[-1].counts.get(Metric.GARBAGE_BYTES, 0) - base.counts.get(Metric.GARBAGE_BYTES, 0)
    floats = gained < FLOAT_BYTES
    if floats and gained < FLOAT_RATE * sum(one.calls for one in rounds):
        return judge(base, rounds, ignore=ignore | _GARBAGE)
    course, growths = judge(base, rounds, ignore=ignore)
    grown = {growth.metric for growth in growths if growth.regressed}
    if course == Course.LEAKS and floats and not grown & _LIVE and grown & _GARBAGE:
        # It and the resident memory that it takes: no leak, and nothing else is in doubt after so many rounds.
        return Course.CLEAR, tuple(replace(growth, regressed=False) for growth in growths)
    return course, growths


def _look(service: Service, series: _Series, calls: int, seconds: float, report: Callable[[str], None]) -> None:
    """Wait until the service has settled, and take a snapshot of each of its Pythons."""
    if not service.settle(SETTLE_SECONDS):
        report(f"the service is still busy {SETTLE_SECONDS:g} s after the load")
    counts: dict[Ident, dict[Metric, int]] = {}
    for pid in python_tree(service.pid):
        ticks = started_at(pid)
        if ticks is None:
            continue
        snapshot = take_snapshot(pid, timeout=60.0)
        counts[pid, ticks] = _count(snapshot, pid)
        series.snapshots.setdefault((pid, ticks), deque(maxlen=KEPT_SNAPSHOTS)).append(snapshot)
    service.check_alive()
    series.moments.append(_Moment(calls, seconds, counts))


def _count(snapshot: Snapshot, pid: int) -> dict[Metric, int]:
    counts = count(snapshot)
    counts[Metric.RSS] = snapshot.memory.rss
    if snapshot.memory.malloc_in_use is not None:
        counts[Metric.NATIVE] = snapshot.memory.malloc_in_use
    for metric, folder in ((Metric.FILES, "fd"), (Metric.THREADS, "task")):
        try:
            counts[metric] = sum(1 for _ in Path(f"/proc/{pid}/{folder}").iterdir())
        except OSError:
            continue
    return counts


def _explain(plan: ServePlan, series: _Series, measured: _Measured) -> dict[str, Any]:
    """Who holds what grows; kept snapshots are named in the answer."""
    grown = {growth.metric for growth in measured.growths if growth.regressed}
    garbage = bool(grown & _GARBAGE) and not grown & _LIVE
    process = series.growing(Metric.GARBAGE_BYTES if garbage else Metric.BYTES)
    snapshots = list(series.snapshots[process])
    answer: dict[str, Any]
    try:
        enabled = snapshots[-1].collector.enabled
        calls, off_heap = measured.rounds[-1].calls, _off_heap(measured.growths)
        answer = explain(snapshots, calls=calls, collector=enabled, garbage=garbage, off_heap=off_heap)
    except LeakkitError as error:
        answer = {"failed": error.message}
    return {**answer, "files": _keep(snapshots, plan.keep)}


def _off_heap(growths: Sequence[Growth]) -> bool:
    """Whether C memory, or resident memory, grows by clearly more than objects do."""
    objects = next((one.per_call[-1] for one in growths if one.metric == Metric.BYTES), 0.0)
    rates = [one.per_call[-1] for one in growths if one.regressed and one.metric in _RESIDENT]
    return any(rate > OFF_HEAP_TIMES * objects + OFF_HEAP_BYTES for rate in rates)


def _keep(snapshots: Sequence[Snapshot], folder: Path | None) -> list[str]:
    if folder is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, snapshot in enumerate(snapshots, 1):
        path = folder / f"service-{snapshot.process.pid}-{number}.leak"
        store.write(snapshot, path)
        files.append(str(path))
    return files
