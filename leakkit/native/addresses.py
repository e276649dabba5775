"""Kernels over addresses (uint64)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.native.library import MOST, call, column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def sort_addresses(addresses: Array) -> tuple[Array, Array]:
    """(the addresses ascending, their old positions as int32); radix sort, equal ones keep their order."""
    value = np.array(addresses, np.uint64)
    n = len(value)
    if n > MOST:
        raise ValueError("at most 2^31 - 1 addresses can be sorted")
    order = np.empty(n, np.int32)
    call("lk_sort_addresses", value, n, np.empty(n, np.uint64), order, np.empty(n, np.int32))
    return value, order


def index_addresses(ascending: Array, wanted: Array) -> Array:
    """The position of each wanted address in a strictly ascending column, int32; -1 where it is not.

    Raises:
        IndexError: the column does not ascend.
    """
    ascending, wanted = column(ascending, np.uint64), column(wanted, np.uint64)
    if len(ascending) > MOST:
        raise ValueError("at most 2^31 - 1 addresses can be searched")
    found = np.empty(len(wanted), np.int32)
    call("lk_index_addresses", ascending, len(ascending), wanted, len(wanted), found)
    return found
