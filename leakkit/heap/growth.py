"""Growth over several snapshots of one target, by path shape.

Objects are matched by the form of their path, not by address (Shark's heap growth, BLeak's growing paths).
A shape grows when it has more objects in every snapshot than in the one before; of a growing shape and the
shapes below it only the topmost is reported, with everything below it attributed, and its holder is the
container above it, which does not grow in number.  A shape whose number stays but whose own bytes grow (a
bytearray, a list of shared objects) is reported as growing in size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.errors import UsageError
from leakkit.heap import trees
from leakkit.heap.naming import name_path
from leakkit.heap.shapes import ShapeTable, shapes_of, totals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import I32, I64

    Mask = NDArray[np.bool_]

LIMIT = 60
"""At most so many growing shapes are reported, the fastest first."""


@dataclass(frozen=True, eq=False)
class Growth:
    """One shape that grows."""

    shape: str
    """Form of the growing objects' path, e.g. ``app.CACHE['*']``; the same in every run."""
    text: str
    """Path of the holder in the last heap, e.g. ``app.CACHE``."""
    node: int
    """The holder in the last heap: the container with the most growing elements, or the object whose own
    bytes grow, or the root itself when roots grow."""
    elements: I32
    """The growing objects in the last heap."""
    holders: int
    """How many containers hold them in the last heap."""
    counts: tuple[int, ...]
    """Objects of the shape in each heap."""
    bytes: tuple[int, ...]
    """Shallow bytes of the shape, of all that its paths lead to and of the container itself, in each heap."""
    grows_every_interval: bool
    per_second: float
    """Bytes a second from the first to the last heap."""
    count_per_second: float
    by: str
    """``count`` (more objects) or ``size`` (the same objects, bigger)."""


@dataclass(frozen=True, eq=False)
class _Sums:
    """Per heap (row) and shape (column)."""

    counts: I64
    own: I64
    below: I64
    """Own bytes and those of all shapes below."""


def growing(heaps: Sequence[Heap], seconds: float, progress: Callable[[str], None] | None = None) -> tuple[Growth, ...]:
    """What grows, the fastest in bytes first.

    Args:
        heaps: two or more heaps of one target, oldest first.
        seconds: wall time from the first to the last.
        progress: called with a line before the long step.

    Raises:
        UsageError: fewer than two heaps, or no time between them.
    """
    if len(heaps) < 2 or seconds <= 0:
        raise UsageError("growth needs two snapshots taken at different times", "take more snapshots: --count 3")
    if progress:
        progress("matching paths over the snapshots")
    table = shapes_of(heaps)
    parent = table.parents()
    pairs = [totals(table, h) for h in range(len(heaps))]
    own = np.array([p[1] for p in pairs])
    sums = _Sums(np.array([p[0] for p in pairs]), own, np.array([trees.subtree_sums(parent, row) for row in own]))
    every, by_size = _strictly(parent, sums)
    loosely = _loosely(parent, sums, every | by_size)
    chosen = [(s, "count", True) for s in np.flatnonzero(every).tolist()]
    chosen += [(s, "size", True) for s in np.flatnonzero(by_size).tolist()]
    chosen += [(s, "count", False) for s in np.flatnonzero(loosely).tolist()]
    speed = {s: int(sums.below[-1, s] - sums.below[0, s]) for s, _, _ in chosen}
    chosen.sort(key=lambda c: (not c[2], -speed[c[0]]))
    main = _main_child(parent, every | loosely, speed)
    found = [_growth(table, sums, main, s, by, strict, seconds) for s, by, strict in chosen[:LIMIT]]
    return tuple(sorted(found, key=lambda g: (not g.grows_every_interval, -g.per_second)))


def _strictly(parent: I32, sums: _Sums) -> tuple[Mask, Mask]:
    """(topmost shapes that grow in number in every interval, those that only grow in bytes)."""
    more: Mask = np.all(np.diff(sums.counts, axis=0) > 0, axis=0)
    top = more & ~_below(parent, more)
    bigger: Mask = np.all(np.diff(sums.own, axis=0) > 0, axis=0) & ~more & ~_below(parent, top)
    holders = np.zeros(len(parent), np.bool_)
    above = parent[np.flatnonzero(top)]
    holders[above[above >= 0]] = True
    bigger &= ~holders
    return top, bigger


def _loosely(parent: I32, sums: _Sums, strict: Mask) -> Mask:
    """Topmost shapes that have more objects and bytes at the end, apart from the strict ones."""
    more: Mask = (sums.counts[-1] > sums.counts[0]) & (sums.below[-1] > sums.below[0])
    holds_strict = trees.subtree_sums(parent, strict.astype(np.int64)) > 0
    more &= ~_below(parent, strict) & ~holds_strict
    more &= ~_below(parent, more)
    return more


def _below(parent: I32, mask: Mask) -> Mask:
    """Rows with an ancestor in ``mask``."""
    above: I64 = trees.path_sums(parent, mask.astype(np.int64)) - mask
    return above > 0


def _main_child(parent: I32, growing_shapes: Mask, speed: dict[int, int]) -> dict[int, int]:
    """For each container its fastest growing child, which the container's own bytes are counted with."""
    best: dict[int, int] = {}
    for shape in np.flatnonzero(growing_shapes).tolist():
        above = int(parent[shape])
        if above >= 0 and (above not in best or speed[shape] > speed[best[above]]):
            best[above] = shape
    return best


def _growth(
    table: ShapeTable, sums: _Sums, main: dict[int, int], shape: int, by: str, strict: bool, seconds: float
) -> Growth:
    last = len(table.heaps) - 1
    heap, shapes = table.heaps[last], table.by_heap[last]
    elements = np.flatnonzero((shapes.shape == shape) & ~shapes.plumbing).astype(np.int32)
    above = table.parent[shape]
    weight = sums.below[:, shape]
    if by == "count" and above >= 0 and main.get(above) == shape:
        weight = weight + sums.own[:, above]
    owners = shapes.owner[elements]
    owners = owners[owners >= 0]
    if by == "size" or not len(owners):
        node = int(elements[np.argmax(heap.graph.size[elements])])
        holders = len(elements)
    else:
        distinct, number = np.unique(owners, return_counts=True)
        node, holders = int(distinct[np.argmax(number)]), len(distinct)
    counts = sums.counts[:, shape]
    return Growth(
        shape=table.text(shape),
        text=name_path(heap, node).text,
        node=node,
        elements=elements,
        holders=holders,
        counts=tuple(counts.tolist()),
        bytes=tuple(weight.tolist()),
        grows_every_interval=strict,
        per_second=float(weight[-1] - weight[0]) / seconds,
        count_per_second=float(counts[-1] - counts[0]) / seconds,
        by=by,
    )
