"""Which tasks are really held: a pending task in a dead ring is garbage, not a root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from leakkit.snapshot_model import EDGE_EXTRA, EDGE_KIND_MASK, EdgeKind, HeapGraph, NodeFlag, RootKind, Roots

if TYPE_CHECKING:
    from numpy.typing import NDArray


def without_dead_tasks(graph: HeapGraph, roots: Roots) -> Roots:
    """The roots without TASK roots that nothing else keeps, by the collector's own rule (trial deletion)."""
    is_task = roots.kind == RootKind.TASK
    if not is_task.any():
        return roots
    alive = _alive(graph, roots.node[~is_task])
    keep = ~is_task | alive[roots.node]
    return Roots(roots.node[keep], roots.kind[keep], roots.name[keep], roots.frame[keep])


def _alive(graph: HeapGraph, seeds: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Rows that a root or a reference from outside the tracked objects reaches."""
    tracked = (graph.flags & np.uint16(NodeFlag.TRACKED) != 0) & (graph.flags & np.uint16(NodeFlag.IMMORTAL) == 0)
    degree = np.diff(graph.edge_start)
    from_tracked = np.repeat(tracked, degree) & (graph.edge_kind & EDGE_EXTRA == 0)
    inside = np.bincount(graph.edge_target[from_tracked], minlength=graph.node_count)
    alive: NDArray[np.bool_] = tracked & (graph.refcount > inside)
    alive[seeds] = True
    strong = graph.edge_kind & EDGE_KIND_MASK != EdgeKind.WEAK
    frontier = np.flatnonzero(alive)
    while len(frontier):
        counts = degree[frontier]
        ends = np.cumsum(counts)
        edges = np.repeat(graph.edge_start[frontier] - ends + counts, counts) + np.arange(int(ends[-1]))
        targets = np.unique(graph.edge_target[edges[strong[edges]]])
        frontier = targets[~alive[targets]]
        alive[frontier] = True
    return alive
