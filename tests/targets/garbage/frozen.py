"""``gc.freeze`` while rings are alive: frozen garbage is nobody's, what is made later is collected as ever."""
import gc
import _truth

gc.disable()


class Node:
    def __init__(self):
        self.me = self


early = [Node() for _ in range(30)]
KEPT = [Node() for _ in range(10)]
gc.freeze()
later = [Node() for _ in range(20)]
later.append(later)
mixed = Node()
mixed.old = early[0]
early[1].young = Node()
del early, later, mixed
_truth.serve()
