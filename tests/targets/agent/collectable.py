"""Dead cycles with large payloads, live objects, and a finalizer that counts; nothing is collected by itself."""

import gc
import sys

import _drive

gc.set_threshold(1_000_000, 1000, 1000)
LIVE = [{"id": number, "tags": [number, str(number)]} for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)]
FINALIZED = []


class Node:
    def __init__(self, size):
        self.payload = bytearray(size)
        self.rows = [[number] for number in range(50)]
        self.peer = None

    def __del__(self):
        FINALIZED.append(1)


def work(number):
    for _ in range(200):
        one, other = Node(20_000), Node(200)
        one.peer, other.peer = other, one
    if number == 99:
        raise AssertionError(len(FINALIZED))


_drive.rounds(work)
