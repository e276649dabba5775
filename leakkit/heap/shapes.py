"""Path shapes of whole heaps: which form of path each object has, the same over several heaps.

A *shape* is a path without what differs from object to object: ``app.cache._sessions['*'].history[*]``.
Shapes are numbered level by level along the retaining tree, a level of all heaps at a time, so that no
object costs a line of Python.  Repeats fold (``.next*``, ``.children[*]*``): an object that is reached by
the same step and has the same type as one of the last :data:`~leakkit.heap.naming.FOLD_SPAN` shapes above
it takes that shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import trees
from leakkit.heap.naming import FOLD_SPAN, Item, root_shape, step_text
from leakkit.heap.steps import SMALL_DICT, StepKind
from leakkit.snapshot_model import RootKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import I32, I64, U64

DEPTH_CAP = 64
"""Objects further down share the shape that their path has at this depth."""
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))


@dataclass(frozen=True, eq=False)
class HeapShapes:
    """The shapes of one heap's objects."""

    shape: I32
    """Shape of each object (plumbing has its owner's), -1 where it is not live."""
    owner: I32
    """The object before each one on its path, without plumbing, -1 at roots."""
    plumbing: NDArray[np.bool_]
    """Objects that vanish from paths; they count for bytes, not for numbers."""


@dataclass(eq=False)
class ShapeTable:
    """All shapes of some heaps."""

    heaps: Sequence[Heap]
    by_heap: list[HeapShapes] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    key: list[int] = field(default_factory=list)
    example: list[tuple[int, int]] = field(default_factory=list)
    """For each shape (heap, object) that has it."""
    entry: list[bool] = field(default_factory=list)
    """Whether the last step is ``['*']`` whatever the example says."""
    folded: set[int] = field(default_factory=set)
    _numbers: dict[tuple[int, int], int] = field(default_factory=dict)
    _roots: dict[str, int] = field(default_factory=dict)

    def parents(self) -> I32:
        """The shape above each shape, -1 at roots."""
        return np.array(self.parent, np.int32)

    def text(self, shape: int) -> str:
        """A shape in words."""
        chain = []
        while shape >= 0:
            chain.append(shape)
            shape = self.parent[shape]
        out, before = "", None
        for number in reversed(chain):
            item = self._item(number)
            out += step_text(item, before, out) + ("*" if number in self.folded else "")
            before = item
        return out

    def _item(self, shape: int) -> Item:
        heap_number, node = self.example[shape]
        heap = self.heaps[heap_number]
        label = heap.string(int(heap.steps.label[node]))
        if self.parent[shape] < 0:
            root = heap.tree.root_of(node)
            return Item(StepKind.ROOT, root_shape(heap, root), heap.type_name(node), node, label)
        code = StepKind.ENTRY if self.entry[shape] else StepKind(int(heap.steps.code[node]))
        name = heap.string(int(heap.steps.name[node]))
        return Item(code, name, heap.type_name(node), node, label, heap.function_names.get(node, ""))

    def number(self, parent: int, key: int, heap: int, node: int, *, entry: bool) -> int:
        """The shape below ``parent`` that ``key`` stands for, made or folded if it is new."""
        known = self._numbers.get((parent, key))
        if known is not None:
            return known
        above = parent
        for _ in range(FOLD_SPAN):
            if above < 0 or self.parent[above] < 0:
                break
            if self.key[above] == key:
                self.folded.add(above)
                self._numbers[(parent, key)] = above
                return above
            above = self.parent[above]
        new = len(self.parent)
        self.parent.append(parent)
        self.key.append(key)
        self.example.append((heap, node))
        self.entry.append(entry)
        self._numbers[(parent, key)] = new
        return new

    def root_key(self, text: str) -> int:
        """A number for the text of a root."""
        return self._roots.setdefault(text, len(self._roots))


@dataclass(eq=False)
class _Draft:
    """One heap while its shapes are being numbered."""

    heap: Heap
    owner: I32
    nearest: I32
    """Nearest object that is not plumbing, from each object upwards, itself included."""
    head: I32
    """First of each run of equal steps (a linked list), itself otherwise."""
    levels: list[I32]
    shape: I32
    keys: U64
    entry_keys: U64


def shapes_of(heaps: Sequence[Heap]) -> ShapeTable:
    """Number the path shapes of some heaps."""
    table = ShapeTable(heaps)
    texts: dict[str, int] = {}
    drafts = [_draft(heap, texts) for heap in heaps]
    large = np.zeros(0, np.bool_)
    for level in range(max((len(d.levels) for d in drafts), default=0)):
        for number, draft in enumerate(drafts):
            if level < len(draft.levels):
                _number_level(table, number, draft, draft.levels[level], large)
        grown = np.zeros(len(table.parent), np.bool_)
        grown[: len(large)] = large
        large = grown
        for draft in drafts:
            if level < len(draft.levels):
                rows = draft.levels[level]
                large[draft.shape[rows[draft.heap.steps.entries[rows] > SMALL_DICT]]] = True
    for draft in drafts:
        table.by_heap.append(_finish(draft))
    table.folded |= _run_shapes(drafts)
    return table


def _draft(heap: Heap, texts: dict[str, int]) -> _Draft:
    steps, tree, n = heap.steps, heap.tree, heap.graph.node_count
    rows = np.arange(n, dtype=np.int32)
    live = tree.hops >= 0
    skip = (steps.code == StepKind.SKIP) & live
    nearest = trees.top_of_run(np.where(skip, tree.parent, -1).astype(np.int32))
    owner = np.where(live & (tree.parent >= 0), nearest[np.maximum(tree.parent, 0)], -1).astype(np.int32)
    keys, entry_keys = _keys(heap, texts)
    named = live & ~skip
    inner = named & (owner >= 0)
    inner[inner] &= heap.tree.parent[owner[inner]] >= 0
    same = inner.copy()
    same[inner] = keys[rows[inner]] == keys[owner[inner]]
    head = trees.top_of_run(np.where(same, owner, -1).astype(np.int32))
    heads = named & ~same
    above = np.where(heads & (owner >= 0), head[np.maximum(owner, 0)], -1).astype(np.int32)
    depth = trees.depths(above)
    order = np.flatnonzero(heads & (depth <= DEPTH_CAP)).astype(np.int32)
    order = order[np.argsort(depth[order], kind="stable")]
    cuts = np.searchsorted(depth[order], np.arange(1, int(depth[order].max(initial=0)) + 1))
    levels = [r.astype(np.int32) for r in np.split(order, cuts)]
    deep = heads & (depth > DEPTH_CAP)
    head = trees.top_of_run(np.where(same, head, np.where(deep, above, -1)).astype(np.int32))
    return _Draft(heap, owner, nearest, head, levels, np.full(n, -1, np.int32), keys, entry_keys)


def _keys(heap: Heap, texts: dict[str, int]) -> tuple[U64, U64]:
    """(a number for each object's last step and type, the same were its step ``['*']``); equal over heaps."""
    graph, steps = heap.graph, heap.steps
    strings = np.array([texts.setdefault(s, len(texts)) for s in graph.strings], np.uint64)
    types = np.array([texts.setdefault(s, len(texts)) for s in graph.types], np.uint64)
    base = types[graph.type_id] * _MIX[1] ^ (strings[steps.label] + np.uint64(1)) * _MIX[2]
    # Numbers of steps and strings are small: shifted into one word they cannot meet.
    step = (strings[steps.name] << np.uint64(4)) | steps.code.astype(np.uint64)
    entry = (strings[:1] << np.uint64(4)) | np.uint64(StepKind.ENTRY)
    return _scramble(base ^ step * _MIX[0]), _scramble(base ^ entry * _MIX[0])


def _scramble(values: U64) -> U64:
    """Spread the bits (the finaliser of MurmurHash3)."""
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xFF51AFD7ED558CCD)
    return values ^ (values >> np.uint64(33))


def _number_level(table: ShapeTable, number: int, draft: _Draft, rows: I32, large: NDArray[np.bool_]) -> None:
    owner = draft.owner[rows]
    if (owner < 0).any():
        draft.shape[rows] = _root_shapes(table, number, draft, rows)
        return
    above = draft.shape[draft.head[owner]]
    entry = np.zeros(len(rows), np.bool_)
    is_key = draft.heap.steps.code[rows] == StepKind.KEY
    entry[is_key] = large[above[is_key]]
    keys = np.where(entry, draft.entry_keys[rows], draft.keys[rows])
    both = _scramble(keys ^ (above.astype(np.uint64) + np.uint64(1)) * _MIX[2])
    _, first, back = np.unique(both, return_index=True, return_inverse=True)
    # In the order of appearance, so that numbers do not depend on hashes.
    shapes = np.empty(len(first), np.int32)
    for at in np.argsort(first).tolist():
        row = int(first[at])
        shapes[at] = table.number(int(above[row]), int(keys[row]), number, int(rows[row]), entry=bool(entry[row]))
    draft.shape[rows] = shapes[back.reshape(-1)]


def _root_shapes(table: ShapeTable, number: int, draft: _Draft, rows: I32) -> I32:
    heap = draft.heap
    root_rows = heap.tree.root_row[rows]
    held = heap.roots.kind[root_rows] == RootKind.C_HELD
    # C_HELD roots may be many and are named after their type, which needs no look at each one.
    token = np.where(held, -1 - heap.graph.type_id[rows].astype(np.int64), root_rows)
    _, first, back = np.unique(token, return_index=True, return_inverse=True)
    shapes = np.empty(len(first), np.int32)
    for at in np.argsort(first).tolist():
        row = int(first[at])
        key = table.root_key(root_shape(heap, int(root_rows[row])))
        shapes[at] = table.number(-1, key, number, int(rows[row]), entry=False)
    found: I32 = shapes[back.reshape(-1)]
    return found


def _finish(draft: _Draft) -> HeapShapes:
    live = draft.heap.tree.hops >= 0
    shape = np.full(len(live), -1, np.int32)
    shape[live] = draft.shape[draft.head[draft.nearest[live]]]
    return HeapShapes(shape, draft.owner, live & (draft.heap.steps.code == StepKind.SKIP))


def _run_shapes(drafts: list[_Draft]) -> set[int]:
    """Shapes that runs of equal steps were folded into."""
    found: set[int] = set()
    for draft in drafts:
        rows = np.flatnonzero((draft.head != np.arange(len(draft.head))) & (draft.owner >= 0))
        rows = rows[draft.heap.steps.code[rows] != StepKind.SKIP]
        found |= set(np.unique(draft.shape[draft.head[rows]]).tolist())
    return found - {-1}


def totals(table: ShapeTable, heap: int) -> tuple[I64, I64]:
    """(objects of each shape without plumbing, their shallow bytes with plumbing) in one heap."""
    found = table.by_heap[heap]
    size = len(table.parent)
    counted = (found.shape >= 0) & ~found.plumbing
    live = found.shape >= 0
    graph = table.heaps[heap].graph
    count = np.bincount(found.shape[counted], minlength=size)
    weight = np.bincount(found.shape[live], weights=graph.size[live], minlength=size)
    return count.astype(np.int64), weight.astype(np.int64)
