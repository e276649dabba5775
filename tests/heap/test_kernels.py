"""Graph kernels against plain-Python oracles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heap.graphs import edge_lists, reachable, successors_of
from leakkit.heap import csr, kernels, trees


def columns(edges):
    pairs = np.array(edges, np.int32).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def immediate_dominators(n, edges, root):
    """By definition: d dominates v when v cannot be reached with d taken out."""
    successors = successors_of(n, edges)
    everything = reachable(successors, [root])
    above = {v: set() for v in everything}
    for d in everything:
        for v in everything - reachable(successors, [root], without=d) - {d}:
            above[v].add(d)
    return [max(above[v], key=lambda d: len(above[d])) if above.get(v) else -1 for v in range(n)]


@pytest.mark.parametrize("small_goes_to_igraph", [True, False])
def test_dominators_equal_brute_force(small_goes_to_igraph, monkeypatch):
    """Immediate dominators equal the definition on random graphs, by both general algorithms."""
    monkeypatch.setattr(kernels, "LIFT_EDGES", 10**9 if small_goes_to_igraph else 0)

    @settings(max_examples=400, deadline=None)
    @given(edge_lists())
    def check(graph):
        n, edges = graph
        source, target = columns(edges)
        assert kernels.dominators(n, source, target, 0).tolist() == immediate_dominators(n, edges, 0)

    check()


@settings(max_examples=150, deadline=None)
@given(edge_lists(), st.lists(st.integers(0, 13), max_size=3), st.sampled_from([1, 64]))
def test_reach_equals_brute_force(graph, seeds, narrow):
    """Reachability agrees with a plain search, through numpy frontiers and through the loop alike."""
    n, edges = graph
    seeds = [s for s in seeds if s < n]
    source, target = columns(edges)
    before, csr.NARROW = csr.NARROW, narrow
    try:
        found = kernels.reach(kernels.from_edges(n, source, target), np.array(seeds, np.int32))
    finally:
        csr.NARROW = before
    assert set(np.flatnonzero(found).tolist()) == reachable(successors_of(n, edges), seeds)


@settings(max_examples=200, deadline=None)
@given(edge_lists(), st.data(), st.sampled_from([1, 64]))
def test_shortest_tree_equals_bellman_ford(graph, data, narrow):
    """Distances are those of Bellman and Ford, and every parent edge is tight."""
    n, edges = graph
    cost = data.draw(st.lists(st.integers(1, 9), min_size=len(edges), max_size=len(edges)))
    seeds = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, 5)), min_size=1, max_size=3, unique_by=lambda s: s[0]))
    distance = {node: c for node, c in seeds}
    for _ in range(n):
        for (a, b), c in zip(edges, cost):
            if a in distance and distance[a] + c < distance.get(b, 10**9):
                distance[b] = distance[a] + c
    source, target = columns(edges)
    graph_csr = kernels.from_edges(n, source, target)
    costs = np.array(cost, np.uint8)[graph_csr.edge]
    before, csr.NARROW = csr.NARROW, narrow
    try:
        found = kernels.shortest_tree(graph_csr, costs, np.array([s for s, _ in seeds], np.int32), np.array([c for _, c in seeds], np.int32))
    finally:
        csr.NARROW = before
    assert found.distance.tolist() == [distance.get(v, -1) for v in range(n)]
    sources = kernels.edge_sources(graph_csr.start)
    for v in range(n):
        if found.position[v] >= 0:
            p = found.position[v]
            assert graph_csr.target[p] == v
            assert found.distance[sources[p]] + costs[p] == found.distance[v]


@settings(max_examples=150, deadline=None)
@given(edge_lists())
def test_strong_components_equal_mutual_reachability(graph):
    """Two rows share a component exactly when they reach each other."""
    n, edges = graph
    successors = successors_of(n, edges)
    reach_of = [reachable(successors, [v]) for v in range(n)]
    label = kernels.strong_components(n, *columns(edges))
    for a in range(n):
        for b in range(n):
            assert (label[a] == label[b]) == (b in reach_of[a] and a in reach_of[b])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_trees_by_pointer_doubling(choices):
    """Sums, depths, preorder and common ancestors equal a walk up, on random forests."""
    parent = np.array([-1] + [min(c, i) - (c % 5 == 0) for i, c in enumerate(choices)], np.int32)
    n = len(parent)

    def up(v):
        while v >= 0:
            yield v
            v = int(parent[v])

    above = [list(up(v)) for v in range(n)]
    values = np.arange(1, n + 1)
    below = trees.subtree_sums(parent, values)
    tree = trees.number_forest(parent)
    assert sorted(tree.enter.tolist()) == list(range(n))
    for v in range(n):
        assert below[v] == sum(int(values[w]) for w in range(n) if v in above[w])
        assert trees.depths(parent)[v] == len(above[v]) - 1
        assert trees.top_of_run(parent)[v] == above[v][-1]
        for w in range(n):
            assert bool(tree.contains(np.array([v]), tree.enter[[w]])[0]) == (v in above[w])
            shared = [a for a in above[v] if a in above[w]]
            if shared:
                pair = np.sort(tree.enter[[v, w]])
                assert tree.common_ancestors(pair[:1], pair[1:])[0] == shared[0]


@pytest.mark.parametrize("both_ways", [False, True])
def test_long_list_is_linear(both_ways):
    """A list of 200,000 links, singly or doubly linked, is searched and dominated without a level-by-level walk."""
    n = 200_000
    source = np.arange(n - 1, dtype=np.int32)
    target = source + 1
    if both_ways:
        source, target = np.concatenate((source, target)), np.concatenate((target, source))
    graph = kernels.from_edges(n, source, target)
    assert kernels.reach(graph, np.array([0], np.int32)).all()
    found = kernels.shortest_tree(graph, np.ones(len(source), np.uint8), np.array([0], np.int32), np.zeros(1, np.int32))
    assert found.distance[-1] == n - 1
    assert np.array_equal(kernels.dominators(n, source, target, 0), np.arange(-1, n - 1))


def test_cascade_stops_at_what_is_held_elsewhere():
    """Rows fall only when all their references come from fallen rows."""
    graph = kernels.from_edges(5, np.array([0, 1, 1], np.int32), np.array([1, 2, 3], np.int32))
    waves = kernels.cascade(graph, np.array([0], np.int32), np.array([1, 1, 1, 2, 1]), np.ones(5, np.bool_))
    assert sorted(np.concatenate(waves).tolist()) == [1, 2]
