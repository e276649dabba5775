"""The parts of leakkit that are written in C, and the binding of those that run in leakkit's own process.

``kernels/`` are pure functions of arrays (graphs, addresses), bound by ``graphs``, ``forests``, ``columns`` and
``addresses``; ``walk/`` runs in targets and is shipped to them as a file.  Where no C compiler was at hand, or
``LEAKKIT_NO_NATIVE=1`` is set, :func:`loaded` is False and the rest of leakkit does the same in numpy.
"""

from __future__ import annotations

from leakkit.native import library
from leakkit.native.library import loaded
from leakkit.native.shipped import why_no_walk

__all__ = ["loaded", "why_not"]


def why_not() -> str:
    """Why a C part is not used; empty when all are."""
    return library.why_not() or why_no_walk()
