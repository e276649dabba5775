"""What other tools say of the same frozen copy, beside leakkit's own figures, with the differences explained."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.answers import answers_of
from leakkit.diagnose.opinion_growth import growth_opinions, short_name, shown_name
from leakkit.heap.referrers import referred_by
from leakkit.model import ReferrerOpinion, SecondOpinions, TypeOpinion
from leakkit.snapshot_model import NodeFlag

if TYPE_CHECKING:
    from leakkit.diagnose.answers import Heapy, Objgraph
    from leakkit.diagnose.history import History
    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import HeapGraph

MOST_TYPES = 12
AGREE = 0.02
"""Figures that differ by less are the same."""


def second_opinions(history: History) -> tuple[SecondOpinions | None, tuple[str, ...]]:
    """The tools' answers, None when none was asked or could answer; and a line for each answer that is damaged."""
    answers = [answers_of(moment.snapshot) for moment in history.moments]
    complaints = tuple(dict.fromkeys(line for one in answers for line in one.complaints))
    heap, objgraph, guppy = history.heap, answers[-1].objgraph, answers[-1].guppy3
    asked = [
        (moment.graph, one.objgraph.counts)
        for moment, one in zip(history.moments, answers, strict=True)
        if one.objgraph is not None
    ]
    growth, growth_notes = growth_opinions([graph for graph, _ in asked], [counts for _, counts in asked])
    if objgraph is None and guppy is None:
        return (SecondOpinions((), growth_notes, growth) if growth_notes else None), complaints
    rows = _rows(heap.snapshot.graph, objgraph, guppy)
    notes: list[str] = []
    if objgraph is not None:
        notes += _of_objgraph(rows, objgraph)
    notes += growth_notes
    referrers: tuple[ReferrerOpinion, ...] = ()
    if guppy is not None:
        referrers = _by_referrers(heap, guppy)
        notes += _of_guppy(rows, guppy, heap) + _of_referrers(referrers, guppy)
    return SecondOpinions(tuple(rows[:MOST_TYPES]), tuple(notes), growth, referrers), complaints


def _rows(graph: HeapGraph, objgraph: Objgraph | None, guppy: Heapy | None) -> list[TypeOpinion]:
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
            groups[short_name(name)].append(number)
    theirs: dict[str, tuple[int, int]] = {}
    for name, (count, size) in ({} if guppy is None else guppy.types).items():
        short = short_name(name)
        known = theirs.get(short, (0, 0))
        theirs[short] = known[0] + count, known[1] + size
    rows = []
    for short, numbers in groups.items():
        name = shown_name(short, [graph.types[number] for number in numbers])
        seen = None if objgraph is None else objgraph.counts.get(short, 0)
        own = (int(counts[numbers].sum()), int(of_collector[numbers].sum()), int(sizes[numbers].sum()))
        rows.append(TypeOpinion(name, *own, seen, *theirs.get(short, (None, None))))
    return sorted(rows, key=lambda row: (-row.bytes, row.type))


def _by_referrers(heap: Heap, said: Heapy) -> tuple[ReferrerOpinion, ...]:
    """Heapy's partition, with leakkit's own figures where the kinds are known."""
    graph, left_out = heap.graph, set(said.left_out)
    asked = np.array([name not in left_out for name in graph.types], np.bool_)[graph.type_id]
    known = [row.kinds for row in said.referred if row.kinds] if "" not in said.left_out else []
    masks = dict(zip(known, referred_by(heap, known), strict=True))
    rows = []
    for row in said.referred:
        mask = masks.get(row.kinds) if row.kinds else None
        own = (None, None) if mask is None else (int((mask & asked).sum()), int(graph.size[mask & asked].sum()))
        rows.append(ReferrerOpinion(row.text, row.count, row.bytes, *own))
    return tuple(rows)


def _of_referrers(rows: tuple[ReferrerOpinion, ...], said: Heapy) -> list[str]:
    """How far the two agree on who refers to what, and what was not asked."""
    if said.reason:
        return [f"no partition by referrers: {said.reason}"]
    compared = [row for row in rows if row.count is not None]
    if not rows:
        return []
    close = sum(_close(row.count or 0, row.guppy3_count) for row in compared)
    share = f"{close} of the {len(compared)} largest that leakkit can compare have the same count within {AGREE:.0%}"
    notes = [f"guppy3 tells {said.kinds:,} sets of referrers' kinds apart; {share}".replace("%", " %")]
    if close < len(compared):
        notes[0] += (
            "; the tools' own modules refer to names and classes, too, guppy3 follows more of what classes hold in C,"
            " and it does not see what only C code holds"
        )
    if said.left_out:
        names = ", ".join(name or "a type without a name" for name in said.left_out[:3])
        more = f" and {len(said.left_out) - 3} more types" if len(said.left_out) > 3 else ""
        asked = (
            f"guppy3 was asked for the referrers of {said.objects:,} objects, those of the types that weigh most, as"
        )
        notes.append(f"{asked} it may take minutes for many more; left out: {names}{more}")
    return notes


def _of_objgraph(rows: list[TypeOpinion], said: Objgraph) -> list[str]:
    seen = [row for row in rows if row.tracked or row.objgraph_count]
    other = [row for row in seen if row.tracked != row.objgraph_count]
    equal = f"objgraph counts tracked objects only: the same number for {len(seen) - len(other)} of {len(seen)} types"
    if other:
        equal += "; not for " + ", ".join(f"{r.type} ({r.tracked:,} and {r.objgraph_count:,})" for r in other[:3])
    return [
        equal,
        f"objgraph finds a chain from a module to {said.reached} of {said.chains} large containers it searched",
    ]


def _of_guppy(rows: list[TypeOpinion], said: Heapy, heap: Heap) -> list[str]:
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
    pairs = [(int(retained[node]), size) for node, size in said.dominated]
    if pairs:
        close = sum(_close(*pair) for pair in pairs)
        line = f"what guppy3 says {len(pairs)} large containers dominate is leakkit's retained size for {close}"
        if close < len(pairs):
            line += "; it does not follow the string keys of dicts, nor references that only C code holds"
        notes.append(line)
    return notes


def _close(own: int, other: int) -> bool:
    return abs(own - other) <= AGREE * max(own, other)
