"""Short answers that a report needs: bytes by type, a dominator tree for drawing, who refers to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap.naming import items_of, name_path, root_text, step_text
from leakkit.heap.steps import StepKind
from leakkit.snapshot_model import EDGE_EXTRA, EDGE_KIND_MASK, EdgeKind, RootKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import I32

    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class TypeTotal:
    """Objects of one type."""

    name: str
    count: int
    bytes: int


@dataclass(frozen=True)
class DominatorNode:
    """A node of the folded dominator tree: one object, or several of one kind below the same parent."""

    label: str
    """Path of a topmost object, else the last step of the path; ``N more`` for what was folded."""
    type: str
    bytes: int
    """Retained bytes."""
    count: int
    """How many objects it stands for; for folded ones, how many were folded."""
    children: tuple[DominatorNode, ...] = ()
    node: int = -1
    """The largest of the objects, or -1."""


@dataclass(frozen=True)
class Reference:
    """One reference to an object."""

    edge: int
    """Row in ``HeapGraph``."""
    source: int
    kind: EdgeKind
    name: str
    extra: bool
    """The collector does not see it."""


def types_of(heap: Heap, rows: Mask | I32, limit: int | None = None) -> tuple[TypeTotal, ...]:
    """Objects and shallow bytes by type over some rows, the largest first.

    Args:
        heap: the heap.
        rows: a mask or row numbers.
        limit: at most so many types.
    """
    graph = heap.graph
    ids = graph.type_id[rows]
    count = np.bincount(ids, minlength=len(graph.types))
    weight = np.bincount(ids, weights=graph.size[rows], minlength=len(graph.types)).astype(np.int64)
    order = np.flatnonzero(count)
    order = order[np.lexsort((-count[order], -weight[order]))][:limit]
    return tuple(TypeTotal(graph.types[i], int(count[i]), int(weight[i])) for i in order.tolist())


def nodes_of_type(heap: Heap, *names: str) -> I32:
    """All objects whose exact type has one of the names, dead ones too."""
    return np.flatnonzero(heap.has_type(*names)).astype(np.int32)


def references_to(heap: Heap, node: int) -> tuple[Reference, ...]:
    """The strong references to an object, from live and dead objects alike."""
    graph = heap.graph
    return tuple(
        Reference(
            edge,
            int(heap.source[edge]),
            EdgeKind(int(graph.edge_kind[edge]) & EDGE_KIND_MASK),
            heap.string(int(graph.edge_name[edge])),
            bool(graph.edge_kind[edge] & EDGE_EXTRA),
        )
        for edge in heap.incoming.edges(node).tolist()
    )


def owners_of(heap: Heap, node: int) -> I32:
    """The distinct objects that refer strongly to an object (a buffer's views, and whoever else holds it)."""
    return np.unique(heap.incoming.successors(node))


def unexplained_references(heap: Heap, node: int) -> int:
    """How many references to an object come from nowhere in the graph (C, or a running frame)."""
    return int(heap.graph.refcount[node]) - len(heap.incoming.successors(node))


def buffers_held_by_views(heap: Heap) -> I32:
    """Live objects that views show part of and that nothing but views holds."""
    views = heap.snapshot.views
    targets = np.unique(views.target[(views.target >= 0) & (views.target < heap.graph.node_count)])
    is_view = np.zeros(heap.graph.node_count, np.bool_)
    is_view[views.node[views.node >= 0]] = True
    held = [
        t
        for t in targets[heap.live[targets]].tolist()
        if is_view[heap.incoming.successors(t)].all() and unexplained_references(heap, t) <= 0
    ]
    return np.array(held, np.int32)


def dominator_outline(heap: Heap, *, depth: int = 5, width: int = 8, minimum: float = 0.002) -> DominatorNode:
    """The dominator tree folded for drawing.

    Siblings with the same last step and type (the entries of a cache) become one node, plumbing
    (``__dict__``) gives its children to its owner, and what is small becomes one ``N more``.

    Args:
        heap: the heap.
        depth: levels below the top.
        width: at most so many children a node.
        minimum: children below this share of the whole heap are folded.
    """
    tree = heap.dominators
    top = np.array([tree.root], np.int32)
    children = _outline_children(heap, top, depth, width, int(minimum * tree.total_bytes), top_level=True)
    return DominatorNode("live objects", "", tree.total_bytes, int(np.count_nonzero(heap.live)), children)


def _outline_children(
    heap: Heap, parents: I32, depth: int, width: int, least: int, *, top_level: bool
) -> tuple[DominatorNode, ...]:
    rows = _visible_children(heap, parents)
    if depth == 0 or not len(rows):
        return ()
    graph, steps, retained = heap.graph, heap.steps, heap.dominators.retained
    names = np.where(steps.code[rows] == StepKind.ROOT, -1 - heap.tree.root_row[rows], steps.name[rows])
    # Tasks belong together, as do C_HELD roots of one type; other roots stand alone.
    kind = np.where(steps.code[rows] == StepKind.ROOT, heap.roots.kind[heap.tree.root_row[rows]].astype(np.int16), -1)
    names = np.where((kind == RootKind.TASK) | (kind == RootKind.C_HELD), -1 - len(heap.roots.node), names)
    # One number for (name, step, type): unique rows of a table are sorted as bytes, which takes ten times as long.
    key = (names.astype(np.int64) << 4 | steps.code[rows]) * len(graph.types) + graph.type_id[rows]
    _, group = np.unique(key, return_inverse=True)
    group = group.reshape(-1)
    weight = np.bincount(group, weights=retained[rows]).astype(np.int64)
    order = np.argsort(-weight, kind="stable")
    shown = [g for g in order[:width].tolist() if weight[g] >= max(1, least)]
    found = []
    for g in shown:
        members = rows[group == g]
        best = int(members[np.argmax(retained[members])])
        below = _outline_children(heap, members, depth - 1, width, least, top_level=False)
        label = name_path(heap, best).shape if top_level and len(members) > 1 else _label(heap, best, whole=top_level)
        found.append(DominatorNode(label, heap.type_name(best), int(weight[g]), len(members), below, best))
    rest = np.ones(len(weight), np.bool_)
    rest[shown] = False
    if rest.any() and (left := int(weight[rest].sum())) >= max(1, least):
        count = int(rest[group].sum())
        found.append(DominatorNode(f"{count} more", "", left, count))
    return tuple(found)


def _visible_children(heap: Heap, parents: I32) -> I32:
    """What some rows dominate directly, with plumbing replaced by what it dominates."""
    tree, code = heap.dominators.tree, heap.steps.code
    found = []
    while len(parents):
        counts = tree.child_start[parents + 1] - tree.child_start[parents]
        ends = np.cumsum(counts)
        at = np.repeat(tree.child_start[parents] - (ends - counts), counts) + np.arange(int(ends[-1]))
        rows = tree.children[at]
        skip = code[rows] == StepKind.SKIP
        found.append(rows[~skip])
        parents = rows[skip]
    return np.concatenate(found) if found else np.empty(0, np.int32)


def _label(heap: Heap, node: int, *, whole: bool) -> str:
    if whole or heap.steps.code[node] == StepKind.ROOT:
        return name_path(heap, node).text
    before = int(heap.tree.parent[node])
    items = items_of(heap, heap.steps, [before, node], root_text(heap, heap.tree.root_of(node)))
    return step_text(items[-1], items[-2] if len(items) > 1 else None, "").strip()
