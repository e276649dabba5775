"""objgraph's growth over several snapshots, beside the growth of leakkit's own counts by the same rule."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from leakkit.model import GrowthOpinion
from leakkit.snapshot_model import NodeFlag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from leakkit.snapshot_model import HeapGraph

MOST_GROWING = 10


def short_name(name: str) -> str:
    """A type's name as objgraph says it: without module and outer class."""
    return name.rpartition(".")[2]


def shown_name(short: str, names: Iterable[str]) -> str:
    """How a type is shown that objgraph knows by its short name: as leakkit calls it, or that several have it."""
    known = list(names)
    if len(known) > 1:
        return f"{short} ({len(known)} types)"
    return known[0] if known else short


def tracked_counts(graph: HeapGraph) -> Counter[str]:
    """Objects that the collector tracks, the agent's left out, by their type's short name."""
    mine = ((graph.flags & NodeFlag.TRACKED) != 0) & ((graph.flags & NodeFlag.AGENT) == 0)
    found: Counter[str] = Counter()
    counts = np.bincount(graph.type_id[mine], minlength=len(graph.types)).tolist()
    for name, count in zip(graph.types, counts, strict=False):
        if count:
            found[short_name(name)] += count
    return found


def risen(counts: Sequence[Mapping[str, int]]) -> dict[str, tuple[int, int]]:
    """What ``objgraph.growth`` says at each count after the first one: by name the sum, and how often it names it.

    It names a type whose count lies above the highest one before, and by how much.
    """
    peaks: dict[str, int] = dict(counts[0])
    found: dict[str, tuple[int, int]] = {}
    for now in counts[1:]:
        for name, count in now.items():
            rise = count - peaks.get(name, 0)
            if rise > 0:
                peaks[name] = count
                total, times = found.get(name, (0, 0))
                found[name] = total + rise, times + 1
    return found


def growth_opinions(
    graphs: Sequence[HeapGraph], counts: Sequence[Mapping[str, int]]
) -> tuple[tuple[GrowthOpinion, ...], tuple[str, ...]]:
    """The types that grow, the fastest first, and a note on how far the tools agree.

    Args:
        graphs: of the snapshots in which objgraph answered, oldest first.
        counts: its answers.
    """
    if len(graphs) < 2:
        return (), ()
    own_counts = [tracked_counts(graph) for graph in graphs]
    own, theirs = risen(own_counts), risen(counts)
    names: dict[str, list[str]] = {}
    for name in dict.fromkeys(graphs[-1].types):
        names.setdefault(short_name(name), []).append(name)
    rows = []
    for short in dict.fromkeys((*theirs, *own)):
        (mine, _), (other, times) = own.get(short, (0, 0)), theirs.get(short, (0, 0))
        shown = shown_name(short, names.get(short, ()))
        rows.append(GrowthOpinion(shown, own_counts[-1][short], mine, other, times, len(graphs) - 1))
    rows.sort(key=lambda row: (-max(row.growth, row.objgraph_growth), row.type))
    same = sum(row.growth == row.objgraph_growth for row in rows)
    note = f"objgraph's growth over {len(graphs)} snapshots: what a count lies above all before it; "
    note += f"leakkit's counts rise by the same number for {same} of {len(rows)} types" if rows else "no count rises"
    return tuple(rows[:MOST_GROWING]), (note,)
