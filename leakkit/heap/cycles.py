"""Garbage grouped by the reference cycles that keep it waiting for the collector.

A cycle is a strongly connected component of the dead tracked objects.  (A class that is alive is not dead, so
references to it do not count.)  Everything else that is dead hangs off some cycle: it belongs to the nearest
one, so that the bytes of all groups add up to the bytes of the garbage.  Cycles of one form are one group.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import kernels
from leakkit.heap.steps import SMALL_DICT, namespaces
from leakkit.heap.summary import TypeTotal, types_of
from leakkit.snapshot_model import EDGE_EXTRA, EDGE_KIND_MASK, EdgeKind, NodeFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.heap.analysis import Heap
    from leakkit.heap.kernels import Csr
    from leakkit.snapshot_model import I32, I64, U64

    Mask = NDArray[np.bool_]

NAMED_FORMS = 200
"""So many forms of cycle are named, the largest ones; the rest is one group."""
START_POINTS = 24
"""From at most so many objects of a component the shortest cycle is searched, one a type first."""
SEARCH_BOUND = 20_000
"""Objects visited at most for one starting point."""
OTHER_CYCLES = "other cycles"
NO_CYCLE = "dead without a cycle"
_PLAIN_TYPES = frozenset(("list", "tuple", "dict", "set", "frozenset", "cell", "collections.deque"))


Steps = tuple[tuple[str, str], ...]
"""Objects of a cycle, each with the name of its reference to the next."""


@dataclass(frozen=True, eq=False)
class CycleGroup:
    """Cycles of one form with what hangs off them."""

    shape: str
    """The shortest cycle, reference by reference, e.g. ``app.Node.children → list[*] → app.Node.parent``."""
    count: int
    """How many separate cycles (strongly connected components)."""
    nodes: I32
    """All their objects, hanging ones too."""
    cycle_nodes: I32
    """Only the objects on cycles."""
    size_bytes: int
    by_generation: dict[int, int]
    """Bytes by the generation whose collection frees them."""
    types: tuple[TypeTotal, ...]
    """Types of ``nodes``, the largest first."""
    example_cycle: tuple[int, ...]
    """The objects of one shortest cycle in order; empty when there is none."""
    text: str
    """The cycle for a reader: ``shape`` closed by its first type."""
    steps: tuple[tuple[str, str], ...]
    """``shape`` in pairs of an object and its reference to the next, e.g. ``("app.Node", ".children")``."""
    has_finalizer: bool
    """An object has a finalizer that did not run yet: it may resurrect itself and others."""
    has_legacy_del: bool
    uncollectable: bool
    """A legacy ``tp_del`` keeps the collector from freeing them; they go to ``gc.garbage``."""


@dataclass(frozen=True, eq=False)
class _Dead:
    """The dead part of the heap with rows of its own."""

    rows: I32
    """Row in the heap of each row here."""
    component: I32
    """Component of the rows on cycles, -1 for the others."""
    owner: I32
    """Component that each row belongs to, -1 where no cycle leads."""
    graph: Csr
    """References between components' members that the collector sees."""


def cycle_groups(heap: Heap) -> tuple[CycleGroup, ...]:
    """The garbage by form of cycle, the largest first; sizes add up to ``heap.garbage.bytes``."""
    rows = np.flatnonzero(heap.garbage.dead).astype(np.int32)
    if not len(rows):
        return ()
    dead = _dead_graph(heap, rows)
    size = heap.graph.size[rows]
    number_of = int(dead.component.max(initial=-1)) + 1
    forms = _forms(heap, dead, number_of)
    weight = np.bincount(dead.owner[dead.owner >= 0], weights=size[dead.owner >= 0], minlength=number_of)
    by_form = np.bincount(forms, weights=weight) if number_of else np.zeros(0)
    order = np.argsort(-by_form, kind="stable")
    named: dict[str, tuple[list[int], tuple[int, ...], Steps]] = {}
    namespace = namespaces(heap)
    for rank, form in enumerate(order.tolist()):
        text = OTHER_CYCLES
        cycle: tuple[int, ...] = ()
        steps: Steps = ()
        if rank < NAMED_FORMS:
            example = int(np.flatnonzero(forms == form)[0])
            cycle, steps = _name_cycle(heap, dead, example, namespace)
            text = _text(steps)
        named.setdefault(text, ([], cycle, steps))[0].append(form)
    groups = [
        _group(heap, dead, text, np.isin(forms, found), cycle, steps) for text, (found, cycle, steps) in named.items()
    ]
    if (dead.owner < 0).any():
        groups.append(_group(heap, dead, NO_CYCLE, np.zeros(number_of, np.bool_), (), ()))
    return tuple(sorted(groups, key=lambda g: -g.size_bytes))


def _dead_graph(heap: Heap, rows: I32) -> _Dead:
    graph = kernels.induced(heap.strong, rows)
    source = kernels.edge_sources(graph.start)
    tracked = heap.garbage.tracked_dead[rows]
    seen = tracked[source] & tracked[graph.target] & ((heap.graph.edge_kind[graph.edge] & EDGE_EXTRA) == 0)
    label = kernels.strong_components(kernels.keep_edges(graph.start, graph.target, seen))
    several = np.bincount(label, minlength=len(rows))[label] > 1
    several[source[seen & (source == graph.target)]] = True
    component = np.full(len(rows), -1, np.int32)
    # Numbered by their first object, whatever the kernel calls them.
    _, first, back = np.unique(label[several], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    component[several] = rank[back.reshape(-1)]
    ring = seen & (component[source] >= 0) & (component[source] == component[graph.target])
    kept = kernels.keep_edges(graph.start, graph.target, ring)
    inner = kernels.Csr(kept.start, kept.target, graph.edge[kept.edge])
    return _Dead(rows, component, _nearest(graph, component), inner)


def _nearest(graph: Csr, component: I32) -> I32:
    """The component that each row hangs off: the one with the fewest references in between."""
    seeds = np.flatnonzero(component >= 0).astype(np.int32)
    found = kernels.shortest_tree(graph, None, seeds, np.zeros(len(seeds), np.int32))
    # One more place at the end answers for -1, "not reached".
    return np.append(component[seeds], np.int32(-1))[found.seed]


def _forms(heap: Heap, dead: _Dead, number_of: int) -> I32:
    """The form of each component: the set of (type, reference, type) inside it, whatever their number."""
    graph = heap.graph
    source = kernels.edge_sources(dead.graph.start)
    edge = dead.graph.edge
    kind = (graph.edge_kind[edge] & EDGE_KIND_MASK).astype(np.uint64)
    entries = np.bincount(source[(kind == EdgeKind.KEY) | (kind == EdgeKind.VALUE)], minlength=len(dead.rows))
    name = np.where((kind == EdgeKind.KEY) & (entries[source] > SMALL_DICT), 0, graph.edge_name[edge])
    from_type = graph.type_id[dead.rows[source]].astype(np.uint64)
    to_type = graph.type_id[dead.rows[dead.graph.target]].astype(np.uint64)
    token = _mix(_mix(from_type << np.uint64(32) | to_type) + (name.astype(np.uint64) << np.uint64(7) | kind))
    pairs = np.stack((dead.component[source].astype(np.uint64), token), axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    first = np.ones(len(pairs), np.bool_)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    signature = np.zeros(number_of, np.uint64)
    np.add.at(signature, pairs[first, 0].astype(np.int64), _mix(pairs[first, 1]))
    return np.unique(signature, return_inverse=True)[1].reshape(-1).astype(np.int32)


def _mix(values: U64) -> U64:
    """Spread the bits (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _group(heap: Heap, dead: _Dead, shape: str, chosen: Mask, cycle: tuple[int, ...], steps: Steps) -> CycleGroup:
    """One group: the components in ``chosen`` with what hangs off them, or what hangs off none."""
    mine = dead.owner < 0 if shape == NO_CYCLE else np.append(chosen, False)[dead.owner]
    nodes = dead.rows[mine]
    on_cycle = dead.rows[mine & (dead.component >= 0)]
    size, generation = heap.graph.size[nodes], heap.garbage.generation[nodes]
    flags = heap.graph.flags[nodes]
    legacy = bool((flags & NodeFlag.LEGACY_DEL).any())
    pending = ((flags & NodeFlag.FINALIZER) != 0) & ((flags & NodeFlag.FINALIZED) == 0)
    closing = f" → {_owner_text(heap, cycle[0])}" if cycle else ""
    return CycleGroup(
        shape=shape,
        count=int(np.count_nonzero(chosen)),
        nodes=nodes,
        cycle_nodes=on_cycle,
        size_bytes=int(size.sum()),
        by_generation={g: int(size[generation == g].sum()) for g in (0, 1, 2)},
        types=types_of(heap, nodes),
        example_cycle=cycle,
        text=shape + closing,
        steps=steps,
        has_finalizer=bool((pending & heap.garbage.tracked_dead[nodes]).any()),
        has_legacy_del=legacy,
        uncollectable=legacy,
    )


def _name_cycle(heap: Heap, dead: _Dead, component: int, namespace: Mask) -> tuple[tuple[int, ...], Steps]:
    """(objects, named references) of the shortest cycle of a component."""
    members = np.flatnonzero(dead.component == component)
    edges = _shortest_cycle(heap, dead, members)
    pairs = [(int(heap.source[e]), e) for e in edges]
    # A namespace dict is never where a person would start.
    starts = [i for i, (row, _) in enumerate(pairs) if not namespace[row]] or [0]
    words = {i: _cycle_steps(heap, pairs[i:] + pairs[:i], namespace) for i in starts}
    best = min(starts, key=lambda i: (_plainness(heap, pairs[i][0]), _text(words[i])))
    rotated = pairs[best:] + pairs[:best]
    return tuple(row for row, _ in rotated), words[best]


def _plainness(heap: Heap, row: int) -> int:
    """How little a person learns from a cycle that is told from this object on."""
    if heap.type_name(row) in _PLAIN_TYPES:
        return 2
    return int(row in heap.function_names or heap.frame_labels[row] > 0)


def _shortest_cycle(heap: Heap, dead: _Dead, members: I64) -> list[int]:
    """References of a shortest cycle through one of a few starting points, different types first."""
    types = heap.graph.type_id[dead.rows[members]]
    _, first = np.unique(types, return_index=True)
    starts = list(dict.fromkeys([*members[np.sort(first)].tolist(), *members[:START_POINTS].tolist()]))
    best: list[int] = []
    for start in starts[:START_POINTS]:
        found = _cycle_through(dead.graph, start, len(best) or SEARCH_BOUND)
        if found and (not best or len(found) < len(best)):
            best = found
    return best or _cycle_through(dead.graph, starts[0], len(dead.rows) + 1, bound=len(dead.rows) + 1)


def _cycle_through(graph: Csr, start: int, shorter_than: int, bound: int = SEARCH_BOUND) -> list[int]:
    """References of the shortest cycle through a row, breadth first; empty if none is short enough."""
    came: dict[int, tuple[int, int]] = {}
    queue = deque([(start, 0)])
    while queue and len(came) < bound:
        row, depth = queue.popleft()
        if depth + 1 >= shorter_than:
            return []
        for to, edge in zip(graph.successors(row).tolist(), graph.edges(row).tolist(), strict=True):
            if to == start:
                edges = [edge]
                while row != start:
                    row, edge = came[row]  # noqa: PLW2901 - walks back from the end
                    edges.append(edge)
                return edges[::-1]
            if to not in came:
                came[to] = (row, edge)
                queue.append((to, depth + 1))
    return []


def _cycle_steps(heap: Heap, pairs: list[tuple[int, int]], namespace: Mask) -> Steps:
    """Each object with its reference to the next; a namespace dict is part of its owner."""
    steps: list[tuple[str, str]] = []
    for at, (row, edge) in enumerate(pairs):
        target = pairs[(at + 1) % len(pairs)][0]
        if namespace[row] and steps:
            owner, reference = steps[-1]
            steps[-1] = (owner, reference + _reference_text(heap, edge, in_namespace=True))
        elif namespace[target] and len(pairs) > 1:
            steps.append((_owner_text(heap, row), ""))
        else:
            steps.append((_owner_text(heap, row), _reference_text(heap, edge, in_namespace=bool(namespace[row]))))
    return tuple(steps)


def _text(steps: Steps) -> str:
    """``app.Node.children → list[*] → app.Node.parent``."""
    return " → ".join(owner + reference for owner, reference in steps)


def _owner_text(heap: Heap, row: int) -> str:
    if name := heap.function_names.get(row):
        return f"function {name}"
    if name := heap.class_names.get(row):
        return f"class {name}"
    frame = heap.string(int(heap.frame_labels[row]))
    return f"{heap.type_name(row)} {frame}()" if frame else heap.type_name(row)


def _reference_text(heap: Heap, edge: int, *, in_namespace: bool) -> str:
    kind, name = heap.edge_kind(edge), heap.string(int(heap.graph.edge_name[edge]))
    if kind in (EdgeKind.ATTRIBUTE, EdgeKind.BASE) or (kind == EdgeKind.KEY and in_namespace):
        return f".{name}" if name else ""
    if kind == EdgeKind.LOCAL:
        return f" local '{name}'"
    if kind == EdgeKind.CELL:
        return f" <closure> {name}"
    if kind == EdgeKind.DEFAULT:
        return f" (default {name})"
    if kind == EdgeKind.KEY:
        source = int(heap.source[edge])
        few = int(heap.graph.edge_start[source + 1] - heap.graph.edge_start[source]) <= SMALL_DICT
        return f"['{name}']" if few else "['*']"
    fixed = {
        EdgeKind.VALUE: "['*']",
        EdgeKind.INDEX: "[*]",
        EdgeKind.ITEM: "[*]",
        EdgeKind.TYPE: ".__class__",
    }
    return fixed.get(kind, "")
