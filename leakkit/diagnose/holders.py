"""Turns what grows into suspects: exact what-if savings, holders that share their entries, tracebacks below them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.diagnose.constants import CALLABLE_SHARE
from leakkit.diagnose.growth import EXPLAINED_SHARE, Growing, gain_of, growing_references
from leakkit.diagnose.history import edge_kinds
from leakkit.diagnose.lookup import CALLABLE_TYPES
from leakkit.diagnose.place import place_of
from leakkit.diagnose.suspect import Suspect, SuspectKind
from leakkit.heap.whatif import independent_retainers, what_if
from leakkit.snapshot_model import EdgeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.history import History
    from leakkit.diagnose.lookup import Lookup
    from leakkit.diagnose.suspect import Place

MAX_SUSPECTS = 10
"""Try out at most so many growing holders one by one, those that gained most."""

MAX_JOINT = 12
"""At most so many holders are tried as sharing their entries."""

MIN_SHARED_ENTRIES = 20
"""Fewer entries than this are not tried out as shared by the containers of a group."""

SAMPLE = 200
"""Entries of a container that are looked at to learn what they are."""


def representative(history: History, nodes: NDArray[Any]) -> int:
    """The container that retains most; it speaks for its group."""
    order = np.lexsort((-history.last.degree[nodes], -history.last.retained[nodes]))
    return int(nodes[order[0]])


def fold_up(look: Lookup, node: int) -> int:
    """For a link far down a chain of its own kind (``head.next.next``), the first link; otherwise ``node``."""
    links = look.chain(node)
    same = [link for link in links if link.type == links[-1].type]
    return same[0].node if len(same) >= 3 else node


def entry_targets(history: History, edges: NDArray[Any]) -> list[int]:
    """A sample of what container references lead to; keys left out."""
    graph = history.last.graph
    values = edges[edge_kinds(graph)[edges] != EdgeKind.DICT_KEY]
    step = max(len(values) // SAMPLE, 1)
    return [int(target) for target in graph.edge_target[values[::step]]]


def is_callable_entry(look: Lookup, node: int, *, inside: bool = True) -> bool:
    """Whether an entry can be called, is a handler, or is a small tuple or list with such a thing in it."""
    name = look.type_of(node)
    if name in CALLABLE_TYPES or look.bases(name) & {
        "logging.Handler",
        "functools.partial",
        "weakref.ReferenceType",
    }:
        return name not in ("weakref.ReferenceType", "weakref.KeyedRef")
    if inside and name in ("tuple", "list"):
        inner = look.successors(node)
        return 0 < len(inner) <= 8 and any(is_callable_entry(look, t, inside=False) for t, _, _ in inner)
    return False


def callable_share(history: History, look: Lookup, edges: NDArray[Any]) -> float:
    """Share of a container's entries that can be called."""
    targets = entry_targets(history, edges)
    if not targets:
        return 0.0
    return sum(is_callable_entry(look, node) for node in targets) / len(targets)


def traceback_bytes(history: History, look: Lookup, mask: NDArray[Any]) -> int:
    """Bytes inside ``mask`` that go when the references to its traceback objects are cut."""
    graph = history.last.graph
    tracebacks = mask & look.heap.has_type("traceback")
    if not tracebacks.any():
        return 0
    edges = np.flatnonzero(tracebacks[np.maximum(graph.edge_target, 0)] & (graph.edge_target >= 0))
    freed = what_if(look.heap, cut_edges=edges)
    return int(graph.size[freed.mask & mask].sum())


def scaled(sizes: Sequence[int], counts: Sequence[int], saving: int) -> tuple[int, ...]:
    """Bytes a snapshot: retained sizes when they cover the saving, else the saving in proportion to the entries."""
    if sizes[-1] >= saving // 2:
        return (*(int(s * saving / sizes[-1]) if sizes[-1] else 0 for s in sizes[:-1]), saving)
    return (*(int(saving * c / counts[-1]) if counts[-1] else 0 for c in counts[:-1]), saving)


def _suspect(
    history: History,
    look: Lookup,
    group: Growing,
    *,
    also: Sequence[Growing] = (),
    place: Place | None = None,
) -> Suspect:
    edges = np.concatenate([group.edges, *(other.edges for other in also)])
    node = representative(history, group.nodes)
    if group.counts[-1] == 1 and len(group.nodes) == 1:
        folded = fold_up(look, node)
        if folded != node:
            edges, node = np.array([look.chain(folded)[-1].edge]), folded
    freed = what_if(look.heap, cut_edges=edges)
    facts: dict[str, Any] = {
        "containers": len(group.nodes),
        "callable_share": callable_share(history, look, group.edges),
        "traceback_bytes": traceback_bytes(history, look, freed.mask),
        "also": tuple(place_of(look, representative(history, other.nodes)).holder.name for other in also),
        "container": node,
        "edges": group.edges,
        "all_nodes": tuple(int(n) for g in (group, *also) for n in g.nodes),
    }
    sizes = scaled(group.sizes, group.counts, freed.bytes)
    where = place or place_of(look, node)
    nodes = tuple(group.nodes.tolist())
    return Suspect(SuspectKind.GROWTH, where, nodes, group.counts, sizes, freed.bytes, freed.mask, edges, facts)


def _shared(history: History, look: Lookup, groups: list[Growing], floor: int) -> list[Suspect]:
    """Holders none of which frees much alone because they hold the same entries."""
    alone = {id(g): int(history.heap.dominators.retained_by(g.nodes)) for g in groups}
    tried = sorted(groups, key=lambda g: g.counts[0] - g.counts[-1])[:MAX_JOINT]
    if len(tried) < 2:
        return []
    together = what_if(look.heap, cut_edges=np.concatenate([g.edges for g in tried])).bytes
    if together - sum(alone[id(g)] for g in tried) < floor:
        return []
    needed = list(tried)
    for group in sorted(tried, key=lambda g: g.counts[-1] - g.counts[0]):
        rest = [g for g in needed if g is not group]
        if rest and what_if(look.heap, cut_edges=np.concatenate([g.edges for g in rest])).bytes >= 0.9 * together:
            needed = rest
    if len(needed) < 2:
        return []
    hops = look.heap.tree.hops
    needed.sort(key=lambda g: int(hops[g.nodes].min()))
    return [_suspect(history, look, needed[0], also=needed[1:])]


def _together(history: History, look: Lookup, group: Growing, floor: int) -> Growing:
    """A group whose containers hold the same entries retains little one by one: weigh them together."""
    if len(group.nodes) < 2 or group.sizes[-1] >= floor or group.counts[-1] < MIN_SHARED_ENTRIES:
        return group
    saving = what_if(look.heap, cut_edges=group.edges).bytes
    if saving < 2 * group.sizes[-1]:
        return group
    return replace(group, sizes=scaled((0,) * len(group.sizes), group.counts, saving))


def _explained_below(history: History, group: Growing, others: Sequence[Growing]) -> bool:
    """Whether containers that the group's own dominate gained most of what it gained: then those are the holders."""
    tree = history.heap.dominators
    mine = group.nodes[:SAMPLE].tolist()
    gained = 0
    for other in others:
        if other is group or other.sizes[-1] >= group.sizes[-1]:
            continue
        inside = [n for n in other.nodes[:SAMPLE].tolist() if any(tree.dominates(m, n) for m in mine)]
        gained += (other.sizes[-1] - other.sizes[0]) * len(inside) // len(other.nodes[:SAMPLE])
    return gained >= EXPLAINED_SHARE * (group.sizes[-1] - group.sizes[0])


def growth_suspects(history: History, look: Lookup, growing: Sequence[Growing], floor: int) -> list[Suspect]:
    """Suspects for what grows in every interval by at least ``floor`` bytes.

    Args:
        history: the snapshots.
        look: the newest heap's names.
        growing: what :func:`~leakkit.diagnose.growth.growing_containers` found.
        floor: bytes that a holder must gain.
    """
    if history.count < 2:
        return []
    containers = [_together(history, look, group, floor) for group in growing]
    heavy = [g for g in containers if g.sizes[-1] - g.sizes[0] >= floor]
    heavy = [g for g in heavy if not _explained_below(history, g, heavy)]
    light = [g for g in containers if g.sizes[-1] - g.sizes[0] < floor]
    shared = _shared(history, look, light, floor)
    explained = [
        (int(n), max(gain_of(history, int(n)), (g.sizes[-1] - g.sizes[0]) // len(g.nodes)))
        for g in heavy
        for n in g.nodes
    ]
    for suspect in shared:
        gain = (suspect.sizes[-1] - suspect.sizes[0]) // len(suspect.facts["all_nodes"])
        explained += [(node, gain) for node in suspect.facts["all_nodes"]]
    heavy += growing_references(history, explained, floor)
    heavy.sort(key=lambda g: g.sizes[0] - g.sizes[-1])
    suspects = [_suspect(history, look, group) for group in heavy[:MAX_SUSPECTS]]
    return [s for s in [*suspects, *shared] if s.saving >= floor]


def next_holders(look: Lookup, suspect: Suspect, limit: int = 3) -> tuple[tuple[str, int], ...]:
    """(path, bytes) of what would still hold the entries if only the suspect's own references were cut."""
    edges = suspect.facts.get("edges", suspect.cut)
    if edges is None or suspect.mask is None or not len(edges):
        return ()
    targets = np.unique(look.heap.snapshot.graph.edge_target[edges])
    found = independent_retainers(look.heap, targets, cut_edges=edges, limit=limit)
    return tuple((retainer.path.text, retainer.bytes) for retainer in found)


def is_registry(suspect: Suspect) -> bool:
    """Whether the suspect's entries are mostly callables."""
    return bool(suspect.facts.get("callable_share", 0.0) >= CALLABLE_SHARE)
