"""The same service; it collects by hand, and gives the pages back, after every hundred large answers."""

import collections
import ctypes
import gc
import os
import sys
from pathlib import Path


class Node:
    """Part of an answer; knows its parent."""

    def __init__(self, tag, parent=None):
        self.tag = tag
        self.parent = parent
        self.children = []
        if parent is not None:
            parent.children.append(self)


def build(number):
    """An answer: 20 nodes and a large rendering."""
    document = Node("document")
    for row in range(20):
        Node(f"row-{row}", document)
    document.payload = bytes([number % 200 + 1]) * 100000
    return document


open_answers = collections.deque()
COLLECT_EVERY = 100


def collect():
    """A full collection; then glibc gives back what it freed."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def work(number):
    """Answer 200 requests, 200 are open at any time."""
    for index in range(200):
        open_answers.append(build(number))
        if len(open_answers) > 200:
            open_answers.popleft()
        if index % COLLECT_EVERY == COLLECT_EVERY - 1:
            collect()


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
