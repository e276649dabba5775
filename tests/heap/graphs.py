"""Random graphs and plain-Python reference implementations for the heap's tests."""

from __future__ import annotations

from heap_dump import Dump, Obj
from hypothesis import strategies as st

from leakkit.snapshot_model import EdgeKind, Generation, RootKind, Snapshot


@st.composite
def edge_lists(draw, most_nodes: int = 14, most_edges: int = 45):
    """(number of rows, list of (from, to)) with self loops, parallel edges and unreachable parts."""
    n = draw(st.integers(1, most_nodes))
    row = st.integers(0, n - 1)
    return n, draw(st.lists(st.tuples(row, row), max_size=most_edges))


def reachable(successors: list[list[int]], seeds, without: int = -1) -> set[int]:
    """Rows that the seeds reach when one row is taken out."""
    seen = {s for s in seeds if s != without}
    stack = list(seen)
    while stack:
        for to in successors[stack.pop()]:
            if to != without and to not in seen:
                seen.add(to)
                stack.append(to)
    return seen


def successors_of(n: int, edges) -> list[list[int]]:
    out: list[list[int]] = [[] for _ in range(n)]
    for a, b in edges:
        out[a].append(b)
    return out


@st.composite
def heaps(draw):
    """A small random heap: tracked, untracked, frozen, immortal objects, all kinds of references, some roots."""
    dump = Dump()
    count = draw(st.integers(1, 12))
    made: list[Obj] = []
    for _ in range(count):
        generation = draw(st.sampled_from([0, 1, 2, 2, 2, -1, -1, int(Generation.FROZEN)]))
        made.append(dump.object(draw(st.sampled_from(["list", "app.A", "app.B"])), size=draw(st.integers(16, 900)), generation=generation))
    row = st.integers(0, count - 1)
    for a, b, how in draw(st.lists(st.tuples(row, row, st.sampled_from(["plain", "plain", "plain", "extra", "weak"])), max_size=30)):
        if how == "weak":
            made[a].ref(made[b], "", EdgeKind.WEAK)
        else:
            # What the collector does not track has no tp_traverse to report references.
            made[a].ref(made[b], "", EdgeKind.INDEX, extra=how == "extra" or made[a].generation == -1)
    for obj in draw(st.lists(st.sampled_from(made), max_size=3)):
        dump.hold(obj)
    for obj in draw(st.lists(st.sampled_from(made), max_size=2)):
        dump.root(obj, draw(st.sampled_from([RootKind.THREAD, RootKind.INTERPRETER])), "x")
    for obj in made:
        if obj.refcount == 0:
            dump.hold(obj)
    return dump.snapshot()


def trial_deletion(snapshot: Snapshot, *, frozen: bool = False) -> tuple[set[int], set[int]]:
    """(tracked dead, all dead) by the letter of the collector's rule, object by object."""
    graph = snapshot.graph
    edges = []
    for a in range(graph.node_count):
        for e in range(int(graph.edge_start[a]), int(graph.edge_start[a + 1])):
            kind = int(graph.edge_kind[e])
            edges.append((a, int(graph.edge_target[e]), bool(kind & 0x80), kind & 0x7F == EdgeKind.WEAK))
    wanted = (0, 1, 2, 3) if frozen else (0, 1, 2)
    inside = {i for i in range(graph.node_count) if int(graph.generation[i]) in wanted and not int(graph.flags[i]) & 16}
    rest = {i: int(graph.refcount[i]) for i in inside}
    for a, b, extra, _weak in edges:
        if a in inside and b in inside and not extra:
            rest[b] -= 1
    visible = successors_of(graph.node_count, [(a, b) for a, b, extra, _ in edges if not extra and a in inside and b in inside])
    strong = successors_of(graph.node_count, [(a, b) for a, b, _, weak in edges if not weak])
    anchored = reachable(strong, snapshot.roots.node.tolist())
    alive = reachable(visible, [i for i in inside if rest[i] > 0 or i in anchored])
    tracked_dead = inside - alive
    dead, left = set(tracked_dead), graph.refcount.tolist()
    stack = list(tracked_dead)
    while stack:
        for to in strong[stack.pop()]:
            left[to] -= 1
            if left[to] == 0 and to not in dead and to not in anchored and not int(graph.flags[to]) & 16:
                dead.add(to)
                stack.append(to)
    return tracked_dead, dead
