"""Garbage grouped by form of cycle."""

from __future__ import annotations

from heap_dump import Dump
from hypothesis import given, settings

from heap.graphs import heaps
from leakkit.heap.analysis import analyse
from leakkit.heap.cycles import cycle_groups
from leakkit.snapshot_model import EdgeKind


@settings(max_examples=300, deadline=None)
@given(heaps())
def test_groups_share_out_the_garbage(snapshot):
    """Every dead object is in exactly one group, so bytes add up, in total and per generation."""
    heap = analyse(snapshot)
    groups = cycle_groups(heap)
    nodes = [n for g in groups for n in g.nodes.tolist()]
    assert sorted(nodes) == [i for i in range(snapshot.graph.node_count) if heap.garbage.dead[i]]
    assert sum(g.size_bytes for g in groups) == heap.garbage.bytes
    for generation in (0, 1, 2):
        assert sum(g.by_generation[generation] for g in groups) == heap.garbage.bytes_by_generation[generation]
    for group in groups:
        for here, there in zip(group.example_cycle, (*group.example_cycle[1:], *group.example_cycle[:1])):
            assert there in heap.strong.successors(here)


def test_trees_of_any_size_are_one_group():
    """Parent and child trees of different sizes share a form, named edge by edge, payload included."""
    d = Dump()
    for children in (1, 3, 9):
        d.tree("app.Node", children, payload=d.bytes(1000))
    d.cycle("app.Ring", 3)
    tree, ring = cycle_groups(analyse(d.snapshot()))
    assert tree.shape == "app.Node.children → list[*] → app.Node.parent"
    assert tree.text == tree.shape + " → app.Node"
    assert (tree.count, ring.count) == (3, 1)
    assert [t for t in tree.types if t.name == "bytes"][0].bytes == 3 * 1033
    assert ring.shape == "app.Ring.next → app.Ring.next → app.Ring.next"


def test_own_dict_is_part_of_its_instance():
    """A separate ``__dict__`` does not show in the name."""
    d = Dump()
    a, b = d.instance("app.A", own_dict=True), d.instance("app.B", own_dict=True)
    a.set(b=b)
    b.set(a=a)
    (group,) = cycle_groups(analyse(d.snapshot()))
    assert group.shape == "app.A.b → app.B.a"


def test_exception_traceback_frame_and_recursive_closure():
    """The classic cycles are named with function and variable."""
    d = Dump()
    error = d.object("ValueError", size=88)
    frame = d.dead_frame("work", locals={"error": error})
    traceback = d.object("traceback", size=64).ref(frame, "tb_frame", EdgeKind.ATTRIBUTE)
    error.ref(traceback, "__traceback__", EdgeKind.ATTRIBUTE)
    function = d.function("outer.<locals>.visit")
    cell = d.object("cell", size=40).ref(function, "cell_contents", EdgeKind.ATTRIBUTE)
    function.ref(d.tuple().ref(cell, "visit", EdgeKind.CELL), "__closure__", EdgeKind.ATTRIBUTE)
    shapes = {g.shape for g in cycle_groups(analyse(d.snapshot()))}
    assert shapes == {
        "ValueError.__traceback__ → traceback.tb_frame → frame work() local 'error'",
        "function outer.<locals>.visit.__closure__ → tuple <closure> visit → cell.cell_contents",
    }


def test_finalizers_and_legacy_del():
    """A pending finalizer and a legacy ``tp_del`` are flagged on their own group only."""
    d = Dump()
    d.cycle("app.Plain")
    d.cycle("app.Final", finalizer=True)
    legacy = d.instance("app.Legacy", legacy_del=True)
    legacy.set(me=legacy)
    groups = {g.types[0].name: g for g in cycle_groups(analyse(d.snapshot()))}
    assert [groups[n].has_finalizer for n in ("app.Plain", "app.Final", "app.Legacy")] == [False, True, False]
    assert [groups[n].uncollectable for n in ("app.Plain", "app.Final", "app.Legacy")] == [False, False, True]


def test_shared_payload_goes_to_the_nearest_cycle():
    """A dead cycle hanging off another is a group of its own; payload goes to the cycle next to it."""
    d = Dump()
    inner = d.cycle("app.Inner", payload=d.bytes(5000))
    d.cycle("app.Outer")[0].set(inner=inner[1])
    groups = {g.types[-1].name if g.types[0].name == "bytes" else g.types[0].name: g for g in cycle_groups(analyse(d.snapshot()))}
    assert groups["app.Inner"].size_bytes == 5033 + 96
    assert groups["app.Outer"].size_bytes == 96
