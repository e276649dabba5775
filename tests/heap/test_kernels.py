"""Graph kernels against plain-Python oracles."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heap.graphs import edge_lists, heaps, reachable, successors_of
from leakkit.heap import kernels, plain_dominators, plain_searches, trees
from leakkit.snapshot_model import EdgeKind


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
def test_dominators_equal_brute_force(small_goes_to_igraph, kernels_in_use, monkeypatch):
    """Immediate dominators equal the definition on random graphs, by all algorithms."""
    if kernels_in_use == "native" and not small_goes_to_igraph:
        pytest.skip("the compiled kernel knows one algorithm")
    monkeypatch.setattr(plain_dominators, "LIFT_EDGES", 10**9 if small_goes_to_igraph else 0)

    @settings(max_examples=400, deadline=None)
    @given(edge_lists(), st.data())
    def check(graph, data):
        n, edges = graph
        inside = data.draw(st.lists(st.sampled_from([True, True, True, False]), min_size=n, max_size=n))
        roots = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=3))
        allowed = [(a, b) for a, b in edges if inside[a] and inside[b]] + [(n, r) for r in roots if inside[r]]
        csr = kernels.from_edges(n, *columns(edges))
        found = kernels.dominators(csr, np.array(roots, np.int32), np.array(inside))
        assert found.tolist() == immediate_dominators(n + 1, allowed, n)

    check()


@settings(max_examples=150, deadline=None)
@given(edge_lists(), st.lists(st.integers(0, 13), max_size=3), st.sampled_from([1, 64]), st.data())
def test_reach_equals_brute_force(graph, seeds, narrow, data):
    """Reachability agrees with a plain search around blocked rows and cut edges, however the search is made."""
    n, edges = graph
    blocked = np.array(data.draw(st.lists(st.sampled_from([False, False, True]), min_size=n, max_size=n)))
    cut = np.array(data.draw(st.lists(st.sampled_from([False, False, True]), min_size=len(edges), max_size=len(edges))), np.bool_)
    seeds = [s for s in seeds if s < n]
    source, target = columns(edges)
    before, plain_searches.NARROW = plain_searches.NARROW, narrow
    try:
        found = kernels.reach(kernels.from_edges(n, source, target), np.array(seeds, np.int32), blocked, cut)
    finally:
        plain_searches.NARROW = before
    passable = [(a, b) for (a, b), closed in zip(edges, cut) if not closed and not blocked[b]]
    assert set(np.flatnonzero(found).tolist()) == reachable(successors_of(n, passable), [s for s in seeds if not blocked[s]])


def first_come_first_served(n, edges, cost, seeds, inside, cut):
    """(parent, edge, seed, distance, hops) by trying every offer in the order in which it was made."""
    found = [None] * n
    offers = [(c, i, node, -1, -1, i, 0) for i, (node, c) in enumerate(seeds)]
    made = len(offers)
    while offers:
        offer = min(offers)
        offers.remove(offer)
        distance, _, node, parent, edge, seed, hops = offer
        if found[node] is not None or not inside[node]:
            continue
        found[node] = (parent, edge, seed, distance, hops)
        for e, (a, b) in enumerate(edges):
            if a == node and not cut[e]:
                offers.append((distance + cost[e], made, b, node, e, seed, hops + 1))
                made += 1
    return [list(row) for row in zip(*(f or (-1,) * 5 for f in found))]


@settings(max_examples=300, deadline=None)
@given(edge_lists(), st.data(), st.sampled_from([1, 3, 64]))
def test_shortest_tree_equals_the_rule(graph, data, narrow):
    """Tree, seeds and distances are those of the rule: cheapest first, of equal offers the earlier one."""
    n, edges = graph
    m = len(edges)
    cost = data.draw(st.lists(st.sampled_from([1, 1, 2, 3, 9, 255]), min_size=m, max_size=m))
    seed_cost = st.sampled_from([0, 0, 1, 5, 400, 1 << 30])
    seeds = data.draw(st.lists(st.tuples(st.integers(0, n - 1), seed_cost), min_size=1, max_size=4))
    inside = data.draw(st.lists(st.sampled_from([True, True, True, False]), min_size=n, max_size=n))
    cut = data.draw(st.lists(st.sampled_from([False, False, False, True]), min_size=m, max_size=m))
    csr = kernels.from_edges(n, *columns(edges))
    before, plain_searches.NARROW = plain_searches.NARROW, narrow
    try:
        found = kernels.shortest_tree(
            csr,
            np.array(cost, np.uint8),
            np.array([s for s, _ in seeds], np.int32),
            np.array([c for _, c in seeds], np.int32),
            inside=np.array(inside),
            cut=np.array(cut, np.bool_),
        )
    finally:
        plain_searches.NARROW = before
    expected = first_come_first_served(n, edges, cost, seeds, inside, cut)
    assert [c.tolist() for c in (found.parent, found.edge, found.seed, found.distance, found.hops)] == expected


def test_distances_stop_at_the_last_number():
    """A long way behind a late seed ends at 2^31 - 2 instead of running over."""
    n = 5
    csr = kernels.from_edges(n, np.arange(n - 1, dtype=np.int32), np.arange(1, n, dtype=np.int32))
    found = kernels.shortest_tree(csr, np.full(n - 1, 200, np.uint8), np.zeros(1, np.int32), np.array([2**31 - 402], np.int32))
    assert found.distance.tolist() == [2**31 - 402, 2**31 - 202, 2**31 - 2, 2**31 - 2, 2**31 - 2]
    assert found.parent.tolist() == [-1, 0, 1, 2, 3]


@settings(max_examples=150, deadline=None)
@given(edge_lists())
def test_strong_components_equal_mutual_reachability(graph):
    """Two rows share a component exactly when they reach each other."""
    n, edges = graph
    successors = successors_of(n, edges)
    reach_of = [reachable(successors, [v]) for v in range(n)]
    label = kernels.strong_components(kernels.from_edges(n, *columns(edges)))
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
    found = kernels.shortest_tree(graph, None, np.array([0], np.int32), np.zeros(1, np.int32))
    assert found.distance[-1] == n - 1
    idom = kernels.dominators(graph, np.array([0], np.int32), np.ones(n, np.bool_))
    assert np.array_equal(idom, [n, *range(n - 1), -1])
    assert np.unique(kernels.strong_components(graph)).size == (1 if both_ways else n)
    tree = trees.number_forest(np.arange(-1, n - 1, dtype=np.int32))
    assert np.array_equal(tree.below, np.arange(n, 0, -1))


def test_data_shared_by_the_end_of_a_long_list_and_another_holder_is_linear(kernels_in_use):
    """Each of 100,000 objects is held by a registry and by the end of a list of 100,000 links."""
    if kernels_in_use == "plain":
        pytest.skip("igraph's answer is the same, in its own time")
    n = 100_000
    links = np.arange(n - 1, dtype=np.int32)
    data = np.arange(n, 2 * n, dtype=np.int32)
    source = np.concatenate((links, np.full(n, n - 1, np.int32), np.full(n, 2 * n, np.int32))).astype(np.int32)
    target = np.concatenate((links + 1, data, data)).astype(np.int32)
    graph = kernels.from_edges(2 * n + 1, source, target)
    idom = kernels.dominators(graph, np.array([0, 2 * n], np.int32), np.ones(2 * n + 1, np.bool_))
    assert (idom[n : 2 * n] == 2 * n + 1).all()
    assert np.array_equal(idom[1:n], links)


def test_cascade_stops_at_what_is_held_elsewhere():
    """Rows fall only when all their references come from fallen rows."""
    graph = kernels.from_edges(5, np.array([0, 1, 1], np.int32), np.array([1, 2, 3], np.int32))
    fallen = kernels.cascade(graph, np.array([0], np.int32), np.array([1, 1, 1, 2, 1]), np.ones(5, np.bool_))
    assert np.flatnonzero(fallen).tolist() == [1, 2]


@settings(max_examples=200, deadline=None)
@given(edge_lists(), st.data(), st.sampled_from([1, 64]))
def test_cascade_equals_counting_one_by_one(graph, data, narrow):
    """What falls is the least set of rows that may fall and whose references all come from fallen rows."""
    n, edges = graph
    seeds = data.draw(st.lists(st.integers(0, n - 1), max_size=3, unique=True))
    may_fall = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    extra = data.draw(st.lists(st.sampled_from([0, 0, 1]), min_size=n, max_size=n))
    references = [sum(b == v for _, b in edges) + extra[v] for v in range(n)]
    gone, grew = set(seeds), True
    while grew:
        hit = [sum(a in gone and b == v for a, b in edges) for v in range(n)]
        new = {v for v in range(n) if hit[v] and hit[v] >= references[v] and may_fall[v]} - gone
        gone, grew = gone | new, bool(new)
    csr = kernels.from_edges(n, *columns(edges))
    before, plain_searches.NARROW = plain_searches.NARROW, narrow
    try:
        fallen = kernels.cascade(csr, np.array(seeds, np.int32), np.array(references), np.array(may_fall))
    finally:
        plain_searches.NARROW = before
    assert set(np.flatnonzero(fallen).tolist()) == gone - set(seeds)


@settings(max_examples=150, deadline=None)
@given(edge_lists(), st.data())
def test_graphs_are_rebuilt_edge_by_edge(graph, data):
    """Building, filtering, turning round and cutting out keep every edge, its number and its order."""
    n, edges = graph
    csr = kernels.from_edges(n, *columns(edges))
    rows = [[(b, e) for e, (a, b) in enumerate(edges) if a == v] for v in range(n)]

    def listed(made):
        return [list(zip(made.successors(v).tolist(), made.edges(v).tolist())) for v in range(made.node_count)]

    assert listed(csr) == rows
    assert kernels.edge_sources(csr.start).tolist() == [v for v in range(n) for _ in rows[v]]
    assert kernels.in_degrees(n, csr.target).tolist() == [sum(b == v for _, b in edges) for v in range(n)]
    assert listed(kernels.transpose(csr)) == [[(a, e) for a in range(n) for b, e in rows[a] if b == v] for v in range(n)]
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(edges), max_size=len(edges))), np.bool_)
    kept = kernels.keep_edges(csr.start, csr.target, keep)
    flat = [(v, b) for v in range(n) for b, _ in rows[v]]
    assert [(v, b, e) for v, row in enumerate(listed(kept)) for b, e in row] == [(*flat[e], e) for e in range(len(flat)) if keep[e]]
    chosen = data.draw(st.lists(st.integers(0, n - 1), unique=True))
    part = kernels.induced(csr, np.array(chosen, np.int32))
    assert listed(part) == [[(chosen.index(b), e) for b, e in rows[v] if b in chosen] for v in chosen]


@settings(max_examples=150, deadline=None)
@given(heaps(), st.data())
def test_columns_of_references_equal_a_walk(snapshot, data):
    """Costs, entries, targets and unknown references equal a walk over all references."""
    graph = snapshot.graph
    owner = np.array(data.draw(st.lists(st.booleans(), min_size=graph.node_count, max_size=graph.node_count)))
    name = data.draw(st.lists(st.integers(0, len(graph.strings) - 1), min_size=graph.edge_count, max_size=graph.edge_count))
    graph = dataclasses.replace(graph, edge_name=np.array(name, np.int32))
    by_name = np.array([i % 3 == 2 for i in range(len(graph.strings))])
    by_kind = np.arange(128, dtype=np.uint8)
    target = graph.edge_target.copy()
    if data.draw(st.booleans()) and len(target):
        target[0] = graph.node_count
    rows = list(zip(kernels.edge_sources(graph.edge_start).tolist(), target.tolist(), graph.edge_kind.tolist(), name))
    unknown = dataclasses.replace(graph, edge_target=target)
    costs = [9 if by_name[s] else 0 if k & 127 == EdgeKind.ATTRIBUTE and s == 0 else k & 127 for _, _, k, s in rows]
    assert kernels.edge_costs(graph, by_kind, by_name * np.uint8(9)).tolist() == costs
    entry = (EdgeKind.KEY, EdgeKind.VALUE)
    assert kernels.entries(graph).tolist() == [sum(a == v and k & 127 in entry for a, _, k, _ in rows) for v in range(graph.node_count)]
    vague = (EdgeKind.INDEX, EdgeKind.INTERNAL)
    marked = {b for a, b, k, s in rows if by_name[s] or (s == 0 and k & 127 in vague and owner[a])} - {graph.node_count}
    assert set(np.flatnonzero(kernels.mark_targets(unknown, by_name, vague, owner)).tolist()) == marked
    lost = [r for r in rows if r[1] == graph.node_count]
    assert kernels.unknown_targets(unknown, owner) == sum(not k & 128 and not owner[a] for a, _, k, _ in lost)
    assert kernels.retaining(graph, owner).tolist() == [
        k & 127 != EdgeKind.WEAK and not owner[a] and not owner[int(b)] for (a, _, k, _), b in zip(rows, graph.edge_target)
    ]
    assert not lost or not kernels.retaining(unknown, owner)[0]
