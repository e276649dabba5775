"""Leaks through a library call (json.loads into a module's cache) and makes dead cycles with a payload."""

import array
import collections
import gc
import json
import sys
import threading

sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0])
from _drive import rounds

CACHE = {}
QUEUE = collections.deque()
RECENT = collections.deque(maxlen=30)


class Node:
    pass


def fetch(number):
    text = json.dumps({"number": number, "rows": [["cell %d %d" % (number, at)] * 3 for at in range(20)]})
    CACHE[number] = json.loads(text)


def keep_buffers(number):
    QUEUE.append((bytearray(3000), array.array("d", [number] * 200), {number + at for at in range(50)}, [number] * 300))


def forget(number):
    node = Node()
    node.me = node
    node.payload = bytes(40_000)
    node.table = {at: str(at) for at in range(20)}
    RECENT.append(node)  # long enough to outlive the young collections


def step(number):
    for at in range(200):
        fetch(1000 * number + at)
        keep_buffers(1000 * number + at)
        forget(at)


gc.set_threshold(50, 2, 1_000_000)  # young collections come often, a full one never
threading.current_thread()
rounds(step)
