"""Several snapshots side by side: the same object found again by its address and type.

Only the newest heap stays analysed; of the older ones a :class:`Moment` keeps what comparing needs.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.heap import kernels
from leakkit.snapshot_model import EDGE_KIND_MASK, EdgeKind, RootKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.ledger import HeapFigures
    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import I64, HeapGraph, Snapshot

ENTRY_KINDS = (EdgeKind.KEY, EdgeKind.VALUE, EdgeKind.INDEX, EdgeKind.ITEM)
"""References that are entries of a container."""

ITEM_KINDS = (*ENTRY_KINDS, EdgeKind.INTERNAL)
"""References by which a container, or a C object that is one, holds its entries."""


def edge_kinds(graph: HeapGraph) -> NDArray[Any]:
    """Kind of each reference without its EXTRA bit."""
    return graph.edge_kind & EDGE_KIND_MASK


def degrees(graph: HeapGraph) -> I64:
    """Entries of each object when it is looked at as a container; unnamed references only where it has no others."""
    entries = kernels.count_kinds(graph, kernels.of_kinds(*ENTRY_KINDS)).astype(np.int64)
    # Past the naming bound a dict's keys are not told from its values; where it shows keys, every other one is a key.
    # (An EXTRA key edge comes from a dict of str keys, which the collector does not visit: those do not alternate.)
    keys = kernels.count_kinds(graph, kernels.of_kinds(EdgeKind.DICT_KEY, extra=False))
    entries = np.where(keys > 0, (entries + keys) // 2, entries)
    return np.where(entries > 0, entries, kernels.count_kinds(graph, kernels.of_kinds(EdgeKind.INTERNAL)))


@dataclass(frozen=True, eq=False)
class Moment:
    """What remains of one analysed snapshot."""

    snapshot: Snapshot
    seconds: float
    """Since the first snapshot."""
    retained: I64
    """Retained size of each object, bytes; 0 for garbage."""
    degree: I64
    dead: NDArray[Any]
    """Which objects are garbage."""
    figures: HeapFigures
    frozen_bytes: int
    """Dead objects that are frozen: no collection frees them."""
    c_held: dict[str, tuple[int, int]]
    """Type of objects that only C code holds: (objects, retained bytes)."""
    registered: dict[str, tuple[int, int]]
    """Use of interpreter roots: (roots, retained bytes)."""
    reasons: tuple[str, ...] = ()
    """Why the garbage set cannot be trusted; empty when it can."""

    @property
    def graph(self) -> HeapGraph:
        """The snapshot's heap graph."""
        return self.snapshot.graph

    @cached_property
    def type_ids(self) -> dict[str, int]:
        """Type name to its id in this snapshot."""
        return {name: number for number, name in enumerate(self.graph.types)}

    @cached_property
    def string_ids(self) -> dict[str, int]:
        """String to its id in this snapshot."""
        return {text: number for number, text in enumerate(self.graph.strings)}

    def rows_of(self, other: Moment, nodes: NDArray[Any]) -> NDArray[Any]:
        """Rows here of objects that ``other`` knows as ``nodes``: same address, same type; -1 if gone."""
        if len(self.graph.address) == 0:
            return np.full(len(nodes), -1, np.int64)
        addresses = other.graph.address[nodes]
        rows = np.minimum(np.searchsorted(self.graph.address, addresses), len(self.graph.address) - 1)
        translate = np.array([self.type_ids.get(name, -2) for name in other.graph.types], np.int64)
        same = (self.graph.address[rows] == addresses) & (
            self.graph.type_id[rows] == translate[other.graph.type_id[nodes]]
        )
        return np.where(same, rows, -1)


@dataclass(frozen=True, eq=False)
class History:
    """All moments, oldest first, and the newest one's analysed heap."""

    moments: tuple[Moment, ...]
    heap: Heap
    warnings: tuple[str, ...] = ()
    _rows: dict[int, NDArray[Any]] = field(default_factory=dict)

    @property
    def last(self) -> Moment:
        """The newest moment."""
        return self.moments[-1]

    @property
    def span(self) -> float:
        """Seconds from the first to the newest snapshot."""
        return self.last.seconds - self.moments[0].seconds

    @property
    def count(self) -> int:
        """How many snapshots."""
        return len(self.moments)

    def all_rows(self, number: int) -> NDArray[Any]:
        """For each object of the newest snapshot its row in moment ``number``, or -1."""
        if number not in self._rows:
            everyone = np.arange(self.last.graph.node_count)
            self._rows[number] = self.moments[number].rows_of(self.last, everyone)
        return self._rows[number]

    def rate(self, series: Sequence[float]) -> float | None:
        """Slope from the first to the last value, per second; None for one snapshot."""
        if self.count < 2 or self.span <= 0:
            return None
        return float(series[-1] - series[0]) / self.span

    def grows(self, series: Sequence[float]) -> bool:
        """Whether the series rises in every interval."""
        return len(series) > 1 and all(b > a for a, b in itertools.pairwise(series))


def _totals(heap: Heap, retained: I64, rows: NDArray[Any], names: Sequence[str]) -> dict[str, tuple[int, int]]:
    counts: Counter[str] = Counter(names)
    sizes: Counter[str] = Counter()
    for node, name in zip(heap.roots.node[rows].tolist(), names, strict=True):
        sizes[name] += int(retained[node])
    return {name: (counts[name], sizes[name]) for name in counts}


def c_held(heap: Heap, retained: I64) -> dict[str, tuple[int, int]]:
    """Type of objects that only C code holds: (objects, bytes they retain)."""
    rows = heap.roots.rows_of(RootKind.C_HELD)
    return _totals(heap, retained, rows, [heap.type_name(int(node)) for node in heap.roots.node[rows]])


def registered(heap: Heap, retained: I64) -> dict[str, tuple[int, int]]:
    """What the interpreter uses roots for (``atexit``): (roots, bytes they retain)."""
    rows = heap.roots.rows_of(RootKind.INTERPRETER)
    return _totals(heap, retained, rows, [heap.string(int(name)) for name in heap.roots.name[rows]])


def seconds_of(snapshots: Sequence[Snapshot]) -> tuple[float, ...]:
    """Seconds since the first snapshot: by the host's clock, or by wall time if that clock restarted."""
    clock = [s.capture.monotonic for s in snapshots]
    if any(b <= a for a, b in itertools.pairwise(clock)):
        clock = [_wall(s.capture.taken_at) for s in snapshots]
    return tuple(at - clock[0] for at in clock)


def _wall(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
