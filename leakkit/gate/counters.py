"""Reads, in its own process, the cheap counters of a round, and lets the process settle before that.

Nothing here may keep anything: what the counting itself retains would look like the scenario's growth.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import sys
import time
from typing import Final

from leakkit.gate.model import Metric

SETTLE_SECONDS: Final = 0.5
"""Longest wait for threads and files that are about to end."""
ROOM_SHARE: Final = 0.5
MOST_MEMORY: Final = 512 * 1024 * 1024
MOST_FILES: Final = 1 << 16
MOST_THREADS: Final = 1024
"""A measurement stays below these, whatever the machine has."""
_STEP: Final = 0.01
_COLLECTIONS: Final = 3
"""A finalizer may leave new garbage behind: collect again, but not for ever."""


_MALLINFO_FIELDS: Final = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
)  # fmt: skip


class _MallInfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc 2.33 and later."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in _MALLINFO_FIELDS)


class Counters:
    """The counters of this process; one object a measurement, made before the first round."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None)
        self._trim = getattr(libc, "malloc_trim", None)
        self._mallinfo = getattr(libc, "mallinfo2", None)
        if self._mallinfo is not None:
            self._mallinfo.restype = _MallInfo
        self._clear_caches = getattr(sys, "_clear_internal_caches", None) or getattr(sys, "_clear_type_cache")  # noqa: B009

    def settle(self, *, collect: bool = True, files: int | None = None, threads: int | None = None) -> None:
        """Collect, give free memory back, and wait a moment for threads and files above the last level to go.

        Args:
            collect: whether cyclic garbage is collected.
            files: open files after the round before, if known.
            threads: threads after the round before, if known.
        """
        self._clear_caches()
        self._collect(collect)
        end = time.monotonic() + SETTLE_SECONDS
        while _above(_entries("/proc/self/task"), threads) or _above(_entries("/proc/self/fd"), files):
            if time.monotonic() > end:
                break
            time.sleep(_STEP)
            self._collect(collect)
        if self._trim is not None:
            self._trim(0)

    @staticmethod
    def room(now: dict[Metric, int]) -> dict[Metric, float]:
        """How much more of what is limited a measurement may use: memory, open files, threads.

        Args:
            now: the counters.
        """
        most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return {
            Metric.RSS: min(_available_memory() * ROOM_SHARE, MOST_MEMORY),
            Metric.FILES: _room(now.get(Metric.FILES, 0), most_files if most_files > 0 else MOST_FILES),
            Metric.THREADS: _room(now.get(Metric.THREADS, 0), MOST_THREADS),
        }

    @staticmethod
    def _collect(wanted: bool) -> None:
        for _ in range(_COLLECTIONS if wanted else 0):
            if gc.collect() == 0:
                break

    def read(self) -> dict[Metric, int]:
        """The counters now; one that cannot be read is left out.

        GARBAGE_OBJECTS is the number of objects that the collector has found dead since the process began.
        """
        counts = {Metric.GARBAGE_OBJECTS: sum(row["collected"] + row["uncollectable"] for row in gc.get_stats())}
        if blocks := sys.getallocatedblocks():  # 0 under PYTHONMALLOC=malloc
            counts[Metric.BLOCKS] = blocks
        if self._mallinfo is not None:
            info = self._mallinfo()
            counts[Metric.NATIVE] = info.uordblks + info.hblkhd
        counts |= _resident()
        for metric, folder in ((Metric.FILES, "/proc/self/fd"), (Metric.THREADS, "/proc/self/task")):
            if (number := _entries(folder)) is not None:
                counts[metric] = number
        return counts


def _room(now: int, most: int) -> float:
    """A half of what is left up to a limit; the scenario may need the rest."""
    return max(most - now, 0) * ROOM_SHARE


def _available_memory() -> int:
    """Bytes that can be had without swapping."""
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo", "rb") as file:  # noqa: PTH123
        for line in file:
            if line.startswith(b"MemAvailable:"):
                return int(line.split()[1]) * 1024
    return MOST_MEMORY


def _above(now: int | None, before: int | None) -> bool:
    return now is not None and before is not None and now > before


def _entries(folder: str) -> int | None:
    try:
        return len(os.listdir(folder))  # noqa: PTH208 - names are enough, and nothing is to be kept
    except OSError:
        return None


def _resident() -> dict[Metric, int]:
    """RSS and USS of this process, bytes."""
    found: dict[Metric, int] = {}
    with contextlib.suppress(OSError), open("/proc/self/smaps_rollup", "rb") as file:  # noqa: PTH123
        private = 0
        for line in file:
            name, _, rest = line.partition(b":")
            if name == b"Rss":
                found[Metric.RSS] = int(rest.split()[0]) * 1024
            elif name in (b"Private_Clean", b"Private_Dirty"):
                private += int(rest.split()[0]) * 1024
        found[Metric.USS] = private
    return found
