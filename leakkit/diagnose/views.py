"""Finds large buffers that only small views keep, and large trees that only strings inside them keep."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.diagnose.constants import VIEW_BUFFER_FLOOR, VIEW_SHARE
from leakkit.diagnose.history import edge_kinds
from leakkit.diagnose.place import place_of
from leakkit.diagnose.suspect import Place, Suspect, SuspectKind
from leakkit.heap.whatif import what_if
from leakkit.snapshot_model import EdgeKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.diagnose.history import History
    from leakkit.diagnose.lookup import Lookup

TEXT_TYPES = frozenset({"str", "bytes"})
MAX_PLACES = 200
"""Name the holders of at most so many views; the rest go with the largest group."""


def _buffers(history: History) -> dict[int, tuple[list[int], int]]:
    """Owner of a buffer to (views on it, bytes they show); views on views count for the last owner."""
    views = history.last.snapshot.views
    target_of = {int(n): int(t) for n, t in zip(views.node, views.target, strict=True) if t >= 0}
    dead = history.last.dead
    found: dict[int, tuple[list[int], int]] = {}
    for node, extent in zip(views.node.tolist(), views.extent.tolist(), strict=True):
        owner, steps = target_of.get(node, -1), 0
        while owner in target_of and steps < 16:
            owner, steps = target_of[owner], steps + 1
        if owner < 0 or dead[node]:
            continue
        nodes, shown = found.get(owner, ([], 0))
        found[owner] = ([*nodes, node], shown + max(int(extent), 0))
    return found


def _view_edges(history: History, nodes: list[int]) -> NDArray[Any]:
    """References by which views hold what they show: all but the one to their class."""
    graph = history.last.graph
    parts = [np.arange(graph.edge_start[node], graph.edge_start[node + 1]) for node in nodes]
    edges = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return np.asarray(edges[edge_kinds(graph)[edges] != EdgeKind.TYPE], np.int64)


def _small_views(history: History) -> dict[int, tuple[list[int], int]]:
    """Buffers worth a look, of which the views show only a part."""
    size = history.last.graph.size
    return {
        owner: (nodes, shown)
        for owner, (nodes, shown) in _buffers(history).items()
        if size[owner] >= VIEW_BUFFER_FLOOR and shown < VIEW_SHARE * size[owner]
    }


def _group_by_holder(look: Lookup, views: dict[int, int]) -> dict[str, tuple[Place, list[int]]]:
    """Buffer to one of its views, grouped by who holds the view."""
    groups: dict[str, tuple[Place, list[int]]] = {}
    for number, (buffer, view) in enumerate(views.items()):
        if number >= MAX_PLACES:
            max(groups.values(), key=lambda group: len(group[1]))[1].append(buffer)
            continue
        place = place_of(look, view, to_application=True)
        groups.setdefault(place.holder.name, (place, []))[1].append(buffer)
    return groups


def _sizes(history: History, buffers: list[int], saving: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(buffers, bytes) a snapshot of those buffers that are held now."""
    nodes = np.array(buffers, np.int64)
    size = history.last.graph.size[nodes]
    there = [history.all_rows(number)[nodes] >= 0 for number in range(history.count)]
    scale = saving / max(int(size.sum()), 1)
    return tuple(int(t.sum()) for t in there), (*(int(size[t].sum() * scale) for t in there[:-1]), saving)


def pinned_buffers(history: History, look: Lookup, floor: int) -> list[Suspect]:
    """Suspects for buffers all of whose owners are views that show little of them."""
    small = _small_views(history)
    if not small:
        return []
    freed = what_if(look.heap, cut_edges=_view_edges(history, [n for nodes, _ in small.values() for n in nodes]))
    pinned = {owner: nodes[0] for owner, (nodes, _) in small.items() if freed.mask[owner]}
    suspects = []
    for place, buffers in _group_by_holder(look, pinned).values():
        nodes = [node for buffer in buffers for node in small[buffer][0]]
        edges = _view_edges(history, nodes)
        alone = what_if(look.heap, cut_edges=edges)
        fragments = sum(small[buffer][1] for buffer in buffers)
        saving = max(alone.bytes - fragments, 0)
        if saving < floor:
            continue
        counts, sizes = _sizes(history, buffers, saving)
        kinds = sorted({look.type_of(node) for node in nodes})
        facts = {
            "fragments": fragments,
            "buffer_bytes": int(history.last.graph.size[np.array(buffers)].sum()),
            "buffer_types": sorted({look.type_of(b) for b in buffers}),
            "view_types": kinds,
        }
        suspects.append(
            Suspect(SuspectKind.VIEWS, place, tuple(nodes), counts, sizes, saving, alone.mask, edges, facts)
        )
    return suspects


def _text_instances(history: History, look: Lookup) -> dict[str, list[int]]:
    """Live instances of str and bytes subclasses that refer to something, by type."""
    graph = history.last.graph
    wanted = {
        number: name
        for number, name in enumerate(graph.types)
        if name not in TEXT_TYPES and look.bases(name) & TEXT_TYPES
    }
    found: dict[str, list[int]] = defaultdict(list)
    if not wanted:
        return found
    candidates = np.flatnonzero(np.isin(graph.type_id, list(wanted)) & ~history.last.dead)
    for node in candidates.tolist():
        if graph.edge_start[node + 1] > graph.edge_start[node]:
            found[wanted[int(graph.type_id[node])]].append(node)
    return found


def tree_strings(history: History, look: Lookup, floor: int) -> list[Suspect]:
    """Suspects for strings with links into a tree (as HTML parsers make them) that alone keep the tree."""
    suspects = []
    graph = history.last.graph
    for name, nodes in _text_instances(history, look).items():
        edges = _view_edges(history, nodes)
        freed = what_if(look.heap, cut_edges=edges)
        if freed.bytes < floor:
            continue
        outside = [node for node in nodes if not freed.mask[node]]
        own = int(graph.size[np.array(outside, np.int64)].sum()) if outside else 0
        if not outside or freed.bytes < 2 * own:
            continue
        groups = _group_by_holder(look, {node: node for node in outside})
        place, held = max(groups.values(), key=lambda group: len(group[1]))
        counts, sizes = _sizes(history, held, freed.bytes)
        facts = {
            "fragments": own,
            "buffer_bytes": freed.bytes,
            "buffer_types": ["object tree"],
            "view_types": [name],
        }
        suspects.append(
            Suspect(SuspectKind.VIEWS, place, tuple(held), counts, sizes, freed.bytes, freed.mask, edges, facts)
        )
    return suspects
