"""The same; it trims when it is idle."""

import concurrent.futures
import ctypes
import threading

WORKERS = 4
pool = concurrent.futures.ThreadPoolExecutor(WORKERS)
index = {}


def load(gate, worker):
    """Load 1,500 documents of 2 to 39 kB; the first lines of one in 20 are kept."""
    gate.wait()
    documents, lines = [], []
    for number in range(1_500):
        documents.append(bytes([worker + 1]) * (2_000 + 37 * (number % 1_000)))
        if number % 20 == 0:
            lines.append(documents[-1][:600])
    index[worker] = lines


def operation(number):
    """Four loaders at once."""
    gate = threading.Barrier(WORKERS)
    list(pool.map(load, [gate] * WORKERS, range(WORKERS)))


def rest():
    """A quiet moment: give malloc's free pages back."""
    ctypes.CDLL(None).malloc_trim(0)
