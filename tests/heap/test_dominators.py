"""Dominators and retained sizes on whole heaps."""

from __future__ import annotations

import numpy as np
from heap_dump import Dump
from hypothesis import given, settings

from heap.graphs import heaps, reachable
from leakkit.heap.analysis import analyse


@settings(max_examples=300, deadline=None)
@given(heaps())
def test_retained_size_is_what_disappears_without_the_object(snapshot):
    """Retained bytes of each live object equal those that the roots no longer reach when it is taken out."""
    heap = analyse(snapshot)
    n = snapshot.graph.node_count
    successors = [[int(t) for t in heap.strong.successors(v)] for v in range(n)]
    roots = set(heap.roots.node.tolist())
    everything = reachable(successors, roots)
    tree = heap.dominators
    for v in range(n):
        gone = everything - reachable(successors, roots, without=v) if v in everything else set()
        assert tree.retained[v] == sum(int(snapshot.graph.size[w]) for w in gone)
        assert tree.retained_count[v] == len(gone)
        assert set(tree.subtree(v).tolist()) == gone
        assert {w for w in range(n) if tree.dominates(v, w)} == gone


def test_accumulation_point_is_where_bytes_spread():
    """The descent goes through the holders down to the container whose entries are all small."""
    d = Dump()
    app = d.module("app")
    cache = d.dict()
    app["service"] = d.instance("app.Service", own_dict=True, cache=cache)
    for i in range(50):
        cache[f"k{i}"] = d.bytes(10_000)
    tree = analyse(d.snapshot()).dominators
    assert tree.accumulation_point() == cache.node
    assert tree.accumulation_point(app.node) == cache.node
    assert tree.retained[cache.node] == cache.size + 50 * 10_033
    assert tree.ancestors(cache.node)[-1] == app.node


def test_children_are_largest_first_and_sets_count_once():
    """Children come by retained size; nested rows of a set are counted once."""
    d = Dump()
    small, big = d.bytes(10), d.bytes(1000)
    holder = d.list(small, big)
    d.module("app")["X"] = holder
    tree = analyse(d.snapshot()).dominators
    assert tree.children(holder.node).tolist() == [big.node, small.node]
    assert tree.retained_by(np.array([holder.node, big.node])) == tree.retained[holder.node]
    assert tree.retained_by(np.array([small.node, big.node])) == 43 + 1033
