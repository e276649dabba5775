"""Takes the agent's own objects out of a native dump.

The native copy is made while the agent's thread runs, so its dicts, functions and arguments are among the objects.
What it is known to own is the start; what only own objects and the agent's frames refer to is its own, too.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.capture.pack_graph import find_rows
from leakkit.snapshot_model import EDGE_KIND_MASK, EdgeKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.capture.raw_dump import RawDump

_SMALL = 64
"""References of an object up to which a tuple that holds one of our dicts is taken for a call's arguments."""
_ROUNDS = 100


class _Graph:
    """The dump's references in its own order, as row numbers."""

    def __init__(self, dump: RawDump) -> None:
        self.nodes = dump.column("node", "u8")
        self.order = np.argsort(self.nodes, kind="stable")
        self.ascending = self.nodes[self.order]
        degree = dump.column("degree", "i8")
        self.degree = degree
        self.start = np.cumsum(degree) - degree
        self.edges = dump.column("edge", "u8")
        self.refs = dump.column("refs", "i8")
        strong = dump.column("extra_kind", "u1") & EDGE_KIND_MASK != EdgeKind.WEAK
        source = self.rows(dump.column("extra_node", "u8"))
        by_source = np.argsort(source, kind="stable")
        by_source = by_source[strong[by_source]]
        self.extra_source, self.extra = source[by_source], dump.column("extra_target", "u8")[by_source]

    def rows(self, addresses: NDArray[Any]) -> NDArray[np.int64]:
        place = find_rows(self.ascending, addresses)
        return np.where(place >= 0, self.order[place], -1).astype(np.int64)

    def targets(self, row: int) -> NDArray[np.int64]:
        first, last = np.searchsorted(self.extra_source, [row, row + 1])
        seen = self.edges[self.start[row] : self.start[row] + self.degree[row]]
        return self.rows(np.concatenate([seen, self.extra[first:last]]))


def _own_rows(dump: RawDump, graph: _Graph, seeds: list[int]) -> set[int]:
    """Rows of the agent's objects."""
    start = np.concatenate([np.array(seeds, np.uint64), dump.column("own_node", "u8")])
    own = {int(row) for row in graph.rows(start) if row >= 0}
    # The tuple of a thread's arguments is held by C alone; it refers to one of our dicts.
    into = np.flatnonzero(np.isin(graph.edges, start[: len(seeds)]))
    tuples = np.searchsorted(graph.start + graph.degree, into, side="right")
    tuple_type = {row[0] for row in dump.record("types") if row[1] in ("tuple", "function")}
    kinds = dump.column("type", "u8")
    own |= {int(row) for row in np.unique(tuples) if int(kinds[row]) in tuple_type and graph.degree[row] <= _SMALL}
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


def without_own(dump: RawDump, seeds: list[int]) -> tuple[dict[str, NDArray[Any]], list[int]]:
    """The columns without own objects, and how many of each generation were left out.

    What own objects and the agent's frames refer to is told in ``held_node`` and ``held_count``, as by the Python walk.
    """
    graph = _Graph(dump)
    own = np.zeros(len(graph.nodes), bool)
    own[list(_own_rows(dump, graph, seeds))] = True
    columns = dict(dump.columns)
    mine = np.repeat(own, graph.degree)
    held, count = np.unique(np.concatenate([graph.edges[mine], dump.column("held_node", "u8")]), return_counts=True)
    columns["held_node"], columns["held_count"] = held, count.astype(np.uint32)
    for name in ("edge", "edge_kind", "edge_name"):
        columns[name] = dump.columns[name][~mine] if name in dump.columns else np.zeros(0, "u8")
    for name in ("node", "type", "refs", "size", "degree"):
        columns[name] = dump.columns[name][~own]
    generations = np.cumsum([0, *dump.record("counts")["generations"]])
    removed = [int(own[a:b].sum()) for a, b in pairwise(generations.tolist())]
    gone = graph.nodes[own]
    for prefix in ("extra", "function", "bound", "view", "frame"):
        names = [name for name in columns if name.startswith(prefix + "_")]
        if names:
            keep = ~np.isin(columns[f"{prefix}_node"], gone)
            if prefix == "extra":
                keep &= ~np.isin(columns["extra_target"], gone)
            columns.update({name: columns[name][keep] for name in names})
    return columns, removed
