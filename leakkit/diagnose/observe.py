"""Analyses snapshots one after the other and keeps of the older ones only what comparing needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.history import History, Moment, c_held, degrees, registered, seconds_of
from leakkit.diagnose.ledger import HeapFigures, is_large
from leakkit.heap.analysis import analyse
from leakkit.snapshot_model import NodeFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import Snapshot

    Progress = Callable[[str], None]


def make_moment(heap: Heap, seconds: float) -> Moment:
    """What is kept of an analysed heap; ``seconds`` since the first snapshot."""
    graph, garbage = heap.snapshot.graph, heap.garbage
    mine = (graph.flags & NodeFlag.AGENT) != 0
    dead = garbage.dead | garbage.frozen_dead
    believed = dead if garbage.trustworthy else dead & False
    total = int(graph.size[~mine].sum())
    dead_bytes = int(graph.size[believed].sum())
    large = int(graph.size[~mine & is_large(graph.size)].sum())
    retained = heap.dominators.retained
    return Moment(
        heap.snapshot,
        seconds,
        retained,
        degrees(graph),
        believed,
        HeapFigures(total - dead_bytes, dead_bytes, large, garbage.trustworthy),
        garbage.frozen_bytes if garbage.trustworthy else 0,
        c_held(heap, retained),
        registered(heap, retained),
        garbage.reasons,
    )


def same_process(snapshots: Sequence[Snapshot]) -> tuple[list[Snapshot], tuple[str, ...]]:
    """The snapshots of the newest one's process in order of time, and a warning when others were left out."""
    ordered = sorted(snapshots, key=lambda s: (s.capture.taken_at, s.capture.monotonic))
    newest = ordered[-1].process
    same = [s for s in ordered if (s.process.pid, s.process.started_at) == (newest.pid, newest.started_at)]
    if len(same) == len(ordered):
        return same, ()
    left_out = len(ordered) - len(same)
    return same, (
        (
            f"{left_out} of {len(ordered)} snapshots are of another process than the newest (pid {newest.pid}, "
            f"started {newest.started_at}) and were left out"
        ),
    )


def observe(snapshots: Sequence[Snapshot], progress: Progress) -> History:
    """Analyse every snapshot; only the newest heap stays in memory as a whole.

    Raises:
        ValueError: there is no snapshot.
    """
    if not snapshots:
        raise ValueError("no snapshot to diagnose")
    same, warnings = same_process(snapshots)
    times = seconds_of(same)
    moments: list[Moment] = []
    for number, snapshot in enumerate(same[:-1]):
        progress(f"reading snapshot {number + 1} of {len(same)}")
        moments.append(make_moment(analyse(snapshot, progress), times[number]))
    progress(f"reading snapshot {len(same)} of {len(same)}")
    heap = analyse(same[-1], progress)
    moments.append(make_moment(heap, times[-1]))
    return History(tuple(moments), heap, warnings)
