"""Worker threads keep their canvas while they wait for the next job."""

import concurrent.futures
import threading

pool = concurrent.futures.ThreadPoolExecutor(64)
local = threading.local()


def draw(gate, number):
    """Draw one picture; all pictures of a busy minute are drawn at once."""
    if not hasattr(local, "canvas"):
        local.canvas = bytearray([number % 200 + 1]) * 5_000_000
    local.canvas[number] = 255
    gate.wait()


def operation(number):
    """A busy minute, each busier than the last: four more pictures at once."""
    at_once = 4 * (number + 1)
    gate = threading.Barrier(at_once)
    list(pool.map(draw, [gate] * at_once, range(at_once)))
