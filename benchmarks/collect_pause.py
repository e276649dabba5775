"""Where the constants of `leakkit try` come from: what a full collection costs, in CPU time, by shape and version.

    python3.13 benchmarks/collect_pause.py     # any Python from 3.9: no package is needed

For each shape of heap: CPU microseconds a tracked container, how many dry passes (``gc.get_referrers``, which visits every
reference once and changes nothing) a collection is worth, and microseconds to free a dead object.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time

LIVE, DEAD = 150_000, 40_000


class Node:
    """An instance with attributes."""


class Slotted:
    """An instance without a dict."""

    __slots__ = ("number", "peer", "rows")


def instance(number: int) -> object:
    """With a list and a text."""
    node = Node()
    node.text, node.rows = str(number), [number]  # type: ignore[attr-defined]
    return node


def slotted(number: int) -> object:
    """With a list."""
    node = Slotted()
    node.number, node.rows, node.peer = number, [number], None
    return node


SHAPES = {
    "dicts": lambda n: {"id": n, "name": str(n), "tags": [n]},
    "lists": lambda n: [[n, str(n)], [n]],
    "instances": instance,
    "slots": slotted,
    "nested": lambda n: {"u": {"a": [n], "b": {"c": str(n)}}},
}


def cpu(work) -> float:
    """CPU seconds of a call."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def measure(make) -> tuple[float, float, float]:
    """(us a container, dry passes a collection, us a dead object)."""
    keep = [make(number) for number in range(LIVE)]
    gc.collect()
    tracked = len(gc.get_objects())
    dry = statistics.median(cpu(lambda: gc.get_referrers(measure)) for _ in range(3))
    live = statistics.median(cpu(gc.collect) for _ in range(5))
    for number in range(DEAD):
        one, other = Node(), Node()
        one.peer, other.peer = other, one  # type: ignore[attr-defined]
        one.rows = [make(number)]  # type: ignore[attr-defined]
    del one, other
    began = time.thread_time()
    found = gc.collect()
    dead = time.thread_time() - began
    del keep
    return live / tracked * 1e6, live / dry, max(dead - live, 0.0) / found * 1e6


def main() -> None:
    """One line a shape."""
    gc.disable()
    version = ".".join(str(part) for part in sys.version_info[:3])
    for name, make in SHAPES.items():
        container, passes, dead = measure(make)
        print(
            f"{version:8} {name:10} {container:.3f} us/container  {passes:5.2f} dry passes  {dead:.3f} us/dead object"
        )


if __name__ == "__main__":
    main()
