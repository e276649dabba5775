"""Short answers for reports."""

from __future__ import annotations

from heap_dump import Dump

from leakkit.heap.analysis import analyse
from leakkit.heap.summary import buffers_held_by_views, dominator_outline, nodes_of_type, owners_of, references_to, types_of, unexplained_references


def test_bytes_by_type_largest_first():
    """Types come by bytes."""
    d = Dump()
    d.module("app")["X"] = d.list(d.bytes(1000), d.bytes(2000), d.str(10))
    heap = analyse(d.snapshot())
    first = types_of(heap, heap.live, 1)[0]
    assert (first.name, first.count, first.bytes) == ("bytes", 2, 3066)
    assert len(nodes_of_type(heap, "bytes", "str")) == 3


def test_buffers_that_only_views_hold():
    """A buffer counts only while views are all that holds it."""
    d = Dump()
    app = d.module("app")
    pinned, also_named, array_base = d.bytes(100_000), d.bytes(50_000), d.bytes(70_000)
    app["V"] = d.list(d.view(pinned, extent=16), d.view(also_named, extent=16), d.view(array_base, extent=8, kind="numpy.ndarray"))
    app["RAW"] = also_named
    heap = analyse(d.snapshot())
    assert set(buffers_held_by_views(heap).tolist()) == {pinned.node, array_base.node}
    assert len(owners_of(heap, also_named.node)) == 2
    (reference,) = references_to(heap, array_base.node)
    assert (reference.name, reference.extra) == ("base", True)
    assert unexplained_references(heap, pinned.node) == 0


def test_outline_adds_up_and_folds():
    """Children never weigh more than their parent, entries are one node, small ones are folded."""
    d = Dump()
    app = d.module("app")
    app["CACHE"] = d.dict({f"k{i}": d.bytes(1000) for i in range(50)})
    for i in range(30):
        app[f"small{i}"] = d.list(d.bytes(10))
    top = dominator_outline(analyse(d.snapshot()), width=3)

    def check(node):
        assert sum(c.bytes for c in node.children) <= node.bytes
        assert len(node.children) <= 4
        for child in node.children:
            check(child)

    check(top)
    module = top.children[0]
    assert (module.label, module.children[0].label) == ("app", ".CACHE")
    entries = module.children[0].children[0]
    assert (entries.label, entries.count, entries.bytes) == ("['*']", 50, 50 * 1033)
    assert module.children[-1].label.endswith("more")
