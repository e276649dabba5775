"""Which objects are dead: trial deletion on paper, what falls with them, and whether to believe it.

1. *Trial deletion*, as CPython's collector does it (``Modules/gcmodule.c``: ``subtract_refs``,
   ``move_unreachable``): over the tracked objects of generations 0 to 2 (frozen and immortal ones
   excluded), ``rest = refcount - references from that same set``.  Only references that ``tp_traverse``
   reports are subtracted, never EXTRA ones: a reference that the collector cannot see keeps its target's
   rest above zero and so keeps it alive, on paper as in the collector.  ``rest > 0`` is a root; what the
   roots do not reach is dead.
2. *Explicit roots* and whatever they reach by any strong reference, EXTRA ones included, are never dead.
   This only adds to what 1. says where the walk reported too many references.
3. *What falls with the dead*, by reference counting: once the dead are freed, an object all of whose
   references came from fallen objects falls too.  Here EXTRA references do count (``ndarray.base``, the
   elements of an object array, the str keys of a dict): they are real references, only not visible to the
   collector.  Most of the bytes are found here, since the payload (bytes, str, arrays) is not tracked.  A
   ring that passes through an object without ``tp_traverse`` does not fall, and is not freed by the
   collector either.
4. *Frozen*: 1. once more with the frozen objects among the candidates tells what an unfreeze would free.

The answer is not trustworthy, and says why, when (a) the copy is incomplete, (b) a collection was under
way, (c) the build has no generations (free-threaded), (d) a reference leads to an object that is not in the
snapshot, (e) a dead object's rest is negative, which proves that the walk reported a reference twice where
it matters, or (f) more than one tracked object in 10,000 (at least two) has a negative rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import kernels
from leakkit.snapshot_model import Generation, NodeFlag

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from leakkit.heap.kernels import Csr
    from leakkit.snapshot_model import I8, I32, I64, HeapGraph, Snapshot

    Mask = NDArray[np.bool_]

NEGATIVE_SHARE = 10_000
"""One tracked object in so many may have a negative rest before the answer is refused."""


@dataclass(frozen=True, eq=False)
class Garbage:
    """What is dead, what it weighs, and whether the arithmetic holds."""

    dead: Mask
    """Everything that a full collection would free: ``tracked_dead`` and what falls with it."""
    tracked_dead: Mask
    """The set that the collector itself would find."""
    frozen_dead: Mask
    """What a full collection would free in addition after ``gc.unfreeze()``."""
    rest: I64
    """References from outside the tracked set; 0 for objects that are not in it."""
    held_outside: Mask
    """Live objects that no explicit root reaches, topmost only: the C_HELD roots."""
    generation: I8
    """For dead objects the generation whose collection frees them (for untracked payload, the oldest of its
    dead holders'), FROZEN for ``frozen_dead``, -1 for live objects."""
    trustworthy: bool
    reasons: tuple[str, ...]
    """Why not trustworthy; empty when it is."""
    bytes: int
    """Bytes of ``dead``."""
    count: int
    bytes_by_generation: dict[int, int]
    count_by_generation: dict[int, int]
    frozen_bytes: int
    """Bytes of ``frozen_dead``."""


def strong_references(graph: HeapGraph) -> Csr:
    """The retaining references: all but WEAK ones, without the agent's own objects and unknown targets."""
    agent = (graph.flags & NodeFlag.AGENT) != 0
    return kernels.keep_edges(graph.edge_start, graph.edge_target, kernels.retaining(graph, agent))


def find_garbage(
    snapshot: Snapshot,
    *,
    strong: Csr | None = None,
    progress: Callable[[str], None] | None = None,
) -> Garbage:
    """Find what is dead; see the module's text for the rules.

    Args:
        snapshot: the heap.
        strong: :func:`strong_references`, if at hand.
        progress: called with a line before each long step.
    """
    say = progress or (lambda _text: None)
    graph = snapshot.graph
    strong = strong_references(graph) if strong is None else strong
    say("finding garbage by trial deletion")
    agent = (graph.flags & NodeFlag.AGENT) != 0
    roots = snapshot.roots.node
    anchored = kernels.reach(strong, roots[(roots >= 0) & (roots < graph.node_count)])
    candidates = _candidates(graph, agent)
    known = kernels.in_degrees(graph.node_count, strong.target)
    rest, tracked_dead = kernels.trial(graph, candidates, anchored)
    fallen = _falls(graph, strong, known, tracked_dead, anchored)
    dead = tracked_dead | fallen
    frozen_dead = np.zeros(graph.node_count, np.bool_)
    if (frozen := (graph.generation == Generation.FROZEN) & ~_excluded(graph, agent)).any():
        say("finding garbage among frozen objects")
        _, with_frozen = kernels.trial(graph, candidates | frozen, anchored)
        frozen_dead = (with_frozen | _falls(graph, strong, known, with_frozen, anchored)) & ~dead
    generation = _generations(graph, strong, tracked_dead, fallen)
    generation[frozen_dead] = Generation.FROZEN
    reasons = _doubts(snapshot, agent, rest, candidates, tracked_dead)
    return Garbage(
        dead=dead,
        tracked_dead=tracked_dead,
        frozen_dead=frozen_dead,
        rest=rest,
        held_outside=_held_outside(graph, strong, known, ~dead & ~agent, anchored, rest),
        generation=generation,
        trustworthy=not reasons,
        reasons=reasons,
        bytes=int(graph.size[dead].sum()),
        count=int(np.count_nonzero(dead)),
        bytes_by_generation=_by_generation(generation, graph.size),
        count_by_generation=_by_generation(generation, np.ones_like(graph.size)),
        frozen_bytes=int(graph.size[frozen_dead].sum()),
    )


def _by_generation(generation: I8, weight: I64) -> dict[int, int]:
    return {number: int(weight[generation == number].sum()) for number in (0, 1, 2)}


def _excluded(graph: HeapGraph, agent: Mask) -> Mask:
    excluded: Mask = agent | ((graph.flags & NodeFlag.IMMORTAL) != 0)
    return excluded


def _candidates(graph: HeapGraph, agent: Mask) -> Mask:
    young = (graph.generation >= Generation.YOUNG) & (graph.generation <= Generation.OLD)
    candidates: Mask = young & ~_excluded(graph, agent)
    return candidates


def _falls(graph: HeapGraph, strong: Csr, known: I32, dead: Mask, anchored: Mask) -> Mask:
    """What reference counting frees once ``dead`` is freed."""
    seeds = np.flatnonzero(dead).astype(np.int32)
    if not len(seeds):
        return np.zeros(graph.node_count, np.bool_)
    # A referrer we know of must fall even where the count is smaller than what we see (borrowed references).
    references = np.maximum(graph.refcount, known, dtype=np.int64)
    may_fall = ~dead & ~anchored & ((graph.flags & (NodeFlag.IMMORTAL | NodeFlag.AGENT)) == 0)
    return kernels.cascade(strong, seeds, references, may_fall)


def _generations(graph: HeapGraph, strong: Csr, tracked_dead: Mask, fallen: Mask) -> I8:
    """The generation whose collection frees each dead object."""
    generation = np.full(graph.node_count, -1, np.int8)
    generation[tracked_dead] = graph.generation[tracked_dead]
    open_ = fallen.copy()
    for number in (2, 1, 0):
        seeds = tracked_dead & (graph.generation == number)
        if seeds.any() and open_.any():
            found = kernels.reach(strong, np.flatnonzero(seeds).astype(np.int32), ~(open_ | seeds)) & open_
            generation[found] = number
            open_ &= ~found
    return generation


def _held_outside(graph: HeapGraph, strong: Csr, known: I32, live: Mask, anchored: Mask, rest: I64) -> Mask:
    """The C_HELD roots: rows to add so that every live row is reached, the best explained ones first."""
    unexplained = graph.refcount - known
    tracked = (graph.generation >= Generation.YOUNG) & ((graph.flags & NodeFlag.IMMORTAL) == 0)
    reached = anchored.copy()
    held = np.zeros(graph.node_count, np.bool_)
    for tier in (tracked & (unexplained > 0), unexplained > 0, tracked & (rest > 0), live):
        chosen = tier & live & ~reached
        if chosen.any():
            held |= chosen
            reached |= kernels.reach(strong, np.flatnonzero(chosen).astype(np.int32), reached)
    return held


def _doubts(snapshot: Snapshot, agent: Mask, rest: I64, candidates: Mask, tracked_dead: Mask) -> tuple[str, ...]:
    """Why the arithmetic may not be believed; see the module's text."""
    graph, reasons = snapshot.graph, []
    if not snapshot.capture.complete:
        reasons.append("the copy of the heap is incomplete")
    if snapshot.collector.collecting:
        reasons.append("a collection was under way when the target was copied")
    if snapshot.collector.regime == "free-threaded":
        reasons.append("the target is a free-threaded build, whose reference counts are split")
    if missing := kernels.unknown_targets(graph, agent):
        reasons.append(f"{missing} references lead to objects that are not in the snapshot")
    negative = candidates & (rest < 0)
    tracked = int(np.count_nonzero(candidates))
    if dead := int(np.count_nonzero(negative & tracked_dead)):
        reasons.append(f"{dead} objects that look dead have more known references than their reference count")
    if (count := int(np.count_nonzero(negative))) > max(1, tracked // NEGATIVE_SHARE):
        reasons.append(f"{count} of {tracked} tracked objects have more known references than their reference count")
    return tuple(reasons)
