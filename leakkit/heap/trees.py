"""Rooted forests as parent columns: depth, subtree sums, numbering and lowest common ancestors.

Compiled where that is possible, else by pointer doubling (Wyllie 1979): after round k each row knows its 2^k-th
ancestor, so a forest of depth d takes log2(d) rounds over whole columns.  A linked list of a million objects, which
is a million levels deep, costs twenty rounds and no recursion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.native import forests, loaded

if TYPE_CHECKING:
    from leakkit.snapshot_model import I32, I64


def subtree_sums(parent: I32, values: I64) -> I64:
    """For each row the sum of ``values`` over itself and everything below it.

    Args:
        parent: the parent's row, or -1 at a root.
        values: one number a row; sums must stay below 2^53.
    """
    if loaded():
        return forests.subtree_sums(parent, values)
    total = values.astype(np.int64, copy=True)
    rows = np.flatnonzero(parent >= 0)
    ancestor = parent.astype(np.int32, copy=True)
    while len(rows):
        # Both sides are those of the round before: all additions of a round happen at once.
        above = ancestor[rows]
        total += np.bincount(above, weights=total[rows], minlength=len(parent)).astype(np.int64)
        next_up = ancestor[above]
        ancestor[rows] = next_up
        rows = rows[next_up >= 0]
    return total


def path_sums(parent: I32, values: I64) -> I64:
    """For each row the sum of ``values`` over itself and all its ancestors."""
    if loaded():
        return forests.path_sums(parent, values)
    total = values.astype(np.int64, copy=True)
    rows = np.flatnonzero(parent >= 0)
    ancestor = parent.astype(np.int32, copy=True)
    while len(rows):
        above = ancestor[rows]
        total[rows] += total[above]
        next_up = ancestor[above]
        ancestor[rows] = next_up
        rows = rows[next_up >= 0]
    return total


def depths(parent: I32) -> I32:
    """How many steps each row is below its root."""
    return path_sums(parent, (parent >= 0).astype(np.int64)).astype(np.int32)


def top_of_run(parent: I32) -> I32:
    """For each row its topmost ancestor (itself at a root)."""
    if loaded():
        return forests.top_of_run(parent)
    top = np.where(parent >= 0, parent, np.arange(len(parent), dtype=np.int32)).astype(np.int32)
    while True:
        higher = top[top]
        if np.array_equal(higher, top):
            return top
        top = higher


@dataclass(frozen=True, eq=False)
class Numbered:
    """A forest with its rows numbered in preorder, so that a subtree is one run of ``order``."""

    parent: I32
    enter: I32
    """Preorder number of each row."""
    below: I32
    """Number of rows in its subtree, itself included."""
    order: I32
    """Rows in preorder."""
    child_start: I32
    children: I32
    """``children[child_start[v]:child_start[v + 1]]``, ascending."""

    def contains(self, above: I32, number: I32) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether the preorder ``number`` lies in the subtree of ``above``, row by row."""
        first = self.enter[above]
        return (first <= number) & (number < first + self.below[above])

    def common_ancestors(self, low: I32, high: I32) -> I32:
        """The lowest row whose subtree holds both preorder numbers, row by row; they must share a root."""
        at = self.order[low]
        jumps = [self.parent]
        while (jumps[-1] >= 0).any():
            jumps.append(_twice(jumps[-1]))
        pending = np.flatnonzero(~self.contains(at, high))
        for jump in reversed(jumps):
            to = jump[at[pending]]
            ok = to >= 0
            ok[ok] = ~self.contains(to[ok], high[pending[ok]])
            at[pending[ok]] = to[ok]
        at[pending] = self.parent[at[pending]]
        return at


def _twice(jump: I32) -> I32:
    out = np.full_like(jump, -1)
    known = jump >= 0
    out[known] = jump[jump[known]]
    return out


def child_lists(parent: I32) -> tuple[I64, I32]:
    """(start, children): the forest turned round."""
    rows = np.flatnonzero(parent >= 0).astype(np.int32)
    rows = rows[np.argsort(parent[rows], kind="stable")]
    start = np.zeros(len(parent) + 1, np.int64)
    np.cumsum(np.bincount(parent[rows], minlength=len(parent)), out=start[1:])
    return start, rows


def number_forest(parent: I32) -> Numbered:
    """Number a forest in preorder; children come in ascending order of their rows."""
    if loaded():
        return Numbered(parent, *forests.number_forest(parent))
    n = len(parent)
    below = subtree_sums(parent, np.ones(n, np.int64))
    start, children = child_lists(parent)
    step = np.zeros(n, np.int64)
    before = np.cumsum(below[children]) - below[children]
    base = np.zeros(n, np.int64)
    has = np.flatnonzero(start[1:] > start[:-1])
    base[has] = before[start[has]]
    step[children] = 1 + before - base[parent[children]]
    roots = np.flatnonzero(parent < 0)
    step[roots] = np.cumsum(below[roots]) - below[roots]
    enter = path_sums(parent, step)
    order = np.empty(n, np.int32)
    order[enter] = np.arange(n, dtype=np.int32)
    narrow = (column.astype(np.int32) for column in (enter, below, order, start, children))
    return Numbered(parent, *narrow)
