"""Retaining paths: the best way from a root to each live object, as one tree for the whole heap.

*Best* is cheapest, not shortest.  A person reads ``app.CACHE['*'][*]``; the same object may be closer
through ``sys.modules``, a function's ``__globals__`` or its class, which say nothing.  So each reference
has a small cost by its kind and name (:data:`KIND_COST`, :data:`NAME_COST`), and each kind of root a
handicap (:data:`ROOT_COST`): a module's global wins over a local variable of a running frame unless it
takes several references more.  C_HELD roots come last: nothing that an explicit root reaches is named after
them.  WEAK references are never followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import kernels
from leakkit.snapshot_model import EDGE_KIND_MASK, EdgeKind, RootKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import I32, I64, U8

    Mask = NDArray[np.bool_]

KIND_COST = {
    EdgeKind.INTERNAL: 4,
    EdgeKind.ATTRIBUTE: 2,
    EdgeKind.KEY: 2,
    EdgeKind.VALUE: 2,
    EdgeKind.DICT_KEY: 8,
    EdgeKind.INDEX: 2,
    EdgeKind.ITEM: 2,
    EdgeKind.LOCAL: 2,
    EdgeKind.CELL: 2,
    EdgeKind.DEFAULT: 2,
    EdgeKind.TYPE: 60,
    EdgeKind.BASE: 2,
}
"""What a reference costs by its kind."""

NAME_COST = {
    "__dict__": 1,
    "cell_contents": 1,
    "__closure__": 1,
    "__defaults__": 1,
    "__kwdefaults__": 1,
    "__wrapped__": 6,
    "__globals__": 40,
    "f_globals": 40,
    "__builtins__": 100,
    "f_builtins": 100,
    "f_back": 20,
    "__class__": 60,
    "__mro__": 40,
    "__bases__": 40,
    "__base__": 40,
    "__spec__": 20,
    "__loader__": 20,
    "__objclass__": 40,
}
"""References of these names cost so much instead."""

SYS_MODULES_COST = 100
"""A module is its own root: ``sys.modules['app']`` is never its best name."""

ROOT_COST = {
    RootKind.MODULE: 0,
    RootKind.THREAD: 9,
    RootKind.TASK: 7,
    RootKind.INTERPRETER: 14,
    RootKind.C_HELD: 1 << 30,
}
"""Handicap of each kind of root.  A task comes before a frame of the event loop that happens to hold it."""


@dataclass(frozen=True, eq=False)
class RetainingTree:
    """For each live object the reference by which its best path arrives."""

    parent: I32
    """The object before it, or -1 at roots and for objects that are not live."""
    parent_edge: I32
    """Row of the reference in ``HeapGraph``, or -1."""
    root_row: I32
    """Row in ``Heap.roots`` where its path starts, or -1 when it is not live."""
    hops: I32
    """Number of references from the root; -1 when it is not live."""

    def path(self, node: int) -> list[tuple[int, int]]:
        """(reference, object) from the root, whose reference is -1, to ``node``; empty if not live."""
        found: list[tuple[int, int]] = []
        if self.hops[node] < 0:
            return found
        while node >= 0:
            found.append((int(self.parent_edge[node]), node))
            node = int(self.parent[node])
        found.reverse()
        return found

    def root_of(self, node: int) -> int:
        """Row in ``Heap.roots`` where the path of ``node`` starts, or -1."""
        return int(self.root_row[node])


def edge_costs(heap: Heap) -> U8:
    """What each reference of the snapshot costs on a path."""
    graph = heap.graph
    by_kind = np.full(EDGE_KIND_MASK + 1, 4, np.uint8)
    for kind, cost in KIND_COST.items():
        by_kind[kind] = cost
    special = np.zeros(len(graph.strings), np.uint8)
    for name, cost in NAME_COST.items():
        if (number := heap.string_ids.get(name)) is not None:
            special[number] = cost
    costs = kernels.edge_costs(graph, by_kind, special)
    if (modules := _sys_modules(heap)) >= 0:
        costs[graph.edge_start[modules] : graph.edge_start[modules + 1]] = SYS_MODULES_COST
    return costs


def _sys_modules(heap: Heap) -> int:
    """The dict ``sys.modules``, or -1."""
    graph = heap.graph
    node = next((m.node for m in heap.snapshot.modules if m.name == "sys"), -1)
    wanted = heap.string_ids.get("modules", -1)
    if node < 0 or wanted < 0:
        return -1
    namespaces = [node, *graph.edge_target[graph.edge_start[node] : graph.edge_start[node + 1]].tolist()]
    for holder in namespaces:
        if holder < 0:
            continue
        edges = slice(int(graph.edge_start[holder]), int(graph.edge_start[holder + 1]))
        found = graph.edge_target[edges][graph.edge_name[edges] == wanted]
        if len(found):
            return int(found[0])
    return -1


def build_retaining_tree(
    heap: Heap, *, cut_edges: I64 | None = None, dropped: Mask | None = None, roots: I32 | None = None
) -> RetainingTree:
    """The best path to each live object.

    Args:
        heap: the heap.
        cut_edges: rows of references that must not be used.
        dropped: objects that must not be passed.
        roots: rows of ``heap.roots`` to start from; all by default.
    """
    inside = heap.live if dropped is None else heap.live & ~dropped
    cut = None
    if cut_edges is not None and len(cut_edges):
        cut = np.zeros(heap.graph.edge_count, np.bool_)
        cut[cut_edges] = True
    rows = np.arange(len(heap.roots.node), dtype=np.int32) if roots is None else roots
    rows = rows[inside[heap.roots.node[rows]]]
    handicap = np.zeros(max(ROOT_COST) + 1, np.int32)
    for kind, cost in ROOT_COST.items():
        handicap[kind] = cost
    seeds, seed_cost = heap.roots.node[rows], handicap[heap.roots.kind[rows]]
    found = kernels.shortest_tree(heap.strong, heap.edge_costs, seeds, seed_cost, inside=inside, cut=cut)
    # Seeds are numbered from 0; one more place at the end answers for -1, "not reached".
    root_row = np.append(rows, np.int32(-1))[found.seed]
    return RetainingTree(found.parent, found.edge, root_row, found.hops)
