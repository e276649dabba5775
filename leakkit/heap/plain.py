"""The kernels without C: one module that ``kernels`` loads where the compiled ones are not there."""

from __future__ import annotations

from leakkit.heap.plain_dominators import dominators_below, strong_components
from leakkit.heap.plain_searches import cascade, reach, shortest_tree, trial

__all__ = ["cascade", "dominators_below", "reach", "shortest_tree", "strong_components", "trial"]
