"""Puts the collector's count of new objects back to what it was before the agent came.

What the agent leaves in the target (a module imported for the first time, caches of the interpreter) is counted by the
collector, which would start its next young collection that much earlier.  The count is the second int after the head of
the young list (``struct gc_generation`` of pycore_gc.h, the same from 3.9 to 3.15 but in 3.14.0 to 3.14.4); the head is
found from a fresh list object by following the young list to the node that carries the three thresholds and counts that
``gc`` reports.  Memory is read and written through ``/proc/self/mem``, where a wrong address is an error and no crash.

Runs in the target, in a dict with ``BEFORE``: what ``gc.get_count()[0]`` was.  The collector is off meanwhile.
"""

import gc
import posix
import sys

BEFORE = globals().get("BEFORE", 1 << 30)
STEPS = 200
"""Objects that may be younger than the fresh list: what other threads make meanwhile."""

OWN = 7
"""Objects of the agent that are freed, and uncounted, after this: its dicts, frames and thread state."""


def young_head(fd):
    """Address of the head of the young list, or 0."""
    thresholds, counts = gc.get_threshold(), gc.get_count()
    fresh = []
    node = id(fresh) - 16
    for _ in range(STEPS):
        node = int.from_bytes(posix.pread(fd, 8, node), "little") & ~3
        block = posix.pread(fd, 72, node)
        if len(block) < 72:
            return 0
        found = [int.from_bytes(block[at : at + 4], "little", signed=True) for at in (16, 40, 64, 44, 68)]
        if found == [*thresholds, *counts[1:]]:
            return node
    return 0


def put_back():
    """Lower the count to BEFORE and what is about to be freed; never raise it."""
    if sys.maxsize < 1 << 32 or sys.byteorder != "little" or gc.get_count()[0] <= BEFORE + OWN:
        return
    fd = posix.open("/proc/self/mem", posix.O_RDWR | posix.O_CLOEXEC)
    try:
        head = young_head(fd)
        if head:
            now = int.from_bytes(posix.pread(fd, 4, head + 20), "little", signed=True)
            # Not far from what gc says, or it is not the count.
            if BEFORE + OWN < now and abs(now - gc.get_count()[0]) < 1000:
                posix.pwrite(fd, (BEFORE + OWN).to_bytes(4, "little", signed=True), head + 20)
    finally:
        posix.close(fd)


try:
    if not gc.isenabled() and len(gc.get_threshold()) == 3:
        put_back()
finally:
    globals().clear()  # or our functions and their dict stay in the target as a cycle
