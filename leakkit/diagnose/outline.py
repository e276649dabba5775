"""The dominator tree as the report draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.constants import TREE_NODES
from leakkit.heap.summary import dominator_outline
from leakkit.model import TreeNode

if TYPE_CHECKING:
    from leakkit.heap.analysis import Heap
    from leakkit.heap.summary import DominatorNode


def _size(node: DominatorNode) -> int:
    return 1 + sum(_size(child) for child in node.children)


def _convert(node: DominatorNode) -> TreeNode:
    return TreeNode(node.label, node.type, node.bytes, node.count, tuple(_convert(child) for child in node.children))


def outline(heap: Heap) -> TreeNode:
    """The largest parts of the dominator tree, at most ``TREE_NODES`` nodes."""
    for minimum in (0.002, 0.005, 0.02, 0.1):
        tree = dominator_outline(heap, minimum=minimum)
        if _size(tree) <= TREE_NODES:
            break
    else:
        tree = dominator_outline(heap, depth=1)
    return _convert(tree)
