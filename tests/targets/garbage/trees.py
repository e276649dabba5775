"""Trees with parent links, doubly linked lists and graphs, in all three generations."""
import gc
import _truth

gc.disable()


class Tree:
    __slots__ = ("parent", "children", "name")

    def __init__(self, parent, depth):
        self.parent, self.name = parent, "tree%d" % depth
        self.children = [Tree(self, depth - 1) for _ in range(3)] if depth else ()


class Link:
    def __init__(self):
        self.before = self.after = self


def chain(count):
    first = last = Link()
    for _ in range(count):
        link = Link()
        last.after, link.before = link, last
        last = link
    return first


old = [Tree(None, 3), chain(20)]
KEPT = [Tree(None, 2), chain(10)]
gc.collect(1)
middle = [Tree(None, 2), chain(30)]
gc.collect(0)
del old, middle
Tree(None, 3)
chain(40)
nodes = [{"edges": []} for _ in range(30)]
for index, node in enumerate(nodes):
    node["edges"].extend((nodes[index * 7 % 30], nodes[index * 11 % 30]))
ISLAND = nodes[0]["edges"][:0]
del nodes, node
_truth.serve()
