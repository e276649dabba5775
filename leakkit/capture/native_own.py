"""Takes the agent's own objects out of a native dump.

The native copy is made while the agent's thread runs, so its dicts, functions and arguments are among the objects.
What it is known to own is the start; what only own objects and the agent's frames refer to is its own, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.capture.pack_graph import find_rows, sort_column
from leakkit.capture.raw_dump import RawDump, damaged
from leakkit.snapshot_model import EDGE_KIND_MASK, EdgeKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALL = 64
"""References of an object up to which a tuple that holds one of our dicts is taken for a call's arguments."""
_ROUNDS = 100


class _Graph:
    """The dump's references in its own order, as row numbers."""

    def __init__(self, dump: RawDump) -> None:
        self.nodes = dump.column("node", "u8")
        self.ascending, self.order = sort_column(self.nodes)
        self.degree = dump.column("degree", "i8")
        self.start = np.cumsum(self.degree) - self.degree
        self.edges = dump.column("edge", "u8")
        if len(self.degree) != len(self.nodes) or int(self.degree.sum()) != len(self.edges):
            raise damaged("its references do not fit its objects")
        self.refs = dump.column("refs", "i8")
        strong = dump.column("extra_kind", "u1") & EDGE_KIND_MASK != EdgeKind.WEAK
        source, target = dump.column("extra_node", "u8")[strong], dump.column("extra_target", "u8")[strong]
        self.extra_source, by_source = sort_column(source)
        self.extra = target[by_source]

    def rows(self, addresses: NDArray[Any]) -> NDArray[np.int64]:
        """Rows of a few addresses, -1 where there is none."""
        if not len(self.ascending):
            return np.full(len(addresses), -1, np.int64)
        place = np.minimum(np.searchsorted(self.ascending, addresses), len(self.ascending) - 1)
        return np.where(self.ascending[place] == addresses, self.order[place], -1).astype(np.int64)

    def targets(self, row: int) -> NDArray[np.int64]:
        """Rows that a row refers to, unseen and extra references included."""
        address = self.nodes[row]
        first = np.searchsorted(self.extra_source, address)
        last = np.searchsorted(self.extra_source, address, side="right")
        seen = self.edges[self.start[row] : self.start[row] + self.degree[row]]
        return self.rows(np.concatenate([seen, self.extra[first:last]]))

    def into(self, addresses: NDArray[Any]) -> NDArray[np.int64]:
        """Rows that refer to one of a few addresses."""
        edges = np.flatnonzero(_among(self.edges, np.unique(addresses)))
        return np.unique(np.searchsorted(self.start + self.degree, edges, side="right"))


def _own_rows(dump: RawDump, graph: _Graph, seeds: list[int]) -> set[int]:
    """Rows of the agent's objects."""
    start = np.concatenate([np.array(seeds, np.uint64), dump.column("own_node", "u8")])
    own = {int(row) for row in graph.rows(start) if row >= 0}
    # The tuple of a thread's arguments is held by C alone; it refers to one of our dicts.
    tuples = graph.into(start[: len(seeds)])
    tuple_type = {row[0] for row in dump.record("types") if row[1] in ("tuple", "function")}
    kinds = dump.column("type", "u8")
    own |= {int(row) for row in tuples if int(kinds[row]) in tuple_type and graph.degree[row] <= _SMALL}
    counted: dict[int, int] = {}
    held = graph.rows(dump.column("held_node", "u8"))
    for row, count in zip(held.tolist(), dump.column("held_count", "i8").tolist(), strict=True):
        if row >= 0:
            counted[row] = counted.get(row, 0) + count
    waiting = list(own)
    for _ in range(_ROUNDS):
        for row in waiting:
            for target in graph.targets(row).tolist():
                if target >= 0:
                    counted[target] = counted.get(target, 0) + 1
        waiting = [row for row, count in counted.items() if row not in own and count >= int(graph.refs[row])]
        if not waiting:
            break
        own.update(waiting)
    return own


def without_own(dump: RawDump, seeds: list[int]) -> RawDump:
    """The dump whose rows to keep are all but the agent's own.

    What own objects and the agent's frames refer to is told in ``held_node`` and ``held_count``, as by the Python walk.
    The large columns stay as they are: only ``rows`` leaves own objects out.
    """
    graph = _Graph(dump)
    own = np.array(sorted(_own_rows(dump, graph, seeds)), np.int64)
    columns, gone = dict(dump.columns), np.sort(graph.nodes[own])
    first, last = graph.start[own], (graph.start + graph.degree)[own]
    mine = [graph.edges[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True)]
    held, count = np.unique(np.concatenate([*mine, dump.column("held_node", "u8")]), return_counts=True)
    columns["held_node"], columns["held_count"] = held, count.astype(np.uint32)
    for prefix in ("extra", "function", "bound", "view", "frame"):
        names = [name for name in columns if name.startswith(prefix + "_")]
        if names:
            leave = _among(columns[f"{prefix}_node"], gone)
            if prefix == "extra":
                leave |= _among(columns["extra_target"], gone)
            columns.update({name: columns[name][~leave] for name in names})
    place = np.searchsorted(graph.ascending, gone)
    return RawDump(columns, dump.records, (np.delete(graph.ascending, place), np.delete(graph.order, place)))


def _among(column: NDArray[Any], few: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows are one of a few ascending addresses."""
    return find_rows(few, column) >= 0
