"""Kernels over compressed graphs: see ``leakkit.heap.kernels`` for what each means.

A graph is given as ``start`` (int64, rows + 1), ``target`` (int32) and ``edge`` (int32 number of each edge, or
None for positions).  Masks over edges (``cut``) and their costs are by that number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.native.library import call, check, column, graph_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.native.library import Graph

    Array = NDArray[Any]


def _numbers(cut: Array | None, edge: Array | None, target: Array) -> int:
    """How far edges are numbered: masks and costs by number say so, else whatever a column can hold."""
    if cut is not None:
        return len(cut)
    return len(target) if edge is None else 2**31 - 1


def _graph(start: Array, target: Array, edge: Array | None, by_number: Array | None = None) -> Graph:
    return graph_of(start, target, edge, _numbers(by_number, edge, target))


def edge_sources(start: Array, edges: int) -> Array:
    """The source row of each of ``edges`` edges, int32."""
    source = np.empty(edges, np.int32)
    call("lk_edge_sources", _graph(start, source, None), source)
    return source


def in_degrees(rows: int, target: Array) -> Array:
    """How many edges lead to each row, int32."""
    degree = np.empty(rows, np.int32)
    call("lk_in_degrees", rows, check(target, np.int32), len(target), degree)
    return degree


def from_edges(rows: int, source: Array, target: Array, edge: Array | None) -> tuple[Array, Array, Array]:
    """(start, target, edge) of an edge list; counting sort."""
    m = len(source)
    source, target = column(source, np.int32), column(target, np.int32, m)
    edge = None if edge is None else column(edge, np.int32, m)
    start, to, number = np.empty(rows + 1, np.int64), np.empty(m, np.int32), np.empty(m, np.int32)
    call("lk_from_edges", rows, m, source, target, edge, start, to, number)
    return start, to, number


def transpose(start: Array, target: Array, edge: Array | None) -> tuple[Array, Array, Array]:
    """(start, target, edge) of the graph turned round."""
    out = np.empty(len(start), np.int64), np.empty(len(target), np.int32), np.empty(len(target), np.int32)
    call("lk_transpose", _graph(start, target, edge), *out)
    return out


def keep_edges(start: Array, target: Array, keep: Array) -> tuple[Array, Array, Array]:
    """(start, target, position) of the edges whose ``keep`` is set."""
    keep = column(keep, np.uint8, len(target))
    most = int(np.count_nonzero(keep))
    out, kept = (np.empty(len(start), np.int64), np.empty(most, np.int32), np.empty(most, np.int32)), np.zeros(1, "i8")
    call("lk_keep_edges", _graph(start, target, None), keep, *out, kept)
    return out


def retaining(start: Array, target: Array, kind: Array, mask: int, weak: int, agent: Array) -> Array:
    """Mask of the edges to known rows whose kind is not ``weak`` and that no ``agent`` row has a part in."""
    keep = np.empty(len(target), np.bool_)
    kind, agent = check(kind, np.uint8, len(target)), column(agent, np.uint8, len(start) - 1)
    call("lk_retaining", _graph(start, target, None), kind, mask, weak, agent, keep)
    return keep


def induced(start: Array, target: Array, edge: Array | None, rows: Array) -> tuple[Array, Array, Array]:
    """(start, target, edge) of the subgraph of ``rows``, which are numbered anew."""
    rows = column(rows, np.int32)
    graph = _graph(start, target, edge)
    local, begin, kept = np.full(len(start) - 1, -1, np.int32), np.empty(len(rows) + 1, np.int64), np.zeros(1, "i8")
    call("lk_induced", graph, rows, len(rows), local, begin, None, None, kept)
    to, number = np.empty(int(kept[0]), np.int32), np.empty(int(kept[0]), np.int32)
    call("lk_induced", graph, rows, len(rows), local, begin, to, number, kept)
    return begin, to, number


def reach(
    start: Array, target: Array, edge: Array | None, seeds: Array, blocked: Array | None, cut: Array | None
) -> Array:
    """Mask of what the seeds reach."""
    rows = len(start) - 1
    seeds = column(seeds, np.int32)
    blocked = None if blocked is None else column(blocked, np.uint8, rows)
    cut = None if cut is None else column(cut, np.uint8)
    seen = np.empty(rows, np.bool_)
    call("lk_reach", _graph(start, target, edge, cut), seeds, len(seeds), blocked, cut, seen)
    return seen


def cascade(start: Array, target: Array, seeds: Array, references: Array, may_fall: Array) -> Array:
    """Mask of what falls after the seeds, by reference counting."""
    rows = len(start) - 1
    seeds, may_fall = column(seeds, np.int32), column(may_fall, np.uint8, rows)
    left, fallen = np.array(references, np.int64), np.empty(rows, np.bool_)
    call("lk_cascade", _graph(start, target, None), seeds, len(seeds), check(left, np.int64, rows), may_fall, fallen)
    return fallen


def trial(
    start: Array,
    target: Array,
    kind: Array,
    extra: int,
    weak: int,
    refcount: Array,
    candidates: Array,
    anchored: Array,
) -> tuple[Array, Array]:
    """(rest, dead) of one trial deletion."""
    rows = len(start) - 1
    rest, dead = np.empty(rows, np.int64), np.empty(rows, np.bool_)
    call(
        "lk_trial",
        _graph(start, target, None),
        check(kind, np.uint8, len(target)),
        extra,
        weak,
        check(refcount, np.int64, rows),
        column(candidates, np.uint8, rows),
        column(anchored, np.uint8, rows),
        rest,
        dead,
    )
    return rest, dead


def shortest_tree(
    start: Array,
    target: Array,
    edge: Array | None,
    cost: Array | None,
    seeds: Array,
    seed_cost: Array,
    inside: Array | None,
    cut: Array | None,
) -> tuple[Array, Array, Array, Array, Array]:
    """(parent, edge, seed, distance, hops) of the cheapest ways from the seeds."""
    rows = len(start) - 1
    seeds, seed_cost = column(seeds, np.int32), column(seed_cost, np.int32, len(seeds))
    order = np.argsort(seed_cost, kind="stable").astype(np.int32)
    inside = None if inside is None else column(inside, np.uint8, rows)
    cost = None if cost is None else column(cost, np.uint8)
    cut = None if cut is None else column(cut, np.uint8, None if cost is None else len(cost))
    graph = _graph(start, target, edge, cost if cost is not None else cut)
    out = tuple(np.empty(rows, np.int32) for _ in range(5))
    call("lk_shortest_tree", graph, cost, inside, cut, seeds, seed_cost, order, len(seeds), *out)
    return out[0], out[1], out[2], out[3], out[4]


def components(start: Array, target: Array) -> Array:
    """The strongly connected component of each row, int32."""
    label = np.empty(len(start) - 1, np.int32)
    call("lk_components", _graph(start, target, None), label)
    return label


def dominators(start: Array, target: Array, inside: Array, roots: Array) -> Array:
    """Immediate dominators below a super-root, int32, one more than there are rows."""
    idom = np.empty(len(start), np.int32)
    roots, inside = column(roots, np.int32), column(inside, np.uint8, len(start) - 1)
    call("lk_dominators", _graph(start, target, None), inside, roots, len(roots), idom)
    return idom
