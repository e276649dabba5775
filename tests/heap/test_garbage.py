"""Trial deletion, what falls with the dead, frozen objects, and the self-check."""

from __future__ import annotations

import numpy as np
from heap_dump import Dump
from hypothesis import given, settings

from heap.graphs import heaps, trial_deletion
from leakkit.heap.analysis import analyse
from leakkit.heap.garbage import find_garbage
from leakkit.snapshot_model import EdgeKind, NodeFlag, RootKind


def rows(mask):
    return set(np.flatnonzero(mask).tolist())


@settings(max_examples=400, deadline=None)
@given(heaps())
def test_equals_plain_trial_deletion(snapshot):
    """On random heaps the dead equal those of a plain-Python trial deletion, frozen ones too."""
    found = find_garbage(snapshot)
    tracked, everything = trial_deletion(snapshot)
    assert rows(found.tracked_dead) == tracked
    assert rows(found.dead) == everything
    assert found.bytes == int(snapshot.graph.size[found.dead].sum()) == sum(found.bytes_by_generation.values())
    assert rows(found.frozen_dead) == trial_deletion(snapshot, frozen=True)[1] - everything
    assert found.trustworthy


@settings(max_examples=200, deadline=None)
@given(heaps())
def test_live_graph_covers_what_is_not_dead(snapshot):
    """Explicit and C-held roots together reach every object that is not dead."""
    heap = analyse(snapshot)
    assert np.array_equal(heap.tree.hops >= 0, heap.live)
    assert heap.dominators.total_bytes == int(snapshot.graph.size[heap.live].sum())


def test_payload_counts_and_takes_its_holders_generation():
    """Untracked payload of a dead cycle is garbage of the oldest generation that holds it."""
    d = Dump()
    d.module("app")
    shared = d.bytes(1000)
    d.cycle("app.Young", payload=shared, generation=0)
    d.cycle("app.Old", payload=shared, generation=2)
    d.cycle("app.Middle", payload=d.tuple(d.bytes(500), generation=-1), generation=1)
    held = d.bytes(9000)
    d.module("app")["KEPT"] = held
    d.cycle("app.Young", payload=held, generation=0)
    snapshot = d.snapshot()
    found = find_garbage(snapshot)
    assert found.bytes_by_generation == {0: 4 * 48, 1: 2 * 48 + 533 + 48, 2: 2 * 48 + 1033}
    assert not found.dead[held.node]


def test_object_array_of_the_dead_falls_but_a_ring_through_it_does_not():
    """EXTRA references count for what falls, not for the subtraction: nobody collects a ring through an array."""
    d = Dump()
    inside = d.instance("app.A", generation=1)
    d.cycle("app.Tree", payload=d.object_array(inside))
    ring = d.instance("app.Ring")
    array = d.object_array(ring)
    ring.set(array=array)
    heap = analyse(d.snapshot())
    assert heap.garbage.dead[inside.node]
    assert not heap.garbage.tracked_dead[inside.node]
    assert not heap.garbage.dead[[ring.node, array.node]].any()
    assert heap.garbage.held_outside[ring.node]


def test_frozen_holds_and_is_found_dead_apart():
    """A frozen ring keeps what it refers to; only the second trial finds it."""
    d = Dump()
    ring = d.cycle("app.Frozen", payload=d.bytes(1000))
    behind = d.instance("app.Kept")
    ring[0].set(kept=behind)
    d.freeze(*ring)
    found = find_garbage(d.snapshot())
    assert found.bytes == 0
    assert {o.node for o in (*ring, behind)} <= rows(found.frozen_dead)
    assert found.frozen_bytes == 3 * 48 + 1033


def test_roots_agent_and_immortal_objects_are_not_garbage():
    """What an explicit root reaches, agent objects and immortal ones are never reported dead."""
    d = Dump()
    task = d.cycle("app.Task")[0]
    d.roots.append((task, int(RootKind.TASK), "t", -1))
    agent = d.cycle("app.Agent")
    for obj in agent:
        obj.flags |= NodeFlag.AGENT
    payload = d.none()
    d.cycle("app.Dead", payload=payload)
    heap = analyse(d.snapshot())
    assert rows(heap.garbage.dead) == {o.node for o in d.objects if o.type == "app.Dead"}
    assert not heap.live[agent[0].node]


def test_negative_rest_among_the_dead_is_refused():
    """A dead object with more references than its count makes the answer untrustworthy."""
    d = Dump()
    one, two = d.cycle("app.A")
    d.instance("app.B", generation=2)
    one.ref(two, "again", EdgeKind.ATTRIBUTE, counted=False)
    found = find_garbage(d.snapshot(check=False))
    assert not found.trustworthy
    assert "look dead" in found.reasons[0]


def test_one_negative_live_object_is_tolerated_and_many_are_not():
    """A single live object with a negative rest is not material; several in a small heap are."""
    d = Dump()
    app = d.module("app")
    alive = [d.list() for _ in range(5)]
    app["ALIVE"] = d.list(*alive)
    alive[0].ref(alive[1], counted=False)
    assert find_garbage(d.snapshot()).trustworthy
    for obj in alive[2:]:
        alive[0].ref(obj, counted=False)
    assert not find_garbage(d.snapshot()).trustworthy


def test_reasons_from_the_capture():
    """An incomplete copy, a collection under way, a free-threaded build and unknown targets are each named."""
    d = Dump()
    d.module("app")["X"] = d.list()
    assert find_garbage(d.snapshot(complete=False)).reasons == ("the copy of the heap is incomplete",)
    assert "collection" in find_garbage(d.snapshot(collector={"collecting": True})).reasons[0]
    assert "free-threaded" in find_garbage(d.snapshot(collector={"regime": "free-threaded"})).reasons[0]
    snapshot = d.snapshot()
    snapshot.graph.edge_target[-1] = -1
    assert "not in the snapshot" in find_garbage(snapshot).reasons[0]


def test_held_from_c_is_a_root_only_where_nothing_else_leads():
    """An object that C holds is a C_HELD root unless an explicit root reaches it."""
    d = Dump()
    lone, inner, known = d.list(), d.list(), d.list()
    lone.append(inner)
    d.hold(lone)
    d.hold(known)
    d.module("app")["KNOWN"] = known
    held = find_garbage(d.snapshot()).held_outside
    assert held[lone.node]
    assert not held[[inner.node, known.node]].any()
