"""The parts of leakkit that are written in C, and the binding of those that run in leakkit's own process.

``kernels/`` are pure functions of arrays (graphs, addresses), bound by ``graphs``, ``forests``, ``columns`` and
``addresses``; ``walk/`` runs in targets and is shipped to them as a file.  Where no C compiler was at hand, or
``LEAKKIT_NO_NATIVE=1`` is set, :func:`loaded` is False and the rest of leakkit does the same in numpy.
"""

from __future__ import annotations

from leakkit.native.library import loaded, why_not

__all__ = ["loaded", "why_not"]
