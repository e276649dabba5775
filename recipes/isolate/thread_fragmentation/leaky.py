"""Threads cut maps into tiles and keep one in six: each page of malloc's arenas has one that is kept."""

import concurrent.futures
import threading

WORKERS = 4
pool = concurrent.futures.ThreadPoolExecutor(WORKERS)
index = {}


def cut(worker):
    """Cut a map into 60,000 tiles of 640 bytes; one in six is kept."""
    tiles = [bytes([worker + 1]) * 640 for _ in range(60_000)]
    return tiles[::6]


def work(gate, worker):
    """One map; the others are cut meanwhile."""
    gate.wait()
    index[worker] = cut(worker)


def operation(number):
    """Cut four maps at once."""
    gate = threading.Barrier(WORKERS)
    list(pool.map(work, [gate] * WORKERS, range(WORKERS)))
