"""Kernels never read or write outside their arrays: any numbers at all either work or are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakkit import native
from leakkit.native import addresses, columns, forests, graphs

pytestmark = pytest.mark.skipif(not native.loaded(), reason=native.why_not() or "switched off")

REFUSALS = (IndexError, ValueError, MemoryError)
wild = st.one_of(st.integers(-2, 9), st.sampled_from([-(2**31), 2**31 - 1]))
wild_starts = st.one_of(st.integers(-2, 12), st.sampled_from([-(2**63), 2**63 - 1, 2**32 + 1]))


def column_of(values, size, dtype=np.int32):
    return st.lists(values, min_size=size, max_size=size).map(lambda found: np.array(found, dtype))


@st.composite
def hostile_graphs(draw):
    """(start, target, edge): a graph of whatever numbers, half of the time with plausible row ranges."""
    n, m = draw(st.integers(0, 8)), draw(st.integers(0, 12))
    if draw(st.booleans()):
        inner = sorted(draw(st.lists(st.integers(0, m), min_size=n, max_size=n)))
        start = np.array([*inner, m], np.int64)
    else:
        start = draw(column_of(wild_starts, n + 1, np.int64))
    edge = draw(st.one_of(st.none(), column_of(wild, m)))
    return start, draw(column_of(wild, m)), edge


def mask(data, size):
    return np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), np.bool_)


@settings(max_examples=500, deadline=None)
@given(hostile_graphs(), st.data())
def test_graphs_of_any_numbers(graph, data):
    """Every kernel over graphs returns or raises; the sanitized run sees any access outside."""
    start, target, edge = graph
    n, m = len(start) - 1, len(target)
    some = data.draw(st.lists(wild, max_size=5).map(lambda found: np.array(found, np.int32)))
    kind = data.draw(column_of(st.integers(0, 255), m, np.uint8))
    name = data.draw(column_of(wild, m))
    count = data.draw(column_of(st.sampled_from([-(2**63), 0, 1, 2, 2**63 - 1]), n, np.int64))
    byte, inside, cut = np.arange(256) % 3 == 0, mask(data, n), mask(data, data.draw(st.integers(0, 12)))
    cost = data.draw(column_of(st.integers(0, 255), len(cut), np.uint8))
    seed_cost = data.draw(column_of(wild, len(some)))
    calls = (
        lambda: graphs.edge_sources(start, m),
        lambda: graphs.in_degrees(n, target),
        lambda: graphs.from_edges(n, target, target[::-1], edge),
        lambda: graphs.transpose(start, target, edge),
        lambda: graphs.keep_edges(start, target, kind > 99),
        lambda: graphs.retaining(start, target, kind, 127, 11, inside),
        lambda: graphs.induced(start, target, edge, some),
        lambda: graphs.reach(start, target, edge, some, inside, cut),
        lambda: graphs.cascade(start, target, some, count, inside),
        lambda: graphs.trial(start, target, kind, 128, 11, count, inside, ~inside),
        lambda: graphs.shortest_tree(start, target, edge, cost, some, seed_cost, inside, cut),
        lambda: graphs.components(start, target),
        lambda: graphs.dominators(start, target, inside, some),
        lambda: columns.edge_costs(kind, name, 127, 1, np.arange(128), byte[:5]),
        lambda: columns.count_kinds(start, kind, byte),
        lambda: columns.mark_targets(start, target, kind, name, byte[:5], byte, inside),
        lambda: columns.look_up(byte[:4], target),
        lambda: columns.count_unknown(start, target, kind, 128, inside),
    )
    for call in calls:
        try:
            call()
        except REFUSALS:
            pass


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 9).flatmap(lambda n: column_of(st.integers(-2, 9), n)))
def test_parent_columns_of_any_numbers(parent):
    """What is no forest (a row below itself, a parent out of range) is refused, by all or by none."""
    values = np.arange(len(parent))
    calls = (
        lambda: forests.number_forest(parent),
        lambda: forests.subtree_sums(parent, values),
        lambda: forests.path_sums(parent, values),
        lambda: forests.top_of_run(parent),
    )
    refused = []
    for call in calls:
        try:
            call()
            refused.append(False)
        except REFUSALS:
            refused.append(True)
    assert len(set(refused)) == 1


def test_columns_of_another_kind_are_refused():
    """Length, dtype and layout are checked before C sees an array."""
    start, target = np.array([0, 1, 2]), np.zeros(2, np.int32)
    with pytest.raises(TypeError):
        graphs.reach(start, target.astype(np.int64), None, target, None, None)
    with pytest.raises(TypeError):
        graphs.components(start[::2], target)
    with pytest.raises(ValueError):
        graphs.reach(start, target, None, target, np.zeros(3, np.bool_), None)
    with pytest.raises(ValueError):
        graphs.shortest_tree(start, target, None, np.zeros(1, np.uint8), target, target, None, np.zeros(2, np.bool_))
    with pytest.raises(IndexError):
        graphs.edge_sources(np.array([0, 1, 5]), 2)


addresses_ = st.one_of(st.integers(0, 5000), st.integers(2**64 - 2000, 2**64 - 1), st.integers(0, 2**64 - 1))


@settings(max_examples=300, deadline=None)
@given(st.lists(addresses_, max_size=200), st.lists(addresses_, max_size=50))
def test_addresses_are_sorted_and_found(known, wanted):
    """Sorting keeps equal ones in order; finding equals a dictionary."""
    column = np.array(known, np.uint64)
    value, order = addresses.sort_addresses(column)
    assert order.tolist() == sorted(range(len(known)), key=lambda i: known[i])
    assert value.tolist() == sorted(known)
    ascending = np.unique(column)
    place = {int(a): i for i, a in enumerate(ascending)}
    asked = [*wanted, *known]
    assert addresses.index_addresses(ascending, np.array(asked, np.uint64)).tolist() == [place.get(a, -1) for a in asked]
    if len(value) != len(ascending):
        with pytest.raises(IndexError):
            addresses.index_addresses(value, column)
