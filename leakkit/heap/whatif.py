"""Experiments on paper: cut references, roots or objects out and mark again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import kernels
from leakkit.heap.naming import NamedPath, name_path
from leakkit.heap.paths import build_retaining_tree
from leakkit.heap.steps import classify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import I32

    Mask = NDArray[np.bool_]

SAMPLE = 400
"""At most so many objects are named one by one to learn who else holds a set."""


@dataclass(frozen=True, eq=False)
class Freed:
    """What an experiment frees."""

    mask: Mask
    """Live objects that no root reaches any more (dropped objects among them)."""
    bytes: int
    count: int


@dataclass(frozen=True, eq=False)
class Retainer:
    """One way in which a set of objects stays reachable after an experiment."""

    path: NamedPath
    """The path to one of them."""
    nodes: I32
    """The objects of the set (of the sample, when the set is large) that are held in this way."""
    bytes: int
    """Their shallow bytes, scaled up from the sample."""
    count: int
    """How many, scaled up from the sample."""


def what_if(
    heap: Heap,
    *,
    cut_edges: Iterable[int] = (),
    cut_roots: Iterable[int] = (),
    drop_nodes: Iterable[int] = (),
) -> Freed:
    """Mark again without some references, roots or objects.

    Args:
        heap: the heap.
        cut_edges: rows of references in ``HeapGraph``.
        cut_roots: rows of ``heap.roots``.
        drop_nodes: objects that are neither kept nor passed.
    """
    edges = _rows(cut_edges)
    cut = None
    if len(edges):
        cut = np.zeros(heap.graph.edge_count, np.bool_)
        cut[edges] = True
    blocked = ~heap.live
    blocked[_rows(drop_nodes)] = True
    rows = np.ones(len(heap.roots.node), np.bool_)
    rows[_rows(cut_roots)] = False
    mask = heap.live & ~kernels.reach(heap.strong, heap.roots.node[rows], blocked, cut)
    return Freed(mask, int(heap.graph.size[mask].sum()), int(np.count_nonzero(mask)))


def _rows(numbers: Iterable[int]) -> NDArray[np.int64]:
    return np.asarray(numbers if isinstance(numbers, np.ndarray) else list(numbers), np.int64)


def independent_retainers(
    heap: Heap,
    nodes: Iterable[int],
    *,
    cut_edges: Iterable[int] = (),
    cut_roots: Iterable[int] = (),
    drop_nodes: Iterable[int] = (),
    limit: int = 3,
) -> tuple[Retainer, ...]:
    """What still holds the data after the experiment: the next holders, the weightiest first.

    Args:
        heap: the heap.
        nodes: the data.
        cut_edges: rows of references to cut.
        cut_roots: rows of ``heap.roots`` to cut.
        drop_nodes: objects to drop (a container, say); the data must not be among them.
        limit: how many holders to name at most.

    Returns:
        Nothing when the data would be freed.
    """
    dropped = np.zeros(heap.graph.node_count, np.bool_)
    dropped[_rows(drop_nodes)] = True
    roots = np.setdiff1d(np.arange(len(heap.roots.node), dtype=np.int32), _rows(cut_roots)).astype(np.int32)
    tree = build_retaining_tree(heap, cut_edges=_rows(cut_edges), dropped=dropped, roots=roots)
    kept = np.unique(_rows(nodes))
    kept = kept[tree.hops[kept] >= 0].astype(np.int32)
    if not len(kept):
        return ()
    sample = kept if len(kept) <= SAMPLE else kept[np.linspace(0, len(kept) - 1, SAMPLE).astype(np.int64)]
    scale = len(kept) / len(sample)
    steps = classify(heap, tree)
    groups: dict[str, list[tuple[int, NamedPath]]] = {}
    for node in sample.tolist():
        path = name_path(heap, node, tree=tree, steps=steps)
        groups.setdefault(path.shape, []).append((node, path))
    found = [_retainer(heap, group, scale) for group in groups.values()]
    return tuple(sorted(found, key=lambda r: -r.bytes)[:limit])


def _retainer(heap: Heap, group: list[tuple[int, NamedPath]], scale: float) -> Retainer:
    nodes = np.array([node for node, _ in group], np.int32)
    return Retainer(group[0][1], nodes, round(int(heap.graph.size[nodes].sum()) * scale), round(len(nodes) * scale))
