"""Reads words of the copy's own memory.

Through ``/proc/self/mem`` a bad address is an answer, not a crash.
"""

import posix
import sys

A = globals()["A"]

try:
    FD = posix.open("/proc/self/mem", posix.O_RDONLY | posix.O_CLOEXEC)
except OSError:
    FD = -1
try:
    CTYPES = A.stdlib.load("ctypes")
except Exception:
    CTYPES = None


def block(address, size):
    """``size`` bytes at a valid address, or b"" when they cannot be read."""
    if sys.maxsize < 1 << 32 or address <= 0:
        return b""
    try:
        if FD >= 0:
            return posix.pread(FD, size, address)
        return CTYPES.string_at(address, size) if CTYPES is not None else b""
    except (OSError, OverflowError):
        return b""


def word(address):
    """The 64-bit word at a valid address, or 0."""
    return int.from_bytes(block(address, 8), sys.byteorder)


def words(address, count):
    """``count`` words as a list; empty when they cannot be read."""
    data = block(address, 8 * count)
    return list(memoryview(data).cast("Q")) if len(data) == 8 * count else []
