"""From a path's text back to its references."""

from __future__ import annotations

import numpy as np
import pytest
from heap_dump import Dump
from hypothesis import given, settings
from hypothesis import strategies as st

from heap.graphs import reachable
from leakkit.errors import UsageError
from leakkit.heap.analysis import analyse
from leakkit.heap.locate import locate
from leakkit.heap.naming import name_path
from leakkit.heap.whatif import independent_retainers, what_if


@st.composite
def named_heaps(draw):
    """A module with a random graph of named containers below it."""
    d = Dump()
    app = d.module("app")
    made = [app]
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["dict", "list", "instance", "own_dict", "bytes", "coroutine"]))
        new = {"dict": lambda: d.dict(), "list": lambda: d.list(), "instance": lambda: d.instance("app.Node"), "own_dict": lambda: d.instance("app.Other", own_dict=True), "bytes": lambda: d.bytes(100), "coroutine": lambda: d.coroutine("handler", line=3)}[kind]()
        holders = [o for o in made if o.type != "bytes"]
        for holder in draw(st.lists(st.sampled_from(holders), min_size=1, max_size=3)):
            name = draw(st.sampled_from(["one", "two", "three"]))
            if holder.type in ("dict", "module"):
                holder[name] = new
            elif holder.type == "list":
                holder.append(new)
            elif holder.type == "coroutine":
                from leakkit.snapshot_model import EdgeKind

                holder.ref(new, name, EdgeKind.LOCAL)
            else:
                holder.set(**{name: new})
        made.append(new)
    return d.snapshot()


@settings(max_examples=300, deadline=None)
@given(named_heaps(), st.data())
def test_every_path_leads_back(snapshot, data):
    """The path of each object names the reference by which it is held, and cutting it frees what marking again says."""
    heap = analyse(snapshot)
    rows = [int(n) for n in np.flatnonzero(heap.tree.hops > 0) if heap.steps.code[n] != 1]
    node = data.draw(st.sampled_from(rows))
    cut = locate(heap, name_path(heap, node).text)
    assert int(heap.tree.parent_edge[node]) in cut.edges.tolist()
    assert node in cut.targets.tolist()
    freed = what_if(heap, cut_edges=cut.edges, cut_roots=cut.roots)
    gone = set(cut.edges.tolist())
    successors = [[int(t) for t, e in zip(heap.strong.successors(v), heap.strong.edges(v)) if int(e) not in gone] for v in range(snapshot.graph.node_count)]
    kept = reachable(successors, [int(r) for r in heap.roots.node])
    assert set(np.flatnonzero(freed.mask).tolist()) == {v for v in range(snapshot.graph.node_count) if heap.live[v]} - kept
    others = independent_retainers(heap, cut.targets.tolist(), cut_edges=cut.edges, cut_roots=cut.roots)
    assert bool(others) == any(int(t) in kept for t in cut.targets)


def sample():
    d = Dump()
    app = d.module("app")
    values = [d.bytes(1000) for _ in range(3)]
    app["CACHE"] = d.dict({f"k{i}": v for i, v in enumerate(values)})
    app["ROWS"] = d.list(*values)
    node = d.instance("app.Node", payload=d.bytes(5000))
    app["first"] = node
    app["second"] = d.instance("app.Node", payload=d.bytes(7000))
    d.task("conn-1", d.coroutine("Server.handler", locals={"data": d.bytes(9000)}))
    d.thread("MainThread").frame("main", locals={"rows": d.bytes(4000)})
    d.function("make", closure={"log": d.bytes(3000)}, defaults={"seen": d.bytes(2000)}, bind=True)
    return analyse(d.snapshot())


@pytest.mark.parametrize(
    ("path", "edges", "roots", "freed"),
    [
        ("app.CACHE['k1']", 1, 0, 0),
        ("app.ROWS[*]", 3, 0, 0),
        ("app.ROWS[2]", 1, 0, 0),
        ("app.Node.payload", 2, 0, 5033 + 7033),
        ("app.first.payload", 1, 0, 5033),
        ("handler() local 'data'", 1, 0, 9033),
        ("task 'conn-1' → Server.handler() local 'data'", 1, 0, 9033),
        ("thread MainThread: main() local 'rows'", 0, 1, 4033),
        ("main() local 'rows'", 0, 1, 4033),
        ("app.make().<closure> log", 1, 0, 3033),
        ("app.make(default seen)", 1, 0, 2033),
    ],
)
def test_forms(path, edges, roots, freed):
    """Each form of a path finds its references, and only those."""
    heap = sample()
    cut = locate(heap, path)
    assert (len(cut.edges), len(cut.roots)) == (edges, roots)
    assert what_if(heap, cut_edges=cut.edges, cut_roots=cut.roots).bytes == freed


@pytest.mark.parametrize(
    ("path", "hint"),
    [("app.CASH['k1']", "CACHE"), ("ap.CACHE", "app"), ("app.ROWS[*]?", "app.ROWS[*]"), ("handlr() local 'data'", "handler()"), ("app.first.paylod", "payload")],
)
def test_what_is_not_there(path, hint):
    """A wrong name is a usage error that names what comes close."""
    with pytest.raises(UsageError) as caught:
        locate(sample(), path)
    assert hint in caught.value.hint


def test_a_linked_list_is_followed():
    """``.next*`` stands for every further link."""
    d = Dump()
    app = d.module("app")
    nodes = [d.instance("app.Link") for _ in range(40)]
    for a, b in zip(nodes, nodes[1:]):
        a.set(next=b)
    nodes[-1].set(payload=d.bytes(5000))
    app["HEAD"] = nodes[0]
    heap = analyse(d.snapshot())
    text = name_path(heap, nodes[-1].edges[-1][0].node).text
    assert text == "app.HEAD.next*.payload"
    assert what_if(heap, cut_edges=locate(heap, text).edges).bytes == 5033
