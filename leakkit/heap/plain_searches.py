"""Searches over compressed graphs in numpy, for where the compiled ones are not there; reached through ``kernels``.

Searches are hybrid: wide frontiers go through numpy a whole frontier at a time, narrow ones (linked lists,
one object a level) through a plain loop, so that a list of a million links is linear too.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import kernels, trees
from leakkit.heap.csr import Csr, ShortestTree
from leakkit.snapshot_model import EDGE_EXTRA, EdgeKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from leakkit.snapshot_model import I32, I64, U8, HeapGraph

    Mask = NDArray[np.bool_]

NARROW = 64
"""Below this many rows a frontier is cheaper in a plain loop than in numpy calls."""


def _fan_out(csr: Csr, frontier: I32) -> tuple[I64, I64]:
    """(positions of all edges that leave ``frontier``, how many each row has)."""
    first = csr.start[frontier]
    count = csr.start[frontier + 1] - first
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(first - (ends - count), count) + np.arange(total, dtype=np.int64), count


def _first_of_each(rows: I32, slot: I64) -> Mask:
    """Mask of the first occurrence of each value; ``slot`` is scratch space, one number a row."""
    slot[rows[::-1]] = np.arange(len(rows) - 1, -1, -1)
    first: Mask = slot[rows] == np.arange(len(rows))
    return first


def reach(csr: Csr, seeds: I32, blocked: Mask | None = None, cut: Mask | None = None) -> Mask:
    """See :func:`leakkit.heap.kernels.reach`."""
    if cut is not None:
        csr = kernels.keep_edges(csr.start, csr.target, ~cut[csr.edge])
    seen_bytes = bytearray(csr.node_count)
    seen = np.frombuffer(seen_bytes, np.bool_)
    if blocked is not None:
        seen[blocked] = True
    slot = np.zeros(csr.node_count, np.int64)
    frontier = seeds[~seen[seeds]]
    frontier = frontier[_first_of_each(frontier, slot)]
    seen[frontier] = True
    start_view, target_view = csr.start.data, csr.target.data
    while len(frontier):
        if len(frontier) >= NARROW:
            new = csr.target[_fan_out(csr, frontier)[0]]
            new = new[~seen[new]]
            frontier = new[_first_of_each(new, slot)]
            seen[frontier] = True
            continue
        stack = frontier.tolist()
        while stack and len(stack) < 4 * NARROW:
            row = stack.pop()
            for to in target_view[start_view[row] : start_view[row + 1]]:
                if not seen_bytes[to]:
                    seen_bytes[to] = 1
                    stack.append(to)
        frontier = np.array(stack, np.int32)
    found = seen.copy()
    if blocked is not None:
        found[blocked] = False
    return found


FARTHEST = 2**31 - 2
"""Distances stop here, as they do in C."""


def shortest_tree(
    csr: Csr, cost: U8 | None, seeds: I32, seed_cost: I32, inside: Mask | None = None, cut: Mask | None = None
) -> ShortestTree:
    """See :func:`leakkit.heap.kernels.shortest_tree`."""
    n = csr.node_count
    if inside is not None or cut is not None:
        keep = np.ones(len(csr.target), np.bool_) if cut is None else ~cut[csr.edge]
        if inside is not None:
            keep &= inside[csr.target]
        kept = kernels.keep_edges(csr.start, csr.target, keep)
        csr = Csr(kept.start, kept.target, csr.edge[kept.edge])
    costs = np.ones(len(csr.target), np.uint8) if cost is None else cost[csr.edge]
    position, distance = np.full(n, -1, np.int64), np.full(n, -1, np.int32)
    search = _Dial(csr, costs, position, distance)
    for value in np.unique(seed_cost).tolist():
        chosen = seed_cost == value
        if inside is not None:
            chosen &= inside[seeds]
        number = np.flatnonzero(chosen)
        # A seed is a candidate with a negative position: -2 - its number.
        search.put(value, seeds[number], -2 - number)
    search.run()
    parent, edge, seed = (np.full(n, -1, np.int32) for _ in range(3))
    by_edge, by_seed = position >= 0, position <= -2
    parent[by_edge] = kernels.edge_sources(csr.start)[position[by_edge]]
    edge[by_edge] = csr.edge[position[by_edge]]
    seed[by_seed] = -2 - position[by_seed]
    reached = distance >= 0
    seed = np.where(reached, seed[trees.top_of_run(parent)], -1).astype(np.int32)
    hops = np.where(reached, trees.depths(parent), -1).astype(np.int32)
    return ShortestTree(parent, edge, seed, distance, hops)


class _Dial:
    """The buckets: of each distance, first come first served, pieces of columns and of plain pairs."""

    def __init__(self, csr: Csr, cost: U8, position: I64, distance: I32) -> None:
        self.csr, self.cost, self.position, self.distance = csr, cost, position, distance
        self.slot = np.zeros(csr.node_count, np.int64)
        self.buckets: dict[int, list[tuple[I32, I64] | list[tuple[int, int]]]] = {}
        self.queue: list[int] = []

    def put(self, at: int, rows: I32, positions: I64) -> None:
        """Offer candidates at a distance."""
        self._bucket(at).append((rows, positions))

    def _bucket(self, at: int) -> list[tuple[I32, I64] | list[tuple[int, int]]]:
        if at not in self.buckets:
            heapq.heappush(self.queue, at)
            self.buckets[at] = []
        return self.buckets[at]

    def _put_one(self, at: int, row: int, position: int) -> None:
        bucket = self._bucket(at)
        if bucket and isinstance(bucket[-1], list):
            bucket[-1].append((row, position))
        else:
            bucket.append([(row, position)])

    def run(self) -> None:
        """Settle every row that can be reached."""
        start, target, cost = self.csr.start.data, self.csr.target.data, self.cost.data
        position, distance = self.position.data, self.distance.data
        while self.queue:
            at = heapq.heappop(self.queue)
            pieces = self.buckets.pop(at)
            if sum(len(p) if isinstance(p, list) else len(p[0]) for p in pieces) >= NARROW:
                self._settle_wide(at, pieces)
                continue
            for row, reached_by in _pairs(pieces):
                if distance[row] >= 0:
                    continue
                distance[row], position[row] = at, reached_by
                for i in range(start[row], start[row + 1]):
                    if distance[target[i]] < 0:
                        self._put_one(min(at + cost[i], FARTHEST), target[i], i)

    def _settle_wide(self, at: int, pieces: list[tuple[I32, I64] | list[tuple[int, int]]]) -> None:
        columns = [_columns(piece) for piece in pieces]
        rows = np.concatenate([c[0] for c in columns])
        positions = np.concatenate([c[1] for c in columns])
        new = np.flatnonzero(self.distance[rows] < 0)
        new = new[_first_of_each(rows[new], self.slot)]
        rows, positions = rows[new], positions[new]
        self.distance[rows] = at
        self.position[rows] = positions
        leaving = _fan_out(self.csr, rows)[0]
        targets = self.csr.target[leaving]
        open_ = self.distance[targets] < 0
        leaving, targets = leaving[open_], targets[open_]
        costs = self.cost[leaving]
        for value in np.flatnonzero(np.bincount(costs, minlength=1)).tolist():
            chosen = costs == value
            self.put(min(at + value, FARTHEST), targets[chosen], leaving[chosen])


def _pairs(pieces: list[tuple[I32, I64] | list[tuple[int, int]]]) -> Iterator[tuple[int, int]]:
    for piece in pieces:
        if isinstance(piece, list):
            yield from piece
        else:
            yield from zip(piece[0].tolist(), piece[1].tolist(), strict=True)


def _columns(piece: tuple[I32, I64] | list[tuple[int, int]]) -> tuple[I32, I64]:
    if isinstance(piece, tuple):
        return piece
    pairs = np.array(piece, np.int64)
    return pairs[:, 0].astype(np.int32), pairs[:, 1]


def cascade(csr: Csr, seeds: I32, references: I64, may_fall: Mask) -> Mask:
    """See :func:`leakkit.heap.kernels.cascade`."""
    left = references.astype(np.int64, copy=True)
    frontier = seeds
    start, target, left_view = csr.start.data, csr.target.data, left.data
    free = may_fall.copy()
    free[seeds] = False
    fallen = np.zeros(csr.node_count, np.bool_)
    while len(frontier):
        if len(frontier) >= NARROW:
            hit, times = np.unique(csr.target[_fan_out(csr, frontier)[0]], return_counts=True)
            left[hit] -= times
            frontier = hit[(left[hit] <= 0) & free[hit]]
            free[frontier] = False
            fallen[frontier] = True
            continue
        stack = frontier.tolist()
        while stack and len(stack) < 4 * NARROW:
            row = stack.pop()
            for to in target[start[row] : start[row + 1]]:
                left_view[to] -= 1
                if left_view[to] <= 0 and free[to]:
                    free[to] = False
                    fallen[to] = True
                    stack.append(to)
        frontier = np.array(stack, np.int32)
    return fallen


def trial(graph: HeapGraph, candidates: Mask, anchored: Mask) -> tuple[I64, Mask]:
    """See :func:`leakkit.heap.kernels.trial`."""
    target = graph.edge_target
    visible = ((graph.edge_kind & EDGE_EXTRA) == 0) & (graph.edge_kind != EdgeKind.WEAK)
    inside = visible & (target >= 0) & (target < graph.node_count) & candidates[kernels.edge_sources(graph.edge_start)]
    inside[inside] = candidates[target[inside]]
    within = np.bincount(target[inside], minlength=graph.node_count)
    rest = np.where(candidates, graph.refcount - within, 0).astype(np.int64)
    held = np.flatnonzero(candidates & ((rest > 0) | anchored)).astype(np.int32)
    alive = reach(kernels.keep_edges(graph.edge_start, target, inside), held)
    return rest, candidates & ~alive
