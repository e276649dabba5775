"""Finds what grows: containers that gain entries and references whose target retains more each time.

Objects are matched over snapshots by address and type, then grouped by path shape, as Shark's and BLeak's
growing-path rule: a holder is where entries accumulate while the number of such holders stays what it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.diagnose.constants import MIN_ENTRIES_GROWN
from leakkit.diagnose.history import ITEM_KINDS, edge_kinds
from leakkit.heap import kernels
from leakkit.heap.steps import StepKind
from leakkit.snapshot_model import EdgeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.history import History
    from leakkit.diagnose.lookup import Lookup

MAX_CONTAINERS = 2000
"""Name at most so many grown containers, those that gained most."""

MAX_LATE = 50
"""Look at so many containers that came after the first snapshot, those that retain most."""

MAX_REFERENCES = 400
"""Follow at most so many named references with a growing target."""

NAMED_KINDS = (EdgeKind.ATTRIBUTE, EdgeKind.KEY, EdgeKind.LOCAL, EdgeKind.CELL, EdgeKind.DEFAULT)

_KEY = re.compile(r"\['[^']*'\]")
"""Keys of small dicts are names in a path, but containers under many keys of one dict are one group."""

MAX_NAMED_KEYS = 3
"""Grown containers under more keys of one dict are alike (a table); under fewer each key is a name (a record)."""

EXPLAINED_SHARE = 0.5
"""A reference is not the holder when growing containers below it explain this share of its growth."""


@dataclass(frozen=True, eq=False)
class Growing:
    """Containers of one path shape, or one reference, whose contents grow in every interval."""

    nodes: NDArray[Any]
    """The containers, or the target of the reference."""
    edges: NDArray[Any]
    """References to cut to let the contents go."""
    counts: tuple[int, ...]
    sizes: tuple[int, ...]


def item_edges(history: History, nodes: Iterable[int]) -> NDArray[Any]:
    """Numbers of the references by which the newest heap's ``nodes`` hold their entries."""
    graph = history.last.graph
    parts = [np.arange(graph.edge_start[node], graph.edge_start[node + 1]) for node in nodes]
    edges = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    kinds = edge_kinds(graph)[edges]
    wanted = np.isin(kinds, ITEM_KINDS) | (kinds == EdgeKind.DICT_KEY)
    return np.asarray(edges[wanted], np.int64)


def _gained(history: History) -> NDArray[Any]:
    """Entries that each object has more than in the first snapshot; 0 where it was not there."""
    last, rows = history.last, history.all_rows(0)
    known = rows >= 0
    gained = np.zeros(len(rows), np.int64)
    gained[known] = last.degree[known] - history.moments[0].degree[rows[known]]
    return gained


def _grown_nodes(history: History, gained: NDArray[Any]) -> NDArray[Any]:
    """Objects that were there in the first snapshot already and have more entries now."""
    nodes = np.flatnonzero((gained > 0) & history.heap.live & ~history.last.dead)
    order = np.argsort(-gained[nodes], kind="stable")[:MAX_CONTAINERS]
    return nodes[order]


def series(history: History, nodes: NDArray[Any], column: str) -> tuple[int, ...]:
    """Sum of a moment's column (``degree`` or ``retained``) over the same objects in every snapshot."""
    out = []
    for number, moment in enumerate(history.moments):
        rows = history.all_rows(number)[nodes]
        out.append(int(getattr(moment, column)[rows[rows >= 0]].sum()))
    return tuple(out)


def _by_shape(history: History, look: Lookup, gained: NDArray[Any]) -> list[list[int]]:
    """Grown containers, one list a path shape; those under many keys of one dict are one list."""
    tables: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for node in _grown_nodes(history, gained).tolist():
        shape = look.shape(node)
        tables[_KEY.sub("['*']", shape)][shape].append(node)
    groups: list[list[int]] = []
    for by_key in tables.values():
        alike = len(by_key) > MAX_NAMED_KEYS
        groups += [[node for nodes in by_key.values() for node in nodes]] if alike else by_key.values()
    return groups


def _late(history: History, look: Lookup, groups: Sequence[list[int]]) -> dict[str, list[int]]:
    """Containers by path shape that came later in the place of growing ones, as a second thread's in a thread-local.

    Not those inside a container that grows: there their number is what grows.
    """
    last, grown = history.last, {node for nodes in groups for node in nodes}
    alike = np.isin(last.graph.type_id, np.unique(last.graph.type_id[list(grown)]))
    late = alike & (history.all_rows(0) < 0) & (last.degree >= MIN_ENTRIES_GROWN) & history.heap.live & ~last.dead
    nodes = np.flatnonzero(late)
    nodes = nodes[np.argsort(-last.retained[nodes], kind="stable")[:MAX_LATE]]
    by_shape: dict[str, list[int]] = defaultdict(list)
    for node in nodes.tolist():
        if grown.isdisjoint(history.heap.dominators.ancestors(node)):
            by_shape[look.shape(node)].append(node)
    return by_shape


def growing_containers(history: History, look: Lookup) -> list[Growing]:
    """Groups of containers, one a path shape, whose entries grow in every interval."""
    gained = _gained(history)
    groups = [nodes for nodes in _by_shape(history, look, gained) if gained[nodes].sum() >= MIN_ENTRIES_GROWN]
    late = _late(history, look, groups) if groups else {}
    found = []
    for nodes in groups:
        came = late.get(look.shape(nodes[0]), [])
        # Where more came than were there, their number grows, and what holds them is the holder.
        array = np.array(nodes + came if len(came) <= len(nodes) else nodes, np.int64)
        counts, sizes = (series(history, array, column) for column in ("degree", "retained"))
        if history.grows(counts):
            found.append(Growing(array, item_edges(history, array.tolist()), counts, sizes))
    return found


def _same_reference(history: History, number: int, edge: int, parent: int) -> int:
    """The target, in moment ``number``, of the reference of the same parent, kind and name; -1 if none."""
    moment, graph = history.moments[number], history.moments[number].graph
    row = int(history.all_rows(number)[parent])
    name = moment.string_ids.get(history.last.graph.strings[history.last.graph.edge_name[edge]], -1)
    if row < 0 or name < 0:
        return -1
    edges = slice(int(graph.edge_start[row]), int(graph.edge_start[row + 1]))
    kind = history.last.graph.edge_kind[edge]
    match = (graph.edge_name[edges] == name) & (graph.edge_kind[edges] == kind)
    targets = graph.edge_target[edges][match]
    return int(targets[0]) if len(targets) else -1


def _reference_sizes(history: History, edge: int) -> tuple[int, ...]:
    """Retained size of what a named reference leads to, in every snapshot; empty when it is not always there."""
    parent, target = int(history.heap.source[edge]), int(history.last.graph.edge_target[edge])
    name = history.last.graph.types[history.last.graph.type_id[target]]
    sizes = []
    for number, moment in enumerate(history.moments):
        found = _same_reference(history, number, edge, parent)
        if found < 0 or moment.graph.types[moment.graph.type_id[found]] != name:
            return ()
        sizes.append(int(moment.retained[found]))
    return tuple(sizes)


def growing_references(history: History, explained: Sequence[tuple[int, int]], floor: int) -> list[Growing]:
    """Named references whose target retains more in every interval though no known holder below explains it.

    Finds what is replaced rather than extended (``log = log + line``), buffers and linked lists.

    Args:
        history: the snapshots.
        explained: (object, bytes it gained) of the holders that are known already.
        floor: bytes that the target must retain and gain.
    """
    graph, last = history.last.graph, history.last
    tree = history.heap.tree
    heavy = (last.retained >= floor) & (tree.parent_edge >= 0) & (history.heap.steps.code != StepKind.SKIP)
    edges = np.sort(tree.parent_edge[heavy & ~history.heap.has_type("module")])
    named = kernels.of_kinds(*NAMED_KINDS)[graph.edge_kind[edges]] & (graph.edge_name[edges] > 0)
    edges = edges[named]
    edges = edges[history.all_rows(0)[history.heap.source[edges]] >= 0]
    order = np.argsort(-last.retained[graph.edge_target[edges]], kind="stable")[:MAX_REFERENCES]
    candidates = [(int(e), s) for e in edges[order] if history.grows(s := _reference_sizes(history, int(e)))]
    candidates = [(e, s) for e, s in candidates if s[-1] - s[0] >= floor]
    return _deepest(history, explained, candidates)


def _deepest(
    history: History, explained: Sequence[tuple[int, int]], candidates: Sequence[tuple[int, tuple[int, ...]]]
) -> list[Growing]:
    """Of nested references the lowest, unless what is known below explains the growth."""
    tree, graph = history.heap.dominators, history.last.graph
    found: list[Growing] = []
    known = list(explained)
    for edge, sizes in reversed(candidates):
        target = int(graph.edge_target[edge])
        gain = sizes[-1] - sizes[0]
        below = sum(bytes_ for node, bytes_ in known if tree.dominates(target, node))
        if below >= EXPLAINED_SHARE * gain:
            continue
        known.append((target, gain))
        counts = tuple(1 for _ in sizes)
        found.append(Growing(np.array([target]), np.array([edge]), counts, sizes))
    return found


def gain_of(history: History, node: int) -> int:
    """Bytes that an object of the newest heap retains more than in the first snapshot."""
    row = int(history.all_rows(0)[node])
    before = int(history.moments[0].retained[row]) if row >= 0 else 0
    return int(history.last.retained[node]) - before
