"""Kernels over forests, which are columns of parents (int32, -1 at roots)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.native.library import call, column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def number_forest(parent: Array) -> tuple[Array, Array, Array, Array, Array]:
    """(enter, below, order, child_start, children), all int32."""
    n = len(parent)
    enter, below, order, children = (np.empty(n, np.int32) for _ in range(4))
    child_start = np.empty(n + 1, np.int32)
    call("lk_number_forest", column(parent, np.int32), n, enter, below, order, child_start, children)
    return enter, below, order, child_start, children[: int(child_start[n])]


def subtree_sums(parent: Array, values: Array) -> Array:
    """For each row the sum over itself and everything below it, int64."""
    total = np.array(values, np.int64)
    call("lk_subtree_sums", column(parent, np.int32, len(total)), len(total), total)
    return total


def path_sums(parent: Array, values: Array) -> Array:
    """For each row the sum over itself and all its ancestors, int64."""
    total = np.array(values, np.int64)
    call("lk_down", column(parent, np.int32, len(total)), len(total), total, None)
    return total


def top_of_run(parent: Array) -> Array:
    """For each row its topmost ancestor, int32."""
    top = np.empty(len(parent), np.int32)
    call("lk_down", column(parent, np.int32), len(parent), None, top)
    return top
