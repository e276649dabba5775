"""Finds idle frames: coroutines and generators that wait at the same instruction and pin what their locals hold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.diagnose.place import place_of
from leakkit.diagnose.suspect import Place, Suspect, SuspectKind
from leakkit.heap.whatif import what_if
from leakkit.model import Holder, HolderKind, PathStep
from leakkit.snapshot_model import EDGE_KIND_MASK, EdgeKind, FrameKind, FrameState, RootKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.history import History, Moment
    from leakkit.diagnose.lookup import Lookup
    from leakkit.snapshot_model import HeapGraph

SUSPENDABLE = (FrameKind.COROUTINE, FrameKind.GENERATOR, FrameKind.ASYNC_GENERATOR)

MAX_VARIABLES = 6
"""Cut at most so many variables of a function one by one."""

VARIABLE_SHARE = 0.1
"""A variable is named when it alone frees this share of what all locals together free."""


@dataclass(frozen=True, eq=False)
class FrameGroup:
    """Suspended frames of one function in the newest snapshot."""

    rows: tuple[int, ...]
    idle: tuple[int, ...]
    """For each row, in how many snapshots in a row (the newest counts) it stood at this instruction."""


def suspended_rows(snapshot_frames: Any) -> NDArray[Any]:
    """Rows of ``Frames`` that are suspended coroutines or generators with an object of their own."""
    frames = snapshot_frames
    wanted = np.isin(frames.kind, SUSPENDABLE) & (frames.state == FrameState.SUSPENDED) & (frames.node >= 0)
    return np.flatnonzero(wanted)


def _instructions(history: History, number: int) -> dict[int, int]:
    """Object's row in that moment to the instruction it is suspended at."""
    frames = history.moments[number].snapshot.frames
    return {int(frames.node[row]): int(frames.instruction[row]) for row in suspended_rows(frames)}


def _idle_for(history: History, rows: NDArray[Any]) -> list[int]:
    """For each suspended frame, over how many consecutive snapshots it has not moved."""
    frames = history.last.snapshot.frames
    idle = [1] * len(rows)
    going = [True] * len(rows)
    for number in range(history.count - 2, -1, -1):
        known = _instructions(history, number)
        there = history.all_rows(number)[frames.node[rows]]
        for i, row in enumerate(rows):
            going[i] = going[i] and known.get(int(there[i]), -2) == int(frames.instruction[row])
            idle[i] += going[i]
    return idle


def _groups(history: History) -> dict[tuple[str, str], FrameGroup]:
    frames, strings = history.last.snapshot.frames, history.last.graph.strings
    rows = suspended_rows(frames)
    rows = rows[~history.last.dead[frames.node[rows]]]
    idle = _idle_for(history, rows)
    groups: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row, times in zip(rows.tolist(), idle, strict=True):
        groups[strings[frames.file[row]], strings[frames.function[row]]].append((row, times))
    return {
        key: FrameGroup(tuple(r for r, _ in members), tuple(t for _, t in members)) for key, members in groups.items()
    }


def main_coroutines(look: Lookup) -> set[int]:
    """Coroutines that the program's running frames drive, and what those await: the program itself, not a handler."""
    roots, snapshot = look.heap.roots, look.heap.snapshot
    driven = {int(n) for n, k in zip(roots.node, roots.kind, strict=True) if k == RootKind.THREAD}
    driven |= {task.coroutine for task in snapshot.tasks if task.node in driven}
    todo = [node for node in driven if node in look.frame_rows]
    found: set[int] = set()
    while todo:
        node = todo.pop()
        if node in found:
            continue
        found.add(node)
        todo += [t for t, kind, _ in look.successors(node) if kind != EdgeKind.LOCAL and t in look.frame_rows]
    return found


def out_edges(graph: HeapGraph, nodes: Sequence[int]) -> NDArray[Any]:
    """Numbers of all references of some objects."""
    parts = [np.arange(graph.edge_start[node], graph.edge_start[node + 1]) for node in nodes]
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)


def local_edges(graph: HeapGraph, nodes: Sequence[int]) -> NDArray[Any]:
    """Numbers of the references by which suspended frames hold their local variables.

    Up to 3.10 a coroutine or generator has a frame object of its own that holds them.
    """
    edges = out_edges(graph, nodes)
    targets = graph.edge_target[edges]
    inner = targets[graph.type_id[targets] == _type_number(graph, "frame")]
    edges = np.concatenate([edges, out_edges(graph, inner.tolist())])
    return np.asarray(edges[(graph.edge_kind[edges] & EDGE_KIND_MASK) == EdgeKind.LOCAL], np.int64)


def _type_number(graph: HeapGraph, name: str) -> int:
    return graph.types.index(name) if name in graph.types else -1


def _variables(history: History, look: Lookup, edges: NDArray[Any], total: int) -> list[tuple[str, int, str]]:
    """(name, bytes it alone frees, type of its value) of the local variables that matter, largest first."""
    graph = history.last.graph
    by_name: dict[str, list[int]] = defaultdict(list)
    for edge in edges.tolist():
        by_name[graph.strings[graph.edge_name[edge]]].append(edge)
    weight = {name: int(history.last.retained[graph.edge_target[e]].sum()) for name, e in by_name.items()}
    ranked = sorted(by_name, key=lambda name: (-weight[name], name))[:MAX_VARIABLES]
    found = []
    for name in ranked:
        freed = what_if(look.heap, cut_edges=np.array(by_name[name], np.int64)).bytes
        sample = int(graph.edge_target[by_name[name][0]])
        found.append((name, freed, look.type_of(sample)))
    found.sort(key=lambda row: (-row[1], row[0]))
    alone = [row for row in found if row[1] >= VARIABLE_SHARE * total]
    return alone or found[:1]


def _sizes(
    history: History, group: FrameGroup, names: set[str], saving: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(frames, bytes) a snapshot: older bytes scaled by what the same variables retained then."""
    counts, weights = [], []
    last_frames, strings = history.last.snapshot.frames, history.last.graph.strings
    sample = group.rows[0]
    function, file = strings[last_frames.function[sample]], strings[last_frames.file[sample]]
    for moment in history.moments:
        frames, graph = moment.snapshot.frames, moment.graph
        rows = [
            int(row)
            for row in suspended_rows(frames)
            if graph.strings[frames.function[row]] == function and graph.strings[frames.file[row]] == file
        ]
        nodes = [int(frames.node[row]) for row in rows if not moment.dead[frames.node[row]]]
        counts.append(len(nodes))
        weights.append(sum(_local_weight(moment, node, names) for node in nodes))
    scale = saving / weights[-1] if weights[-1] else 0.0
    return tuple(counts), (*(int(w * scale) for w in weights[:-1]), saving)


def _local_weight(moment: Moment, node: int, names: set[str]) -> int:
    graph = moment.graph
    return sum(
        int(moment.retained[graph.edge_target[e]])
        for e in local_edges(graph, [node]).tolist()
        if graph.strings[graph.edge_name[e]] in names
    )


def _place(look: Lookup, group: FrameGroup, variable: str, value_type: str) -> Place:
    row = group.rows[0]
    function, file, line, module = look.frame_text(row)
    node = int(look.heap.snapshot.frames.node[row])
    base = place_of(look, node)
    owner = look.owners.of_file(file) if file else look.owners.of_module(module)
    holder = Holder(HolderKind.SUSPENDED_FRAME, f"{function}() local '{variable}'", file or None, line or None)
    edge = f" local '{variable}'"
    above = tuple(replace(step, suspect=False) for step in base.steps)
    steps = (*above, PathStep(value_type, edge, len(group.rows), suspect=True))
    shape = f"{module}.{function}:{variable}"
    return Place(holder, owner, base.path_text + edge, shape, steps, node, base.types)


def _changed(history: History, node: int) -> bool:
    """Whether an object was there in the snapshot before and refers to other things now."""
    before = history.moments[-2]
    row = int(history.all_rows(history.count - 2)[node])
    if row < 0:
        return False
    old, new = before.graph, history.last.graph
    was = old.address[old.edge_target[old.edge_start[row] : old.edge_start[row + 1]]]
    now = new.address[new.edge_target[new.edge_start[node] : new.edge_start[node + 1]]]
    return not np.array_equal(np.sort(was), np.sort(now))


def _in_use(history: History, edges: NDArray[Any], names: set[str]) -> float:
    """Share of what the named locals retain that changed inside while the local stayed the same object."""
    if history.count < 2:
        return 0.0
    graph = history.last.graph
    targets = [int(graph.edge_target[e]) for e in edges.tolist() if graph.strings[graph.edge_name[e]] in names]
    total = sum(int(history.last.retained[node]) for node in targets)
    used = sum(int(history.last.retained[node]) for node in targets if _changed(history, node))
    return used / total if total else 0.0


def idle_frames(history: History, look: Lookup, floor: int) -> list[Suspect]:
    """Suspects for each function whose suspended frames exclusively pin at least ``floor`` bytes by their locals."""
    frames = history.last.snapshot.frames
    programs = main_coroutines(look)
    suspects = []
    for group in _groups(history).values():
        nodes = [int(frames.node[row]) for row in group.rows]
        if len(nodes) == 1 and nodes[0] in programs:
            continue
        edges = local_edges(history.last.graph, nodes)
        if not len(edges):
            continue
        freed = what_if(look.heap, cut_edges=edges)
        if freed.bytes < floor:
            continue
        variables = _variables(history, look, edges, freed.bytes)
        names = {name for name, _, _ in variables}
        counts, sizes = _sizes(history, group, names, freed.bytes)
        used = _in_use(history, edges, names)
        facts = {"variables": variables, "idle": group.idle, "rows": group.rows, "in_use": used}
        place = _place(look, group, variables[0][0], variables[0][2])
        suspects.append(
            Suspect(
                SuspectKind.IDLE_FRAMES,
                place,
                tuple(nodes),
                counts,
                sizes,
                freed.bytes,
                freed.mask,
                edges,
                facts,
            )
        )
    return suspects
