"""Answers ``leakkit whatif``: references cut on paper, the graph marked again, and who else holds what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.engine import examine
from leakkit.diagnose.frames import idle_frames
from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.titles import title_of
from leakkit.diagnose.units import in_bytes
from leakkit.diagnose.views import pinned_buffers, tree_strings
from leakkit.errors import UsageError
from leakkit.heap import trees
from leakkit.heap.analysis import analyse
from leakkit.heap.locate import locate
from leakkit.heap.summary import types_of
from leakkit.heap.whatif import Freed, independent_retainers, what_if
from leakkit.model import FixId, TypeCount
from leakkit.outcomes import StillHeld, WhatIf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect
    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import Snapshot

    Progress = Callable[[str], None] | None

TYPES = 6
RETAINERS = 5
HOPED_SHARE = 0.9
"""Below this share of what was hoped for the other holders are named."""


def cut_path(snapshot: Snapshot, path: str, progress: Progress = None) -> WhatIf:
    """Cut every reference that a path names.

    Args:
        snapshot: the heap.
        path: see :func:`leakkit.heap.locate.locate`.
        progress: called with a line before each long step.

    Raises:
        UsageError: nothing there has that name.
    """
    heap = analyse(snapshot, progress)
    cut = locate(heap, path)
    return _answer(heap, f"cut {path}", cut.edges, cut.roots, targets=cut.targets)


def cut_finding(snapshots: Sequence[Snapshot], number: int, progress: Progress = None) -> WhatIf:
    """Cut what the report's finding of that number (from 1) names.

    Raises:
        UsageError: there is no such finding.
    """
    examined = examine(snapshots, progress=progress)
    if not 1 <= number <= len(examined.told):
        found = len(examined.told)
        have = f"the report has {found} finding{'' if found == 1 else 's'}" if found else "the report has no finding"
        raise UsageError(f"there is no finding {number}: {have}", "see them with: leakkit diagnose FILE...")
    suspect = examined.told[number - 1].suspect
    context = examined.context
    heap = context.look.heap
    question = f"finding {number}: {title_of(suspect, suspect.place.holder.kind)}"
    if suspect.kind == SuspectKind.GARBAGE:
        return _garbage(heap, question, suspect.mask)
    if suspect.mask is None:
        return _off_heap(context, question, suspect)
    if suspect.kind == SuspectKind.LARGE:
        return _answer(heap, question, (), (), targets=suspect.nodes, dropped=suspect.nodes)
    edges = suspect.cut if suspect.cut is not None else np.zeros(0, np.int64)
    return _answer(heap, question, edges, ())


def apply_fix(snapshots: Sequence[Snapshot], fix: FixId, progress: Progress = None) -> WhatIf:
    """What ``collect``, ``copy`` or ``hibernate`` would free wherever it applies in this heap.

    Raises:
        UsageError: the fix is a change to one holder, which must be named.
    """
    if fix not in (FixId.COLLECT, FixId.COPY, FixId.HIBERNATE):
        raise UsageError(f"{fix.value} is done to one holder: name it", "use --cut PATH or --finding N")
    context = examine(snapshots, progress=progress).context
    history, look = context.history, context.look
    if fix == FixId.COLLECT:
        return _garbage(look.heap, "collect: one full collection", look.heap.garbage.dead)
    if fix == FixId.COPY:
        found = [*pinned_buffers(history, look, 1), *tree_strings(history, look, 1)]
        shown = sum(int(suspect.facts["fragments"]) for suspect in found)
        question, notes = (
            "copy: each small view replaced by a copy of what it shows",
            (f"the copies take {in_bytes(shown)}",),
        )
    else:
        found = idle_frames(history, look, 1)
        trimmed = history.last.snapshot.memory.trimmable
        known = "is not known" if trimmed is None else f"gave back {in_bytes(trimmed)} in the copy"
        question, notes = "hibernate: no suspended frame keeps its locals", (f"a trim, besides, {known}",)
    edges = [suspect.cut for suspect in found if suspect.cut is not None]
    cut = np.unique(np.concatenate(edges)) if edges else np.zeros(0, np.int64)
    return _answer(look.heap, question, cut, (), notes=notes)


def _answer(
    heap: Heap,
    question: str,
    edges: Iterable[int],
    roots: Iterable[int],
    *,
    targets: Iterable[int] | None = None,
    dropped: Iterable[int] = (),
    notes: tuple[str, ...] = (),
) -> WhatIf:
    cut = np.asarray(edges if isinstance(edges, np.ndarray) else list(edges), np.int64)
    rows = np.asarray(roots if isinstance(roots, np.ndarray) else list(roots), np.int64)
    freed = what_if(heap, cut_edges=cut, cut_roots=rows, drop_nodes=dropped)
    ends = heap.graph.edge_target[cut] if targets is None else np.asarray(list(targets), np.int64)
    below = _below(heap, ends) | freed.mask
    hoped = int(heap.graph.size[below].sum())
    held: tuple[StillHeld, ...] = ()
    if freed.bytes < HOPED_SHARE * hoped:
        left = np.flatnonzero(below & ~freed.mask)
        found = independent_retainers(heap, left, cut_edges=cut, cut_roots=rows, drop_nodes=dropped, limit=RETAINERS)
        held = tuple(StillHeld(one.path.text, one.bytes, one.count) for one in found)
    number = len(cut) + len(rows) + len(list(dropped))
    return WhatIf(question, number, freed.bytes, freed.count, hoped, _types(heap, freed), held, _doubts(heap) + notes)


def _below(heap: Heap, ends: NDArray[np.integer] | Iterable[int]) -> NDArray[np.bool_]:
    """Live objects whose best path passes one of ``ends``, or that are one."""
    mask = np.zeros(heap.graph.node_count, np.int64)
    rows = np.asarray(ends, np.int64)
    mask[rows[(rows >= 0)]] = 1
    passed: NDArray[np.bool_] = (trees.path_sums(heap.tree.parent, mask) > 0) & heap.live
    return passed


def _types(heap: Heap, freed: Freed) -> tuple[TypeCount, ...]:
    rows = types_of(heap, freed.mask, TYPES)
    return tuple(TypeCount(row.name, row.count, row.bytes) for row in rows)


def _doubts(heap: Heap) -> tuple[str, ...]:
    return () if heap.snapshot.capture.complete else ("the snapshot is incomplete: sizes are lower bounds",)


def _garbage(heap: Heap, question: str, mask: NDArray[np.bool_] | None) -> WhatIf:
    """Dead objects need no cut: a full collection frees them."""
    garbage = heap.garbage
    notes = _doubts(heap) + tuple(f"not to be trusted: {reason}" for reason in garbage.reasons)
    if garbage.frozen_bytes:
        notes += (f"{in_bytes(garbage.frozen_bytes)} more are frozen: gc.unfreeze() first",)
    dead = garbage.dead if mask is None else mask
    size, count = int(heap.graph.size[dead].sum()), int(np.count_nonzero(dead))
    return WhatIf(question, 0, size, count, size, _types(heap, Freed(dead, size, count)), (), notes)


def _off_heap(context: Context, question: str, suspect: Suspect) -> WhatIf:
    """Free memory of the allocators: what the trial trim gave back; native memory has nothing to cut."""
    memory = context.history.last.snapshot.memory
    freed = (memory.trimmable or 0) if suspect.kind == SuspectKind.SLACK else 0
    why = "no Python object accounts for this memory: there is no reference to cut"
    if suspect.kind == SuspectKind.SLACK:
        why = "not an object's memory: this is what a trim gave back in the copy"
    return WhatIf(question, 0, freed, 0, suspect.size, (), (), (why,))
