"""Rings of lists, dicts, sets and instances, some of them half in an older generation."""
import gc
import _truth


class Node:
    def __init__(self, other=None):
        self.other = other
        self.payload = b"x" * 100


def rings(count):
    for number in range(count):
        a, b = Node(), Node()
        a.other, b.other = b, a
        ring = [number]
        ring.append({"ring": ring, "pair": (a, [b])})
        box = {1: None}
        box[1] = (box, frozenset([number, "text"]))


rings(30)
KEPT = [Node() for _ in range(20)]
for node in KEPT:
    node.other = node
gc.disable()
rings(50)
gc.enable()
half = [Node() for _ in range(25)]
for node in half:
    node.other = [node, {"self": node}]
gc.collect(0)
gc.collect(1)
del half, node
rings(10)
_truth.serve()
