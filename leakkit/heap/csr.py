"""Compressed graphs and the searches over them; reached through ``kernels``.

Searches are hybrid: wide frontiers go through numpy a whole frontier at a time, narrow ones (linked lists,
one object a level) through a plain loop, so that a list of a million links is linear too.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.snapshot_model import I32, I64, U8

    Mask = NDArray[np.bool_]

NARROW = 64
"""Below this many rows a frontier is cheaper in a plain loop than in numpy calls."""


@dataclass(frozen=True, eq=False)
class Csr:
    """A graph in compressed rows: ``target[start[v]:start[v + 1]]`` are the successors of v."""

    start: I64
    target: I32
    edge: I64
    """The caller's number of each edge."""

    @property
    def node_count(self) -> int:
        """How many rows."""
        return len(self.start) - 1

    def successors(self, node: int) -> I32:
        """The targets of one row."""
        return self.target[self.start[node] : self.start[node + 1]]

    def edges(self, node: int) -> I64:
        """The caller's numbers of one row's edges."""
        return self.edge[self.start[node] : self.start[node + 1]]


def edge_sources(start: I64) -> I32:
    """The source row of each edge of a CSR."""
    return np.repeat(np.arange(len(start) - 1, dtype=np.int32), np.diff(start))


def from_edges(node_count: int, source: I32, target: I32, edge: I64 | None = None) -> Csr:
    """CSR of an edge list, keeping the order of the edges within a row."""
    order = np.argsort(source, kind="stable")
    start = np.zeros(node_count + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=node_count), out=start[1:])
    return Csr(start, target[order], order if edge is None else edge[order])


def keep_edges(start: I64, target: I32, keep: Mask) -> Csr:
    """The CSR of only the edges where ``keep`` is true; ``edge`` holds their old numbers."""
    before = np.zeros(len(keep) + 1, np.int64)
    np.cumsum(keep, out=before[1:])
    return Csr(before[start], target[keep], np.flatnonzero(keep))


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


def reach(csr: Csr, seeds: I32, blocked: Mask | None = None) -> Mask:
    """Everything that the seeds reach, themselves included; ``blocked`` rows are not entered."""
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


@dataclass(frozen=True, eq=False)
class ShortestTree:
    """Cheapest ways from the seeds."""

    position: I64
    """Position in the CSR of the edge by which a row was reached; -1 at seeds and where nothing leads."""
    seed: I32
    """For seeds, their number in the list of seeds; else -1."""
    distance: I32
    """Summed cost; -1 when not reached."""


def shortest_tree(csr: Csr, cost: U8, seeds: I32, seed_cost: I32) -> ShortestTree:
    """Dial's algorithm (1969) with small whole costs, a bucket a distance.

    Ties go to the earlier seed and the earlier edge, not to the lower address, so that the same heap is named
    the same way twice.
    """
    n = csr.node_count
    position, seed, distance = np.full(n, -1, np.int64), np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    search = _Dial(csr, cost, position, distance)
    for value in np.unique(seed_cost).tolist():
        chosen = np.flatnonzero(seed_cost == value)
        # A seed is a candidate with a negative position: -2 - its number.
        search.put(value, seeds[chosen], -2 - chosen)
    search.run()
    by_seed = position <= -2
    seed[by_seed] = -2 - position[by_seed]
    position[by_seed] = -1
    return ShortestTree(position, seed, distance)


class _Dial:
    """The buckets: pairs of plain numbers when few, pairs of columns when many."""

    def __init__(self, csr: Csr, cost: U8, position: I64, distance: I32) -> None:
        self.csr, self.cost, self.position, self.distance = csr, cost, position, distance
        self.slot = np.zeros(csr.node_count, np.int64)
        self.wide: dict[int, list[tuple[I32, I64]]] = {}
        self.narrow: dict[int, list[tuple[int, int]]] = {}
        self.queue: list[int] = []

    def put(self, at: int, rows: I32, positions: I64) -> None:
        """Offer candidates at a distance."""
        self._announce(at)
        self.wide.setdefault(at, []).append((rows, positions))

    def _announce(self, at: int) -> None:
        if at not in self.wide and at not in self.narrow:
            heapq.heappush(self.queue, at)

    def run(self) -> None:
        """Settle every row that can be reached."""
        start, target, cost = self.csr.start.data, self.csr.target.data, self.cost.data
        position, distance = self.position.data, self.distance.data
        while self.queue:
            at = heapq.heappop(self.queue)
            wide, narrow = self.wide.pop(at, []), self.narrow.pop(at, [])
            if len(narrow) + sum(len(rows) for rows, _ in wide) >= NARROW:
                self._settle_wide(at, wide, narrow)
                continue
            pairs = [p for rows, positions in wide for p in zip(rows.tolist(), positions.tolist(), strict=True)]
            for row, reached_by in pairs + narrow:
                if distance[row] >= 0:
                    continue
                distance[row], position[row] = at, reached_by
                for i in range(start[row], start[row + 1]):
                    to = target[i]
                    if distance[to] < 0:
                        later = at + cost[i]
                        self._announce(later)
                        self.narrow.setdefault(later, []).append((to, i))

    def _settle_wide(self, at: int, wide: list[tuple[I32, I64]], narrow: list[tuple[int, int]]) -> None:
        if narrow:
            pairs = np.array(narrow, np.int64)
            wide = [*wide, (pairs[:, 0].astype(np.int32), pairs[:, 1])]
        rows = np.concatenate([w[0] for w in wide])
        positions = np.concatenate([w[1] for w in wide])
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
            self.put(at + value, targets[chosen], leaving[chosen])


def cascade(csr: Csr, seeds: I32, references: I64, may_fall: Mask) -> list[I32]:
    """What falls with the seeds, by reference counting: rows all of whose references come from fallen rows.

    Args:
        csr: the references, one edge each.
        seeds: the rows that fall first.
        references: how many references each row has in all.
        may_fall: rows outside it never fall.

    Returns:
        The rows that fall after the seeds, wave by wave.
    """
    left = references.astype(np.int64, copy=True)
    waves: list[I32] = []
    frontier = seeds
    start, target, left_view = csr.start.data, csr.target.data, left.data
    free = may_fall.copy()
    free[seeds] = False
    while len(frontier):
        if len(frontier) >= NARROW:
            hit, times = np.unique(csr.target[_fan_out(csr, frontier)[0]], return_counts=True)
            left[hit] -= times
            frontier = hit[(left[hit] <= 0) & free[hit]]
            free[frontier] = False
            waves.append(frontier)
            continue
        fallen: list[int] = []
        stack = frontier.tolist()
        while stack and len(stack) < 4 * NARROW:
            row = stack.pop()
            for to in target[start[row] : start[row + 1]]:
                left_view[to] -= 1
                if left_view[to] <= 0 and free[to]:
                    free[to] = False
                    fallen.append(to)
                    stack.append(to)
        waves.append(np.array(fallen, np.int32))
        frontier = np.array(stack, np.int32)
    return [w for w in waves if len(w)]
