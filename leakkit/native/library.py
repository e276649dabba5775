"""Loads the kernels and calls them; the only code that uses ctypes on them.

Calls release the GIL.  Every array is checked here for its kind, its layout and its length; what the numbers in
it mean (rows, ranges of edges) is checked in C, where they are used.
"""

from __future__ import annotations

import ctypes
import functools
import os
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from leakkit.native import build

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MOST: Final = 2**31 - 1
"""Rows and edges are numbered in 32 bits."""
OBJECT_VARIABLE: Final = "LEAKKIT_KERNELS"
"""Environment variable with another shared object to use (one with sanitizers, in tests)."""
_STATUS: Final[dict[int, tuple[type[Exception], str]]] = {
    1: (MemoryError, "a kernel ran out of memory"),
    2: (IndexError, "a row or an edge is out of range"),
    3: (ValueError, "the parent column is no forest"),
}


class Graph(ctypes.Structure):
    """``LkGraph`` of kernels/common.h."""

    _fields_ = (
        ("rows", ctypes.c_int64),
        ("edges", ctypes.c_int64),
        ("start", ctypes.c_void_p),
        ("target", ctypes.c_void_p),
        ("number", ctypes.c_void_p),
        ("numbers", ctypes.c_int64),
    )


def _path() -> Path | str:
    return os.environ.get(OBJECT_VARIABLE) or build.HERE / "_kernels.so"


@functools.cache
def _library() -> tuple[ctypes.CDLL | None, str]:
    """(the library, why there is none)."""
    path = _path()
    if not os.path.exists(path):  # noqa: PTH110 - a name from the environment may be text
        return None, "leakkit was installed without its C parts (no C compiler was found); install gcc and reinstall"
    try:
        library = ctypes.CDLL(str(path))
        library.lk_fingerprint.restype = ctypes.c_char_p
        made_of = library.lk_fingerprint()
    except (OSError, AttributeError) as error:
        return None, f"the C parts cannot be loaded: {error}"
    if made_of != build.fingerprint("kernels").encode():
        return None, "the C parts were compiled from other sources; reinstall leakkit"
    return library, ""


def loaded() -> bool:
    """Whether the kernels are there and not switched off."""
    return not build.switched_off() and _library()[0] is not None


def why_not() -> str:
    """Why the kernels are not used; empty when they are."""
    if build.switched_off():
        return f"{build.SWITCH} is set"
    return _library()[1]


def graph_of(
    start: NDArray[Any], target: NDArray[Any], number: NDArray[Any] | None = None, numbers: int | None = None
) -> Graph:
    """A graph for C.  The arrays must outlive it, and be as :func:`column` returns them.

    Args:
        start: rows + 1 positions, int64.
        target: int32.
        number: the caller's number of each edge, int32; by default its position.
        numbers: one more than the largest number; by default how many edges there are.
    """
    check(start, np.int64)
    check(target, np.int32)
    if number is not None:
        check(number, np.int32, len(target))
    if not 1 <= len(start) <= MOST or len(target) > MOST:
        raise ValueError("a graph has at most 2^31 - 1 rows and edges")
    return Graph(
        len(start) - 1,
        len(target),
        start.ctypes.data,
        target.ctypes.data,
        None if number is None else number.ctypes.data,
        len(target) if numbers is None else numbers,
    )


def check(array: NDArray[Any], dtype: Any, count: int | None = None) -> NDArray[Any]:
    """The array, if C can take it as it is.

    Raises:
        TypeError: another dtype, not one-dimensional or not contiguous.
        ValueError: another length than ``count``.
    """
    same = array.dtype == np.dtype(dtype) or (array.dtype == np.bool_ and dtype == np.uint8)
    if not same or array.ndim != 1 or not array.flags.c_contiguous:
        raise TypeError(f"a contiguous column of {np.dtype(dtype)} is needed, not of {array.dtype}")
    if count is not None and len(array) != count:
        raise ValueError(f"a column of {count} rows is needed, not of {len(array)}")
    return array


def column(array: NDArray[Any], dtype: Any, count: int | None = None) -> NDArray[Any]:
    """The array as C takes it: itself where it fits, a copy otherwise (see :func:`check`)."""
    if array.dtype == np.bool_ and dtype == np.uint8:
        return check(np.ascontiguousarray(array).view(np.uint8), dtype, count)
    return check(np.ascontiguousarray(array, dtype), dtype, count)


def call(name: str, *arguments: ctypes.Structure | NDArray[Any] | int | None) -> None:
    """Call a kernel; arrays go as pointers, whole numbers as 64 bits (C takes what it needs of them).

    Raises:
        MemoryError: it ran out of memory.
        IndexError: a row or an edge was out of range.
        ValueError: a parent column was no forest.
    """
    library, reason = _library()
    if library is None:
        raise RuntimeError(reason)
    converted: list[Any] = []
    for argument in arguments:
        if isinstance(argument, ctypes.Structure):
            converted.append(ctypes.byref(argument))
        elif isinstance(argument, np.ndarray):
            converted.append(ctypes.c_void_p(argument.ctypes.data))
        else:
            converted.append(None if argument is None else ctypes.c_int64(argument))
    status = getattr(library, name)(*converted)
    if status:
        kind, message = _STATUS[status]
        raise kind(message)
