"""Graph kernels over columns: compiled ones where they are there, else numpy and igraph.

Everything here takes and returns numpy columns and knows nothing of Python objects, names or roots.  The rest of
``heap`` calls graph algorithms only through this module and ``trees``; both sorts of kernel give the same results,
ties included.  Masks and costs of edges are by the caller's number (``Csr.edge``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from leakkit.heap.csr import Csr, ShortestTree
from leakkit.native import columns, graphs, loaded
from leakkit.snapshot_model import EDGE_EXTRA, EDGE_KIND_MASK, EdgeKind

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from leakkit.snapshot_model import I32, I64, U8, HeapGraph

    Mask = NDArray[np.bool_]

Byte = TypeVar("Byte", np.bool_, np.uint8)

__all__ = [
    "Csr",
    "ShortestTree",
    "cascade",
    "count_kinds",
    "dominators",
    "edge_costs",
    "edge_sources",
    "entries",
    "from_edges",
    "in_degrees",
    "induced",
    "keep_edges",
    "look_up",
    "mark_targets",
    "of_kinds",
    "reach",
    "retaining",
    "shortest_tree",
    "strong_components",
    "transpose",
    "trial",
    "unknown_targets",
]


def _plain() -> ModuleType:
    """The numpy kernels; igraph is only loaded where they are needed."""
    from leakkit.heap import plain

    return plain


def edge_sources(start: I64) -> I32:
    """The source row of each edge of a CSR."""
    if loaded():
        return graphs.edge_sources(start, int(start[-1]))
    return np.repeat(np.arange(len(start) - 1, dtype=np.int32), np.diff(start))


def in_degrees(node_count: int, target: I32) -> I32:
    """How many edges lead to each row."""
    if loaded():
        return graphs.in_degrees(node_count, target)
    return np.bincount(target, minlength=node_count).astype(np.int32)


def from_edges(node_count: int, source: I32, target: I32, edge: I32 | None = None) -> Csr:
    """CSR of an edge list, keeping the order of the edges within a row."""
    if loaded():
        return Csr(*graphs.from_edges(node_count, source, target, edge))
    order = np.argsort(source, kind="stable")
    start = np.zeros(node_count + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=node_count), out=start[1:])
    number = order.astype(np.int32) if edge is None else edge[order]
    return Csr(start, target[order], number)


def transpose(csr: Csr) -> Csr:
    """The graph turned round; edges keep their numbers, and come by source within a row."""
    if loaded():
        return Csr(*graphs.transpose(csr.start, csr.target, csr.edge))
    return from_edges(csr.node_count, csr.target, edge_sources(csr.start), csr.edge)


def keep_edges(start: I64, target: I32, keep: Mask) -> Csr:
    """The CSR of only the edges where ``keep`` is true; ``edge`` holds their old positions."""
    if loaded():
        return Csr(*graphs.keep_edges(start, target, keep))
    before = np.zeros(len(keep) + 1, np.int64)
    np.cumsum(keep, out=before[1:])
    return Csr(before[start], target[keep], np.flatnonzero(keep).astype(np.int32))


def retaining(graph: HeapGraph, agent: Mask) -> Mask:
    """Mask of the retaining references: all but WEAK ones, without ``agent`` rows and unknown targets."""
    start, target, kind = graph.edge_start, graph.edge_target, graph.edge_kind
    if loaded():
        return graphs.retaining(start, target, kind, EDGE_KIND_MASK, EdgeKind.WEAK, agent)
    known = (target >= 0) & (target < graph.node_count)
    keep: Mask = known & ((kind & EDGE_KIND_MASK) != EdgeKind.WEAK)
    if agent.any():
        keep &= ~agent[edge_sources(start)] & ~agent[np.where(known, target, 0)]
    return keep


def induced(csr: Csr, rows: I32) -> Csr:
    """The subgraph of some rows, numbered in their order; edges keep the caller's numbers."""
    if loaded():
        return Csr(*graphs.induced(csr.start, csr.target, csr.edge, rows))
    local = np.full(csr.node_count, -1, np.int32)
    local[rows] = np.arange(len(rows), dtype=np.int32)
    source = edge_sources(csr.start)
    inside = (local[source] >= 0) & (local[csr.target] >= 0)
    return from_edges(len(rows), local[source[inside]], local[csr.target[inside]], csr.edge[inside])


def reach(csr: Csr, seeds: I32, blocked: Mask | None = None, cut: Mask | None = None) -> Mask:
    """Everything that the seeds reach, themselves included.

    Args:
        csr: the graph.
        seeds: where to start.
        blocked: rows that are not entered.
        cut: edges, by number, that are not followed.
    """
    if loaded():
        return graphs.reach(csr.start, csr.target, csr.edge, seeds, blocked, cut)
    found: Mask = _plain().reach(csr, seeds, blocked, cut)
    return found


def cascade(csr: Csr, seeds: I32, references: I64, may_fall: Mask) -> Mask:
    """What falls with the seeds, by reference counting: rows all of whose references come from fallen rows.

    Args:
        csr: the references, one edge each.
        seeds: the rows that fall first.
        references: how many references each row has in all.
        may_fall: rows outside it never fall.

    Returns:
        The rows that fall after the seeds.
    """
    if loaded():
        return graphs.cascade(csr.start, csr.target, seeds, references, may_fall)
    found: Mask = _plain().cascade(csr, seeds, references, may_fall)
    return found


def trial(graph: HeapGraph, candidates: Mask, anchored: Mask) -> tuple[I64, Mask]:
    """(rest, dead) of one trial deletion over ``candidates``, of which ``anchored`` ones live in any case.

    The collector's algorithm (CPython's ``subtract_refs`` and ``move_unreachable``): ``rest`` is the reference
    count without the references from candidates, 0 outside them.
    """
    if loaded():
        start, target, kind = graph.edge_start, graph.edge_target, graph.edge_kind
        return graphs.trial(start, target, kind, EDGE_EXTRA, EdgeKind.WEAK, graph.refcount, candidates, anchored)
    found: tuple[I64, Mask] = _plain().trial(graph, candidates, anchored)
    return found


def shortest_tree(
    csr: Csr,
    cost: U8 | None,
    seeds: I32,
    seed_cost: I32,
    *,
    inside: Mask | None = None,
    cut: Mask | None = None,
) -> ShortestTree:
    """Dial's algorithm (1969) with small whole costs, a bucket a distance.

    Ties go to the earlier seed and the earlier edge, not to the lower address, so that the same heap is named
    the same way twice.

    Args:
        csr: the graph.
        cost: of each edge, by number; None when each costs 1.
        seeds: where ways start.
        seed_cost: their handicaps, not negative.
        inside: rows that may be entered; all by default.
        cut: edges, by number, that are not used.
    """
    if loaded():
        found = graphs.shortest_tree(csr.start, csr.target, csr.edge, cost, seeds, seed_cost, inside, cut)
        return ShortestTree(*found)
    tree: ShortestTree = _plain().shortest_tree(csr, cost, seeds, seed_cost, inside, cut)
    return tree


def strong_components(csr: Csr) -> I32:
    """The strongly connected component of each row (numbers are arbitrary): Tarjan's algorithm, Pearce's variant."""
    if loaded():
        return graphs.components(csr.start, csr.target)
    label: I32 = _plain().strong_components(csr.node_count, edge_sources(csr.start), csr.target)
    return label


def dominators(csr: Csr, roots: I32, inside: Mask) -> I32:
    """Immediate dominators below a super-root that refers to all roots: Lengauer and Tarjan (1979).

    Args:
        csr: the graph, of n rows.
        roots: rows that the super-root, number n, refers to.
        inside: rows that may be entered.

    Returns:
        n + 1 rows; -1 at the super-root and where no root leads.
    """
    if loaded():
        return graphs.dominators(csr.start, csr.target, inside, roots)
    idom: I32 = _plain().dominators_below(csr, roots, inside)
    return idom


def edge_costs(graph: HeapGraph, by_kind: U8, by_name: U8) -> U8:
    """The cost of each reference: by its name where that has one, else by its kind.

    Args:
        graph: the references.
        by_kind: 128 costs; an ATTRIBUTE without a name costs as much as kind 0.
        by_name: a cost for each string, or 0.
    """
    if loaded():
        kind, name = graph.edge_kind, graph.edge_name
        return columns.edge_costs(kind, name, EDGE_KIND_MASK, EdgeKind.ATTRIBUTE, by_kind, by_name)
    kinds = graph.edge_kind & EDGE_KIND_MASK
    costs = by_kind[kinds]
    costs[(kinds == EdgeKind.ATTRIBUTE) & (graph.edge_name == 0)] = by_kind[EdgeKind.INTERNAL]
    special = by_name[graph.edge_name]
    return np.where(special > 0, special, costs).astype(np.uint8)


def of_kinds(*kinds: int, extra: bool = True) -> Mask:
    """Mask over the 256 values of ``edge_kind``: these kinds, by default with the EXTRA bit or without."""
    wanted = np.zeros(256, np.bool_)
    for kind in kinds:
        wanted[[kind, kind | EDGE_EXTRA] if extra else [kind]] = True
    return wanted


def count_kinds(graph: HeapGraph, wanted: Mask) -> I32:
    """How many references of some kinds (see :func:`of_kinds`) leave each object."""
    if loaded():
        return columns.count_kinds(graph.edge_start, graph.edge_kind, wanted)
    source = edge_sources(graph.edge_start)[wanted[graph.edge_kind]]
    return np.bincount(source, minlength=graph.node_count).astype(np.int32)


def entries(graph: HeapGraph) -> I32:
    """How many KEY and VALUE references leave each object."""
    return count_kinds(graph, of_kinds(EdgeKind.KEY, EdgeKind.VALUE))


def mark_targets(graph: HeapGraph, by_name: Mask, vague_kinds: tuple[EdgeKind, ...], owner: Mask) -> Mask:
    """Mask of the targets of references whose name ``by_name`` marks, and of nameless vague ones from ``owner``."""
    vague = of_kinds(*vague_kinds)
    if loaded():
        start, target = graph.edge_start, graph.edge_target
        return columns.mark_targets(start, target, graph.edge_kind, graph.edge_name, by_name, vague, owner)
    edges = (graph.edge_name == 0) & vague[graph.edge_kind] & owner[edge_sources(graph.edge_start)]
    edges |= by_name[graph.edge_name]
    mask = np.zeros(graph.node_count, np.bool_)
    mask[graph.edge_target[edges & (graph.edge_target >= 0) & (graph.edge_target < graph.node_count)]] = True
    return mask


def look_up(table: NDArray[Byte], index: I32) -> NDArray[Byte]:
    """``table[index]`` for a mask or a column of bytes."""
    return columns.look_up(table, index) if loaded() else table[index]


def unknown_targets(graph: HeapGraph, agent: Mask) -> int:
    """How many references that the collector sees lead out of the graph, from rows that are not ``agent``."""
    if loaded():
        start, target, kind = graph.edge_start, graph.edge_target, graph.edge_kind
        return columns.count_unknown(start, target, kind, EDGE_EXTRA, agent)
    unknown = ((graph.edge_target < 0) | (graph.edge_target >= graph.node_count)) & ~agent[
        edge_sources(graph.edge_start)
    ]
    return int(np.count_nonzero(unknown & ((graph.edge_kind & EDGE_EXTRA) == 0)))
