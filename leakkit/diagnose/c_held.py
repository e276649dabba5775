"""Finds objects that only C code holds, and whose registry it may be: ``atexit``, or a container that grows in step."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.diagnose.holders import entry_targets
from leakkit.diagnose.lookup import CALLABLE_TYPES, DATA_TYPES
from leakkit.diagnose.owner import APPLICATION, STDLIB
from leakkit.diagnose.place import place_of
from leakkit.diagnose.suspect import Place, Suspect, SuspectKind
from leakkit.heap.whatif import what_if
from leakkit.model import Holder, HolderKind, PathStep
from leakkit.snapshot_model import RootKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.growth import Growing
    from leakkit.diagnose.history import History
    from leakkit.diagnose.lookup import Lookup

MIN_C_HELD = 5
"""So many more objects of one type must be held by C code at the end than at the beginning."""

MANY_C_HELD = 20
"""In one snapshot so many objects of one type are a suspect; plain containers (constants of code) never are."""

MIN_IN_STEP = 10
"""Fewer new objects an interval than this can equal another count by chance."""

STEP_TOLERANCE = 0.05
"""Two series grow in step when their gains differ by no more than this share in every interval."""


def gains(counts: Sequence[int]) -> list[int]:
    """How many came in each interval."""
    return [b - a for a, b in itertools.pairwise(counts)]


def in_step(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two series gain (nearly) the same number in each of at least two intervals."""
    pairs = list(zip(gains(one), gains(other), strict=True))
    return len(pairs) > 1 and all(a >= MIN_IN_STEP and abs(a - b) <= STEP_TOLERANCE * a for a, b in pairs)


def _atexit_counts(history: History) -> tuple[int, ...]:
    found = [moment.snapshot.process.extra.get("atexit") for moment in history.moments]
    return tuple(count for count in found if isinstance(count, int))


def _registry(history: History, name: str, counts: Sequence[int]) -> Place | None:
    """Callables that only C code holds are registrations: with ``atexit`` when its count rises as fast."""
    if name not in CALLABLE_TYPES:
        return None
    registered = _atexit_counts(history)
    known = len(registered) == history.count
    if known and not in_step(registered, counts) and registered[-1] <= registered[0]:
        return None
    text = "atexit" if known else "atexit or another registry in C"
    steps = (PathStep(name, text, counts[-1], True),)
    return Place(Holder(HolderKind.CALLBACK_REGISTRY, text), APPLICATION, text, f"{text}: {name}", steps, -1, (name,))


def _container(history: History, look: Lookup, counts: Sequence[int], growing: Sequence[Growing]) -> Growing | None:
    """The growing container, the weightiest, that gains one entry for each new object."""
    tree = look.heap.tree
    matching = [group for group in growing if in_step(counts, group.counts) and not _weak(history, look, group)]
    return min(matching, key=lambda g: (-g.sizes[-1], int(tree.hops[g.nodes].min())), default=None)


def _weak(history: History, look: Lookup, group: Growing) -> bool:
    """Whether a container's entries are mostly weak references, which keep nothing."""
    entries = entry_targets(history, group.edges)
    weak = [
        n
        for n in entries
        if "weakref.ReferenceType" in look.bases(look.type_of(n)) or "weakref" in look.type_of(n).lower()
    ]
    return 2 * len(weak) > len(entries)


def _plain_place(look: Lookup, name: str, count: int) -> Place:
    file = look.owners.files.get(look.module_of_type(name))
    text = f"held from C: {name}"
    steps = (PathStep(name, "held from C", count, True),)
    return Place(Holder(HolderKind.C_HELD, name, file), look.owners.of_type(name), text, text, steps, -1, (name,))


def _suspect(history: History, look: Lookup, name: str, growing: Sequence[Growing]) -> Suspect:
    roots, graph = look.heap.roots, history.last.graph
    series = [moment.c_held.get(name, (0, 0)) for moment in history.moments]
    counts, sizes = tuple(count for count, _ in series), tuple(size for _, size in series)
    of_type = graph.type_id[roots.node] == graph.types.index(name)
    rows = np.flatnonzero((roots.kind == RootKind.C_HELD) & of_type)
    freed = what_if(look.heap, cut_roots=rows)
    nodes = tuple(np.unique(roots.node[rows]).tolist())
    registry = _registry(history, name, counts)
    partner = None if registry else _container(history, look, counts, growing)
    if partner is not None:
        node = int(partner.nodes[0])
        facts = {"c_held_type": name, "container": node, "edges": partner.edges, "in_step": True}
        place = place_of(look, node)
        return Suspect(
            SuspectKind.GROWTH,
            place,
            nodes,
            counts,
            (*sizes[:-1], freed.bytes),
            freed.bytes,
            freed.mask,
            None,
            facts,
        )
    place = registry or _plain_place(look, name, counts[-1])
    facts = {"c_held_type": name}
    last = (*sizes[:-1], freed.bytes)
    return Suspect(SuspectKind.C_HELD, place, nodes, counts, last, freed.bytes, freed.mask, None, facts)


def _growing_totals(
    history: History, totals: Sequence[dict[str, tuple[int, int]]], floor: int
) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """(name, counts, sizes) of what retains ``floor`` bytes and grows in number, the largest first."""
    found = []
    for name, (count, size) in sorted(totals[-1].items(), key=lambda row: -row[1][1]):
        series = [total.get(name, (0, 0)) for total in totals]
        counts, sizes = tuple(c for c, _ in series), tuple(s for _, s in series)
        many = history.count == 1 and count >= MANY_C_HELD and name not in DATA_TYPES
        grows = many or (count - counts[0] >= MIN_C_HELD and history.grows(counts))
        if size >= floor and grows:
            found.append((name, counts, sizes))
    return found


def _from_modules(look: Lookup, nodes: NDArray[Any]) -> NDArray[Any]:
    """References from module objects to what is registered: up to 3.9 ``atexit`` keeps the callbacks there."""
    graph = look.heap.graph
    wanted = np.zeros(graph.node_count, np.bool_)
    wanted[nodes] = True
    from_module = look.heap.has_type("module")[look.heap.source]
    return np.flatnonzero(from_module & wanted[np.maximum(graph.edge_target, 0)] & (graph.edge_target >= 0))


def registrations(history: History, look: Lookup, floor: int) -> list[Suspect]:
    """Suspects for what is registered with the interpreter itself (``atexit``) ever more often."""
    roots, suspects = look.heap.roots, []
    for name, counts, sizes in _growing_totals(history, [m.registered for m in history.moments], floor):
        rows = [
            row
            for row in roots.rows_of(RootKind.INTERPRETER).tolist()
            if look.heap.string(int(roots.name[row])) == name
        ]
        freed = what_if(look.heap, cut_roots=rows, cut_edges=_from_modules(look, roots.node[rows]))
        kinds = [look.type_of(int(roots.node[row])) for row in rows]
        kind = HolderKind.CALLBACK_REGISTRY if "atexit" in name.lower() else HolderKind.UNKNOWN
        steps = (PathStep(max(set(kinds), key=kinds.count), name, counts[-1], True),)
        owner = STDLIB if kind == HolderKind.CALLBACK_REGISTRY else APPLICATION
        place = Place(Holder(kind, name), owner, f"interpreter: {name}", f"interpreter: {name}", steps)
        last = (*sizes[:-1], freed.bytes)
        suspects.append(Suspect(SuspectKind.C_HELD, place, (), counts, last, freed.bytes, freed.mask, None, {}))
    return suspects


def c_held(history: History, look: Lookup, growing: Sequence[Growing], floor: int) -> list[Suspect]:
    """Suspects for types of which ever more objects are held by C code only.

    Args:
        history: the snapshots.
        look: the newest heap's names.
        growing: containers that grow, of any size: one that grows in step is taken to be the holder.
        floor: bytes that the objects must retain.
    """
    rows = _growing_totals(history, [m.c_held for m in history.moments], floor)
    return [_suspect(history, look, name, growing) for name, _, _ in rows]
