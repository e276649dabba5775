"""A decoder in C that forgets to free its work area; the service calls it in its own process."""

import ctypes
import os
import sys
from pathlib import Path


def decode(size):
    """What the C library does: take memory, use it, lose its address."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    libc.memset(libc.malloc(size), 1, size)
    return size


def work(number):
    """Decode 100 pictures."""
    for _ in range(100):
        decode(80000 + number)


def main():
    """Run five rounds, or one for each line of stdin with ``--steps``; say what is resident after each."""
    print("READY", flush=True)
    for number, _ in enumerate(sys.stdin if "--steps" in sys.argv else range(5)):
        work(number)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        print(pages * os.sysconf("SC_PAGE_SIZE") // 1000000, "MB resident")
        print("READY", flush=True)


if __name__ == "__main__":
    main()
