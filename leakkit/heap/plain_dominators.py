"""Strongly connected components and dominators by igraph, for where the compiled kernels are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import igraph
import numpy as np

from leakkit.heap import kernels, trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.heap.csr import Csr
    from leakkit.snapshot_model import I32

    Mask = NDArray[np.bool_]

STRIP_ROUNDS = 12
"""At most so many rounds of taking single-owner leaves off before the general dominator algorithm."""
LIFT_PASSES = 8
"""At most so many whole-graph passes before the general algorithm takes over."""
LIFT_EDGES = 200_000
"""Below this many edges the general algorithm is quick enough to be used at once."""


def _igraph(node_count: int, source: I32, target: I32) -> igraph.Graph:
    pairs = np.empty((len(source), 2), np.int64)
    pairs[:, 0], pairs[:, 1] = source, target
    return igraph.Graph(n=node_count, edges=pairs, directed=True)


def strong_components(node_count: int, source: I32, target: I32) -> I32:
    """The strongly connected component of each row (numbers are arbitrary).

    Rows that no cycle can pass through (nothing enters or nothing leaves) are peeled off first.
    """
    label = np.arange(node_count, dtype=np.int32)
    for _ in range(STRIP_ROUNDS):
        core = (np.bincount(source, minlength=node_count) > 0) & (np.bincount(target, minlength=node_count) > 0)
        keep = core[source] & core[target]
        if keep.all():
            break
        source, target = source[keep], target[keep]
    if not len(source):
        return label
    rows, (s, t) = _relabel(node_count, source, target)
    members = np.array(_igraph(len(rows), s, t).connected_components(mode="strong").membership, np.int32)
    first = np.full(int(members.max()) + 1, -1, np.int32)
    first[members[::-1]] = rows[::-1]
    label[rows] = first[members]
    return label


def _relabel(node_count: int, *columns: I32) -> tuple[I32, list[I32]]:
    """(rows that occur, the columns with rows numbered from 0)."""
    used = np.zeros(node_count, np.bool_)
    for column in columns:
        used[column] = True
    rows = np.flatnonzero(used).astype(np.int32)
    number = np.zeros(node_count, np.int32)
    number[rows] = np.arange(len(rows), dtype=np.int32)
    return rows, [number[c] for c in columns]


def dominators_below(csr: Csr, roots: I32, inside: Mask) -> I32:
    """See :func:`leakkit.heap.kernels.dominators`."""
    n = csr.node_count
    source = kernels.edge_sources(csr.start)
    keep = inside[source] & inside[csr.target]
    roots = np.unique(roots[inside[roots]]).astype(np.int32)
    all_source = np.concatenate((np.full(len(roots), n, np.int32), source[keep]))
    return dominators(n + 1, all_source, np.concatenate((roots, csr.target[keep])), n)


def dominators(node_count: int, source: I32, target: I32, root: int) -> I32:
    """Immediate dominators; -1 at the root and where the root does not lead.

    Exact reductions first: a row with one owner is dominated by it, so single-owner leaves come off round
    by round; a leaf with several owners is dominated by their lowest common ancestor in the finished tree;
    a row that the root itself refers to needs no other edge.  What is left goes to :func:`_lift`, or to
    Lengauer and Tarjan.
    """
    below_root = np.zeros(node_count, np.bool_)
    below_root[target[source == root]] = True
    below_root[root] = True
    keep = (source != target) & ((source == root) | ~below_root[target])
    source, target = source[keep], target[keep]
    idom = np.full(node_count, -1, np.int32)
    leaf = np.bincount(source, minlength=node_count) == 0
    leaf_edges = leaf[target]
    shared_source, shared_target = source[leaf_edges], target[leaf_edges]
    source, target = source[~leaf_edges], target[~leaf_edges]
    source, target = _strip_single_owner_leaves(node_count, source, target, idom)
    if (source == root).any():
        rows, (s, t) = _relabel(node_count, source, target)
        at = int(np.searchsorted(rows, root))
        found = _lift(len(rows), s, t, at) if len(s) > LIFT_EDGES else None
        if found is None:
            found = _lengauer_tarjan(len(rows), s, t, at)
        idom[rows[found >= 0]] = rows[found[found >= 0]]
    idom[trees.top_of_run(idom) != root] = -1
    _hang_leaves(idom, shared_source, shared_target, root)
    return idom


def _lengauer_tarjan(node_count: int, source: I32, target: I32, root: int) -> I32:
    """Lengauer and Tarjan (1979), by igraph."""
    found = np.array(_igraph(node_count, source, target).dominator(root), np.float64)
    return np.where(np.isfinite(found), found, -1).astype(np.int32)


def _lift(node_count: int, source: I32, target: I32, root: int) -> I32 | None:
    """Dominators by lifting a search tree: each row goes below its owners' lowest common ancestor.

    The data-flow equations of Cooper, Harvey and Kennedy (2001), all rows at once.  Rows only move up, and
    a true dominator of a row always stays above it, since the search tree's path from any ancestor avoids
    what is further up; when no owner lies outside its row's parent, each parent dominates, so the fixed
    point is exact.

    Returns:
        None when the passes do not converge quickly (long lists linked both ways).
    """
    graph = kernels.from_edges(node_count, source, target)
    found = kernels.shortest_tree(graph, None, np.array([root], np.int32), np.zeros(1, np.int32))
    parent = found.parent
    inside = (found.distance[source] >= 0) & (target != root)
    source, target = source[inside], target[inside]
    order = np.argsort(target, kind="stable")
    source, target = source[order], target[order]
    first = np.flatnonzero(np.concatenate(([True], target[1:] != target[:-1])))
    rows = target[first]
    before = 2 * node_count
    for _ in range(LIFT_PASSES):
        tree = trees.number_forest(parent)
        number, above = tree.enter[source], parent[rows]
        low = np.minimum(np.minimum.reduceat(number, first), tree.enter[above])
        high = np.maximum(np.maximum.reduceat(number, first), tree.enter[above])
        wrong = np.flatnonzero(~(tree.contains(above, low) & tree.contains(above, high)))
        if not len(wrong):
            return parent
        if len(wrong) * 2 > before:
            return None
        before = len(wrong)
        parent[rows[wrong]] = tree.common_ancestors(low[wrong], high[wrong])
    return None


def _strip_single_owner_leaves(node_count: int, source: I32, target: I32, idom: I32) -> tuple[I32, I32]:
    """Take off leaves that one row owns, writing their dominator; returns the edges that are left."""
    for _ in range(STRIP_ROUNDS):
        leaf = np.bincount(source, minlength=node_count) == 0
        at_leaf = np.flatnonzero(leaf[target])
        owner = np.full(node_count, -1, np.int32)
        owner[target[at_leaf]] = source[at_leaf]
        several = np.zeros(node_count, np.bool_)
        several[target[at_leaf[owner[target[at_leaf]] != source[at_leaf]]]] = True
        off = leaf & (owner >= 0) & ~several
        if np.count_nonzero(off) * 50 < len(source):
            break
        idom[off] = owner[off]
        keep = ~off[target]
        source, target = source[keep], target[keep]
    return source, target


def _hang_leaves(idom: I32, source: I32, target: I32, root: int) -> None:
    """Add leaves to a finished dominator tree below the lowest common ancestor of their owners."""
    tree = trees.number_forest(idom)
    inside = tree.contains(np.full(len(source), root, np.int32), tree.enter[source])
    source, target = source[inside], target[inside]
    if not len(source):
        return
    order = np.argsort(target, kind="stable")
    number, target = tree.enter[source[order]], target[order]
    first = np.flatnonzero(np.concatenate(([True], target[1:] != target[:-1])))
    low, high = np.minimum.reduceat(number, first), np.maximum.reduceat(number, first)
    idom[target[first]] = tree.common_ancestors(low, high)
