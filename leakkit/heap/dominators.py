"""Dominators of the live objects: who alone keeps what, and how many bytes that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import kernels, trees

if TYPE_CHECKING:
    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import I32, I64

DROP_RATIO = 0.7
"""Eclipse MAT's ``big_drop_ratio``: descend while the largest child keeps at least so much of its parent."""


@dataclass(frozen=True, eq=False)
class DominatorTree:
    """The dominator tree below a super-root that refers to every root.

    A row dominates another when every path from a root to the other passes through it; cutting it out frees
    exactly its subtree.
    """

    root: int
    """Row number of the super-root: one past the last object."""
    idom: I32
    """Immediate dominator of each object (``root`` for top ones), -1 for objects that are not live."""
    retained: I64
    """Bytes that would be freed with each object, itself included; 0 for objects that are not live."""
    retained_count: I32
    """Objects that would be freed with each object, itself included; 0 for objects that are not live."""
    tree: trees.Numbered
    total_bytes: int
    """Bytes of all live objects."""

    def children(self, node: int | None = None) -> I32:
        """What a row dominates directly (by default the super-root), largest retained size first."""
        row = self.root if node is None else node
        found: I32 = self.tree.children[self.tree.child_start[row] : self.tree.child_start[row + 1]]
        by_size: I32 = found[np.argsort(-self.retained[found], kind="stable")]
        return by_size

    def subtree(self, node: int) -> I32:
        """All objects that a row dominates, itself first."""
        if node != self.root and self.idom[node] < 0:
            return np.empty(0, np.int32)
        first = int(self.tree.enter[node])
        rows: I32 = self.tree.order[first : first + int(self.tree.below[node])]
        objects: I32 = rows[rows != self.root]
        return objects

    def dominates(self, above: int, below: int) -> bool:
        """Whether ``above`` is ``below`` or dominates it; False where one of them is not live."""
        if (above != self.root and self.idom[above] < 0) or self.idom[below] < 0:
            return False
        first = int(self.tree.enter[above])
        return first <= int(self.tree.enter[below]) < first + int(self.tree.below[above])

    def ancestors(self, node: int) -> list[int]:
        """The dominators of a row from itself up to the topmost object."""
        found = []
        while node != self.root and node >= 0:
            found.append(node)
            node = int(self.idom[node])
        return found

    def accumulation_point(self, node: int | None = None, ratio: float = DROP_RATIO) -> int:
        """Where the bytes come together: descend while the largest child keeps ``ratio`` of its parent.

        Returns:
            The row at which they spread out; the super-root itself when that is where.
        """
        at = self.root if node is None else node
        while True:
            below = self.children(at)
            held = self.total_bytes if at == self.root else int(self.retained[at])
            if not len(below) or self.retained[below[0]] < ratio * held:
                return at
            at = int(below[0])

    def retained_by(self, nodes: I32) -> int:
        """Bytes that a set of rows retains one by one: nested ones are counted once."""
        nodes = nodes[self.idom[nodes] >= 0]
        if not len(nodes):
            return 0
        nodes = np.unique(nodes)
        nodes = nodes[np.argsort(self.tree.enter[nodes])]
        end = self.tree.enter[nodes] + self.tree.below[nodes]
        before = np.concatenate(([0], np.maximum.accumulate(end)[:-1]))
        return int(self.retained[nodes[self.tree.enter[nodes] >= before]].sum())


def build_dominators(heap: Heap) -> DominatorTree:
    """The dominator tree of a heap's live graph."""
    n = heap.graph.node_count
    idom = kernels.dominators(heap.strong, heap.roots.node, heap.live)
    tree = trees.number_forest(idom)
    inside = idom >= 0
    inside[n] = True
    size = np.zeros(n + 1, np.int64)
    np.copyto(size[:n], heap.graph.size, where=inside[:n])
    retained = trees.subtree_sums(idom, size)
    return DominatorTree(
        root=n,
        idom=idom[:n],
        retained=retained[:n],
        retained_count=np.where(inside[:n], tree.below[:n], np.int32(0)),
        tree=tree,
        total_bytes=int(retained[n]),
    )
