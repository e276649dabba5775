"""What became of all that one line allocated: so much dead, by which cycle; so much alive, by whom."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.allocated import stacks_by_place
from leakkit.diagnose.place import place_of
from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import counted, in_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect
    from leakkit.model import AllocationSite, Finding

MOST_PARTS = 3
SAMPLE = 40
"""So many of the objects that no finding holds are asked who holds them."""
LEAST_SHARE = 0.005


def with_fates(context: Context, suspects: Sequence[Suspect], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings with, at each allocation site, what became of what it allocated.

    Args:
        context: the snapshots.
        suspects: all that were found, whose shares are named.
        findings: what is told.
    """
    if context.history.last.snapshot.allocations is None:
        return tuple(findings)
    known: dict[tuple[str, str, int], str] = {}

    def told(site: AllocationSite) -> AllocationSite:
        key = (site.function, site.file, site.line)
        if key not in known:
            known[key] = _fate(context, suspects, key)
        return replace(site, fate=known[key])

    return tuple(replace(f, allocated_at=tuple(told(site) for site in f.allocated_at)) for f in findings)


def _fate(context: Context, suspects: Sequence[Suspect], place: tuple[str, str, int]) -> str:
    """One line: how many objects of which type, how many bytes, and whose they are now."""
    found = context.history.last.snapshot.allocations
    if found is None:
        return ""
    mine = np.isin(found.stack, stacks_by_place(context, found).get(place, []))
    rows = mine & (found.node >= 0)
    nodes, total = found.node[rows], float(found.bytes[mine].sum())
    graph = context.history.last.graph
    weight = np.bincount(nodes, weights=found.bytes[rows], minlength=graph.node_count).astype(np.float64)
    parts = [*_parts(context, suspects, weight), ("owned by no object", total - float(weight.sum()))]
    shown = [part for part in sorted(parts, key=lambda part: -part[1]) if part[1] >= max(LEAST_SHARE * total, 1)]
    if len(shown) > MOST_PARTS:
        rest = sum(size for _, size in shown[MOST_PARTS:])
        places = counted(len(shown) - MOST_PARTS, "more place")
        shown = [*shown[:MOST_PARTS], (f"in {places}", rest)]
    told = ", ".join(f"{max(round(100 * size / total), 1)} % {label}" for label, size in shown)
    return f"{_what(context, nodes, found.bytes[rows], total)}: {told}" if told else ""


def _what(context: Context, nodes: NDArray[np.int32], size: NDArray[np.int64], total: float) -> str:
    """``41,200 × dict, 38 MB``: the type that weighs most, and the bytes of all; blocks, where no objects weigh."""
    graph = context.history.last.graph
    by_type = np.bincount(graph.type_id[nodes], weights=size, minlength=len(graph.types))
    main = int(by_type.argmax())
    if by_type[main] < LEAST_SHARE * total:
        return in_bytes(int(total))
    count = len(np.unique(nodes[graph.type_id[nodes] == main]))
    others = " and more" if by_type[main] < 0.99 * total else ""
    return f"{count:,} × {graph.types[main]}{others}, {in_bytes(int(total))}"


def _parts(context: Context, suspects: Sequence[Suspect], weight: NDArray[np.float64]) -> list[tuple[str, float]]:
    """(whose, bytes), the largest first: what suspects hold or keep dead, then the rest of the dead and the living."""
    left = weight.copy()
    parts: dict[str, float] = defaultdict(float)
    for suspect in suspects:
        if suspect.mask is None:
            continue
        if size := float(left[suspect.mask].sum()):
            parts[_label(suspect)] += size
            left[suspect.mask] = 0.0
    dead = context.history.last.dead
    if size := float(left[dead].sum()):
        parts["dead"] += size
    alive = np.where(dead, 0.0, left)
    heaviest = np.argsort(-alive)[:SAMPLE]
    for node in heaviest[alive[heaviest] > 0].tolist():
        name = place_of(context.look, node).holder.name
        parts[f"reachable via {name}" if name else "reachable"] += alive[node]
        alive[node] = 0.0
    if size := float(alive.sum()):
        parts["reachable"] += size
    return sorted(parts.items(), key=lambda part: (-part[1], part[0]))


def _label(suspect: Suspect) -> str:
    if suspect.kind != SuspectKind.GARBAGE:
        return f"reachable via {suspect.place.holder.name}"
    by_generation = suspect.facts["by_generation"]
    where = f" in {max(by_generation, key=by_generation.get)}" if by_generation else ""
    return f"dead{where.replace('generation 2', 'the old generation')} by the cycle {suspect.place.path_text}"
