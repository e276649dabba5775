# expect: verdict=clean snapshots=3
"""Ordinary cyclic garbage under normal load: small trees with parent links that the collector keeps up with."""

import _drive


class Node:
    def __init__(self, parent=None):
        self.parent = parent
        self.children = []


def tree():
    root = Node()
    for _ in range(5):
        root.children.append(Node(root))
    return root


def work(number):
    for _ in range(5000):
        assert len(tree().children) == 5


_drive.rounds(work)
