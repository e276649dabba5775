"""Packing a dump: the references of each object in the graph's order, by C and by numpy alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakkit import native
from leakkit.capture.pack_graph import build_graph
from leakkit.capture.raw_dump import RawDump
from leakkit.errors import CaptureFailed
from leakkit.native import packing
from leakkit.snapshot_model import EDGE_EXTRA

row = st.integers(0, 7)


@st.composite
def dumps(draw):
    """(dump, what each object that is kept refers to as (address, kind, name), how many references lead nowhere)."""
    addresses = draw(st.lists(st.integers(1, 40).map(lambda a: a * 16), min_size=1, max_size=8, unique=True))
    n = len(addresses)
    anywhere = st.one_of(st.sampled_from(addresses), st.integers(1000, 1010))
    edges = [draw(st.lists(anywhere, max_size=4)) for _ in range(n)]
    types = draw(st.lists(st.sampled_from([7, 9]), min_size=n, max_size=n))
    extra = draw(st.lists(st.tuples(anywhere, st.integers(0, 12), st.integers(0, 2), st.lists(anywhere, max_size=2)), max_size=4))
    kinds = draw(st.booleans())
    flat = [a for targets in edges for a in targets]
    names = [i % 3 for i in range(len(flat))]
    columns = {
        "node": np.array(addresses, np.uint64),
        "degree": np.array([len(e) for e in edges], np.int64),
        "type": np.array(types, np.uint64),
        "size": np.arange(n, dtype=np.int64),
        "refs": np.full(n, 5, np.int64),
        "edge": np.array(flat, np.uint64),
        "string_length": np.array([0, 1, 1], np.int64),
        "string_bytes": np.frombuffer(b"ab", np.uint8),
        "unknown": np.array([1000, 1001], np.uint64),
        "extra_node": np.array([e[0] for e in extra], np.uint64),
        "extra_kind": np.array([e[1] for e in extra], np.uint8),
        "extra_name": np.array([e[2] for e in extra], np.int32),
        "extra_count": np.array([len(e[3]) for e in extra], np.int64),
        "extra_target": np.array([a for e in extra for a in e[3]], np.uint64),
    }
    if kinds:
        columns |= {"edge_kind": np.array(names, np.uint8), "edge_name": np.array(names, np.int32)}
    records = {"refs_added": 1, "types": [[7, "list", 0, 5], [9, "dict", 0, 4]], "counts": {"generations": [0, 0, 0, 0], "reversed": ["list"]}}
    expected, at = {}, 0
    for address, targets, type_ in zip(addresses, edges, types):
        found = [(a, names[at + i] if kinds else {7: 5, 9: 4}[type_], names[at + i] if kinds else 0) for i, a in enumerate(targets)]
        at += len(targets)
        found = found[::-1] if type_ == 7 else found
        found += [(a, kind | EDGE_EXTRA, name) for source, kind, name, more in extra if source == address for a in more]
        expected[address] = [reference for reference in found if reference[0] in addresses]
    lost = sum(a in (1000, 1001) for a in flat)
    if not draw(st.booleans()):
        return RawDump(columns, records), expected, lost
    kept = sorted(draw(st.lists(st.sampled_from(addresses), min_size=1, unique=True)))
    rows = np.array(kept, np.uint64), np.array([addresses.index(a) for a in kept], np.int32)
    expected = {a: [reference for reference in expected[a] if reference[0] in kept] for a in kept}
    return RawDump(columns, records, rows), expected, lost


@pytest.mark.parametrize("off", ["", "1"])
def test_references_come_by_object(off, monkeypatch):
    """Order, kinds and names of references, and how many lead nowhere, equal the dump read one by one."""
    monkeypatch.setenv("LEAKKIT_NO_NATIVE", off)

    @settings(max_examples=300, deadline=None)
    @given(dumps())
    def check(made):
        dump, expected, lost = made
        packed = build_graph(dump, has_immortals=False)
        graph = packed.graph
        assert graph.address.tolist() == sorted(expected)
        assert packed.dropped == lost
        for at, address in enumerate(graph.address.tolist()):
            edges = range(graph.edge_start[at], graph.edge_start[at + 1])
            found = [(int(graph.address[graph.edge_target[e]]), int(graph.edge_kind[e]), int(graph.edge_name[e])) for e in edges]
            assert found == expected[address]
        assert (graph.edge_start.dtype, graph.edge_target.dtype, graph.edge_kind.dtype, graph.edge_name.dtype) == ("i8", "i4", "u1", "i4")

    check()


@pytest.mark.skipif(not native.loaded(), reason=native.why_not() or "switched off")
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_numbers_are_joined_or_refused(data):
    """Row numbers and ranges that contradict each other never make C write outside; the sanitized run looks."""
    n, rows, m, more = (data.draw(st.integers(0, 5)) for _ in range(4))

    def numbers(size, dtype, values=st.integers(-2, 6)):
        return np.array(data.draw(st.lists(values, min_size=size, max_size=size)), dtype)

    kind = np.zeros(m, np.uint8), np.zeros(more, np.uint8)
    references = (numbers(m, np.int32), kind[0], numbers(m, np.int32))
    extra = (numbers(more, np.int32), kind[1], numbers(more, np.int32))
    backwards = np.array([i % 2 for i in range(rows)], np.bool_)
    try:
        packing.join_references(numbers(n, np.int32), numbers(rows + 1, np.int64), references, backwards, numbers(n + 1, np.int64), extra)
    except (IndexError, ValueError):
        pass


def test_an_object_listed_twice_is_refused():
    """Two objects at one address are a damaged dump, whatever sorts them."""
    columns = {name: np.zeros(2, dtype) for name, dtype in (("node", "u8"), ("degree", "i8"), ("type", "u8"), ("size", "i8"), ("refs", "i8"))}
    with pytest.raises(CaptureFailed, match="twice"):
        build_graph(RawDump(columns, {}), has_immortals=False)
