"""Exceptions kept with their tracebacks, in rings through frames, and some in a live list."""
import gc
import sys
import _truth

gc.disable()
KEPT = []


def inner(depth):
    local = {"depth": depth, "big": "y" * 50}
    if depth:
        inner(depth - 1)
    raise LookupError(local)


def keep(where):
    try:
        inner(4)
    except LookupError as error:
        where.append(error)
        ring = [where, error]
        ring.append(ring)


def chained():
    try:
        try:
            inner(1)
        except LookupError as error:
            raise RuntimeError("second") from error
    except RuntimeError as error:
        saved = error
        return saved.__cause__ is not None


for _ in range(10):
    keep(KEPT if _ % 5 == 0 else [])
for _ in range(10):
    chained()


def self_frame():
    frame = sys._getframe()
    local = [frame]
    return len(local)


for _ in range(6):
    self_frame()
_truth.serve()
