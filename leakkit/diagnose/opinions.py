"""What other tools say of the same frozen copy, beside leakkit's own figures, with the differences explained."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.model import SecondOpinions, TypeOpinion
from leakkit.snapshot_model import NodeFlag

if TYPE_CHECKING:
    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import HeapGraph

MOST_TYPES = 12
AGREE = 0.02
"""Figures that differ by less are the same."""


def second_opinions(heap: Heap) -> SecondOpinions | None:
    """The tools' answers in the newest snapshot; None when none was asked or could answer."""
    said = {result.name: result.data for result in heap.snapshot.probes if result.status == "ok"}
    objgraph, guppy = said.get("objgraph"), said.get("guppy3")
    if objgraph is None and guppy is None:
        return None
    rows = _rows(heap.snapshot.graph, objgraph, guppy)
    notes: list[str] = []
    if objgraph is not None:
        notes += _of_objgraph(rows, objgraph)
    if guppy is not None:
        notes += _of_guppy(rows, guppy, heap)
    return SecondOpinions(tuple(rows[:MOST_TYPES]), tuple(notes))


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _rows(graph: HeapGraph, objgraph: dict[str, Any] | None, guppy: dict[str, Any] | None) -> list[TypeOpinion]:
    """Types by their last name, as objgraph counts them; the largest first."""
    types = len(graph.types)
    mine = (graph.flags & NodeFlag.AGENT) == 0
    tracked = mine & ((graph.flags & NodeFlag.TRACKED) != 0)
    counts = np.bincount(graph.type_id[mine], minlength=types)
    sizes = np.bincount(graph.type_id[mine], weights=graph.size[mine], minlength=types)
    of_collector = np.bincount(graph.type_id[tracked], minlength=types)
    groups: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(graph.types):
        if counts[number]:
            groups[_short(name)].append(number)
    theirs: dict[str, list[int]] = {}
    for name, (count, size) in ({} if guppy is None else guppy["types"]).items():
        total = theirs.setdefault(_short(name), [0, 0])
        total[0], total[1] = total[0] + count, total[1] + size
    rows = []
    for short, numbers in groups.items():
        name = graph.types[numbers[0]] if len(numbers) == 1 else f"{short} ({len(numbers)} types)"
        seen = None if objgraph is None else int(objgraph["counts"].get(short, 0))
        known = theirs.get(short)
        own = (int(counts[numbers].sum()), int(of_collector[numbers].sum()), int(sizes[numbers].sum()))
        rows.append(TypeOpinion(name, *own, seen, known[0] if known else None, known[1] if known else None))
    return sorted(rows, key=lambda row: (-row.bytes, row.type))


def _of_objgraph(rows: list[TypeOpinion], said: dict[str, Any]) -> list[str]:
    seen = [row for row in rows if row.tracked or row.objgraph_count]
    other = [row for row in seen if row.tracked != row.objgraph_count]
    equal = f"objgraph counts tracked objects only: the same number for {len(seen) - len(other)} of {len(seen)} types"
    if other:
        equal += "; not for " + ", ".join(f"{r.type} ({r.tracked:,} and {r.objgraph_count:,})" for r in other[:3])
    chains = said["chains"]
    found = sum(chain["reaches_module"] for chain in chains)
    return [equal, f"objgraph finds a chain from a module to {found} of {len(chains)} large containers it searched"]


def _of_guppy(rows: list[TypeOpinion], said: dict[str, Any], heap: Heap) -> list[str]:
    both = [row for row in rows if row.guppy3_bytes is not None]
    far = [row for row in both if not _close(row.bytes, row.guppy3_bytes or 0)]
    notes = [
        f"guppy3 sizes {len(both) - len(far)} of {len(both)} types within {AGREE:.0%} of leakkit".replace("%", " %")
    ]
    if any(row.type == "dict" for row in far):
        notes.append(
            "dicts such as sys.modules grew in the copy when the tools were imported, after leakkit had sized them"
        )
    if others := [row.type for row in far if row.type != "dict"]:
        notes.append(f"guppy3 sizes {', '.join(others[:3])} by their C structures, not by what their type says")
    retained = heap.dominators.retained
    pairs = [(int(retained[node]), size) for node, size in said["dominated"]]
    if pairs:
        close = sum(_close(*pair) for pair in pairs)
        line = f"what guppy3 says {len(pairs)} large containers dominate is leakkit's retained size for {close}"
        if close < len(pairs):
            line += "; it does not follow the string keys of dicts, nor references that only C code holds"
        notes.append(line)
    return notes


def _close(own: int, other: int) -> bool:
    return abs(own - other) <= AGREE * max(own, other)
