"""The kernel that puts a dump's references into the graph's order."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.native.library import MOST, call, column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class _Dump(ctypes.Structure):
    """``LkDump`` of kernels/pack.c."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("rows", "dump_rows", "edges", "extras")),
        *((name, ctypes.c_void_p) for name in ("order", "first", "target", "kind", "name", "backwards")),
        *((name, ctypes.c_void_p) for name in ("extra_start", "extra_target", "extra_kind", "extra_name")),
    )


class _References(ctypes.Structure):
    """``LkReferences`` of kernels/pack.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("start", "target", "kind", "name")),
        ("count", ctypes.c_int64),
    )


def join_references(
    order: Array,
    first: Array,
    references: tuple[Array, Array, Array],
    backwards: Array,
    extra_start: Array,
    extra: tuple[Array, Array, Array],
) -> tuple[Array, Array, Array, Array]:
    """(start, target, kind, name) of the graph's references.

    Args:
        order: for each of the graph's rows, its row in the dump; rows of the dump may be left out.
        first: where the references of each row of the dump start; one more than there are rows.
        references: target (int32 row of the graph, -1 to leave it out), kind and name of each.
        backwards: rows of the dump whose references are turned round.
        extra_start: where the extra references of each row of the graph start.
        extra: target, kind and name of the extra references.

    Raises:
        IndexError: the columns contradict each other.
    """
    n, m, more = len(order), len(references[0]), len(extra[0])
    rows = len(first) - 1
    if m + more > MOST:
        raise ValueError("a graph has at most 2^31 - 1 references")
    kept = [column(order, np.int32), column(first, np.int64, rows + 1)]
    kinds = (np.int32, np.uint8, np.int32)
    kept += [column(array, dtype, m) for array, dtype in zip(references, kinds, strict=True)]
    kept += [column(backwards, np.uint8, rows), column(extra_start, np.int64, n + 1)]
    kept += [column(array, dtype, more) for array, dtype in zip(extra, kinds, strict=True)]
    start, target = np.empty(n + 1, np.int64), np.empty(m + more, np.int32)
    kind, name = np.empty(m + more, np.uint8), np.empty(m + more, np.int32)
    out = _References(*(array.ctypes.data for array in (start, target, kind, name)), 0)
    call("lk_join_references", _Dump(n, rows, m, more, *(array.ctypes.data for array in kept)), out)
    count = int(start[n])
    return start, target[:count], kind[:count], name[:count]
