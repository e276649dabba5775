"""The compiled kernels and numpy give the same answers to everything a heap can be asked."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heap.graphs import heaps
from leakkit import native
from leakkit.heap.analysis import analyse
from leakkit.heap.cycles import cycle_groups
from leakkit.heap.steps import FRAME_NAMES, PLUMBING_NAMES

pytestmark = pytest.mark.skipif(not native.loaded(), reason=native.why_not() or "switched off")

TYPES = ("list", "dict", "module", "type", "cell", "frame", "coroutine", "app.A", "collections.OrderedDict")
STRINGS = ("", *PLUMBING_NAMES, *FRAME_NAMES[:3], "name", "modules")


@st.composite
def named_heaps(draw):
    """A random heap with random types, names and kinds of references, and some frames."""
    snapshot = draw(heaps())
    graph = snapshot.graph
    n, m = graph.node_count, graph.edge_count

    def numbers(end, size):
        return np.array(draw(st.lists(st.integers(0, end - 1), min_size=size, max_size=size)), np.int32)

    kind = (graph.edge_kind & 0x80) | numbers(13, m).astype(np.uint8)
    kind = np.where(graph.edge_kind & 0x7F == 11, graph.edge_kind, kind).astype(np.uint8)
    graph = dataclasses.replace(
        graph,
        type_id=numbers(len(TYPES), n),
        edge_name=numbers(len(STRINGS), m),
        edge_kind=kind,
        types=TYPES,
        type_node=np.full(len(TYPES), -1, np.int32),
        strings=STRINGS,
    )
    rows = np.array(draw(st.lists(st.integers(0, n - 1), max_size=3, unique=True)), np.int32)
    fields = {f.name: np.zeros(len(rows), getattr(snapshot.frames, f.name).dtype) for f in dataclasses.fields(snapshot.frames)}
    frames = dataclasses.replace(snapshot.frames, **fields | {"node": rows, "function": np.full(len(rows), 1, np.int32)})
    return dataclasses.replace(snapshot, graph=graph, frames=frames)


def columns_of(record):
    found = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        found[field.name] = columns_of(value) if dataclasses.is_dataclass(value) else value
        if isinstance(value, np.ndarray):
            found[field.name] = value.tolist()
    return found


@settings(max_examples=300, deadline=None)
@given(named_heaps())
def test_everything(snapshot):
    """Garbage, paths, dominators, steps, cycles and referrers are equal, number by number."""

    def ask():
        heap = analyse(snapshot)
        parts = (heap.garbage, heap.roots, heap.tree, heap.dominators, heap.steps, heap.incoming, *cycle_groups(heap))
        return [columns_of(part) for part in parts]

    compiled = ask()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEAKKIT_NO_NATIVE", "1")
        plain = ask()
    assert compiled == plain
