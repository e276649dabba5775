"""Experiments on paper."""

from __future__ import annotations

import numpy as np
from heap_dump import Dump
from hypothesis import given, settings
from hypothesis import strategies as st

from heap.graphs import heaps, reachable
from leakkit.heap.analysis import analyse
from leakkit.heap.whatif import independent_retainers, what_if
from leakkit.snapshot_model import RootKind


@settings(max_examples=200, deadline=None)
@given(heaps(), st.data())
def test_equals_marking_again(snapshot, data):
    """What an experiment frees equals what a plain search no longer reaches."""
    heap = analyse(snapshot)
    n, m = snapshot.graph.node_count, snapshot.graph.edge_count
    cut = data.draw(st.sets(st.integers(0, m - 1), max_size=4)) if m else set()
    roots = data.draw(st.sets(st.integers(0, len(heap.roots.node) - 1), max_size=2)) if len(heap.roots.node) else set()
    drop = data.draw(st.sets(st.integers(0, n - 1), max_size=2))
    freed = what_if(heap, cut_edges=cut, cut_roots=roots, drop_nodes=drop)
    successors = [[int(t) for t, e in zip(heap.strong.successors(v), heap.strong.edges(v)) if int(e) not in cut and int(t) not in drop and v not in drop] for v in range(n)]
    seeds = [int(r) for i, r in enumerate(heap.roots.node) if i not in roots and int(r) not in drop]
    kept = reachable(successors, seeds)
    assert set(np.flatnonzero(freed.mask).tolist()) == {v for v in range(n) if heap.live[v]} - kept
    assert freed.bytes == int(snapshot.graph.size[freed.mask].sum())
    assert freed.count == int(freed.mask.sum())


def test_other_holders_are_named():
    """After cutting the cache its values are still reachable where a list holds them too, and the list is named."""
    d = Dump()
    app = d.module("app")
    items = [d.bytes(1000) for _ in range(30)]
    cache = d.dict({f"k{i}": item for i, item in enumerate(items)})
    app["CACHE"] = cache
    app["AUDIT"] = d.list(*items[:20])
    heap = analyse(d.snapshot())
    assert what_if(heap, drop_nodes=[cache.node]).bytes == cache.size + 10 * 1033
    (other,) = independent_retainers(heap, [i.node for i in items], drop_nodes=[cache.node])
    assert other.path.text == "app.AUDIT[*]"
    assert (other.count, other.bytes) == (20, 20 * 1033)


def test_cutting_one_edge_finds_the_other_and_cutting_both_frees():
    """Cutting a named reference is told apart from cutting all of them."""
    d = Dump()
    app = d.module("app")
    data = d.bytes(4000)
    app["A"] = d.list(data)
    app["B"] = d.list(data)
    heap = analyse(d.snapshot())
    edges = heap.incoming.edges(data.node).tolist()
    assert what_if(heap, cut_edges=edges[:1]).bytes == 0
    (other,) = independent_retainers(heap, [data.node], cut_edges=edges[:1])
    assert other.path.text in ("app.A[*]", "app.B[*]")
    assert what_if(heap, cut_edges=edges).bytes == data.size
    assert independent_retainers(heap, [data.node], cut_edges=edges) == ()


def test_cutting_a_root():
    """A task's data goes with the task's root."""
    d = Dump()
    d.task("conn-1", d.coroutine("handler", locals={"payload": d.bytes(5000)}))
    heap = analyse(d.snapshot())
    freed = what_if(heap, cut_roots=heap.roots.rows_of(RootKind.TASK))
    assert freed.bytes == 184 + 200 + 5033
