"""What ``leakkit try`` predicts from a snapshot, and how it compares with what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.constants import (
    COLLECT_SECONDS_PER_CONTAINER,
    COLLECTION_PASSES,
    FREE_SECONDS_PER_OBJECT,
    FREE_SECONDS_PER_PAGE,
    PAGE,
)
from leakkit.diagnose.ledger import is_large
from leakkit.heap.analysis import analyse
from leakkit.outcomes import TriedFigure
from leakkit.snapshot_model import NodeFlag

if TYPE_CHECKING:
    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import Snapshot


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a full collection, and a trim after it, should do; bytes and seconds."""

    heap: Heap
    garbage_bytes: int
    objects: int
    """What the collector should find unreachable."""
    rss_least: int
    """Resident bytes given back, at least and at most."""
    rss_most: int
    pause_seconds: float
    """From the heap alone: containers, and what is freed."""
    free_seconds: float
    """The part of it that freeing takes."""
    version: tuple[int, int]
    doubts: tuple[str, ...]


def predict(snapshot: Snapshot, *, trim: bool) -> Prediction:
    """What collecting, and with ``trim`` trimming, should free in the process that the snapshot shows."""
    heap = analyse(snapshot)
    garbage, graph = heap.garbage, heap.graph
    dead = garbage.dead
    tracked = int(np.count_nonzero((graph.flags & NodeFlag.TRACKED) != 0))
    large = int(graph.size[dead & is_large(graph.size)].sum())
    free = garbage.count * FREE_SECONDS_PER_OBJECT + large / PAGE * FREE_SECONDS_PER_PAGE
    trimmable = snapshot.memory.trimmable
    # Pools of small objects go back only when a whole arena is empty.
    least, most = (large + (trimmable or 0), garbage.bytes + (trimmable or 0)) if trim else (0, garbage.bytes)
    doubts = [f"garbage is not known for sure: {reason}" for reason in garbage.reasons]
    if trim and trimmable is None:
        doubts.append(f"allocator {snapshot.memory.allocator}: what a trim gives back could not be tried in the copy")
    major, minor = (int(part) for part in snapshot.process.python.split(".")[:2])
    pause = tracked * COLLECT_SECONDS_PER_CONTAINER + free
    objects = int(np.count_nonzero(garbage.tracked_dead))
    return Prediction(heap, garbage.bytes, objects, least, most, pause, free, (major, minor), tuple(doubts))


def pause_from(dry_seconds: float, expected: Prediction) -> float:
    """Seconds of pause, from one dry pass over the target's references and what is to be freed."""
    passes = next(factor for version, factor in COLLECTION_PASSES if expected.version >= version)
    return dry_seconds * passes + expected.free_seconds


def freed_since(expected: Prediction, after: Snapshot) -> int:
    """Bytes of the garbage that is not there any more, or is something else now."""
    before = expected.heap.graph
    rows = np.flatnonzero(expected.heap.garbage.dead)
    later = analyse(after)
    place = np.minimum(np.searchsorted(later.graph.address, before.address[rows]), later.graph.node_count - 1)
    still = (later.graph.address[place] == before.address[rows]) & later.garbage.dead[place]
    names = {name: number for number, name in enumerate(later.graph.types)}
    translate = np.array([names.get(name, -2) for name in before.types], np.int64)
    still &= later.graph.type_id[place] == translate[before.type_id[rows]]
    return int(before.size[rows[~still]].sum())


def figure(name: str, unit: str, least: float, most: float, measured: float) -> TriedFigure:
    """One line of the comparison; the ratio is of the prediction's middle to what was measured."""
    middle = (least + most) / 2
    ratio = round(middle / measured, 3) if measured > 0 and middle > 0 else None
    return TriedFigure(name, unit, least, most, measured, ratio)
