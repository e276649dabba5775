"""What the snapshots around the last rounds say: findings, and growth that a declared bound explains."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from leakkit.diagnose.classify import Standing
from leakkit.diagnose.engine import examine
from leakkit.diagnose.findings import MAX_FINDINGS, make_finding, rank_key
from leakkit.diagnose.growth import series
from leakkit.diagnose.observations import of_suspect
from leakkit.diagnose.rules.growth import bounding_node
from leakkit.diagnose.suspect import SuspectKind
from leakkit.gate.lines import with_line
from leakkit.gate.model import Metric
from leakkit.gate.wire import findings_to
from leakkit.heap.garbage import find_garbage
from leakkit.snapshot_model import NodeFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.findings import Weighed
    from leakkit.diagnose.history import History
    from leakkit.snapshot_model import Snapshot

SMALLEST: Final = 512
"""Bytes of growth over the diagnosed rounds below which nothing is told: names and counters of the interpreter."""

SHARE: Final = 0.05
"""Nor what is less than this share of all that grew."""

OFF_HEAP: Final = frozenset({SuspectKind.NATIVE, SuspectKind.SLACK})
"""Between snapshots so close together these are noise, unless the counters of the rounds say otherwise."""

BOUND_RULES: Final = frozenset({"below-its-bound", "at-its-bound"})


def count(snapshot: Snapshot) -> dict[Metric, int]:
    """Live objects and bytes of a snapshot and bytes of its garbage, without the agent's own."""
    graph = snapshot.graph
    garbage = find_garbage(snapshot)
    dead = garbage.dead | garbage.frozen_dead if garbage.trustworthy else garbage.dead & False
    mine = (graph.flags & NodeFlag.AGENT) != 0
    live = ~mine & ~dead
    return {
        Metric.OBJECTS: int(np.count_nonzero(live)),
        Metric.BYTES: int(graph.size[live].sum()),
        Metric.GARBAGE_BYTES: int(graph.size[dead & ~mine].sum()),
    }


def explain(
    snapshots: Sequence[Snapshot], *, calls: int, collector: bool, garbage: bool, off_heap: bool
) -> dict[str, Any]:
    """Diagnose the snapshots of one scenario.

    Args:
        snapshots: three or more, with ``calls`` calls between two of them.
        calls: of the scenario.
        collector: whether the scenario runs with the collector enabled.
        garbage: whether garbage is what is looked for.
        off_heap: whether more memory grows than objects account for.

    Returns:
        ``findings`` (as :func:`leakkit.gate.wire.findings_to` makes them, the most important first) with
        ``per_call`` bytes of each; ``bounded`` (lines about holders below a declared bound); ``bounded_bytes`` and
        ``live_bytes``, growth a call in each interval; ``warnings``.
    """
    real = [replace(one, collector=replace(one.collector, enabled=collector)) for one in snapshots]
    examined = examine(real, material=lambda history: _material(history, garbage=garbage))
    context = examined.context
    kinds = {SuspectKind.GARBAGE} if garbage else set(SuspectKind) - (set() if off_heap else OFF_HEAP)
    told = [item for item in examined.weighed if item.suspect.kind in kinds and _grows(context, item)]
    told.sort(key=lambda item: rank_key(context, item))
    bounded = _one_a_holder(context, [item for item in examined.weighed if _is_bounded(context, item)])
    work = calls * (context.history.count - 1)
    placed = [with_line(make_finding(context, item)) for item in told[:MAX_FINDINGS]]
    filled = [f"{finding.holder.name} is filled at {place}" for finding, place in placed if place]
    return {
        "findings": findings_to([finding for finding, _ in placed]),
        "per_call": [(item.suspect.sizes[-1] - item.suspect.sizes[0]) / work for item in told[:MAX_FINDINGS]],
        "bounded": [_in_words(context, item) for item in bounded.values()],
        "bounded_bytes": _rates([_retained(context, node) for node in bounded], context, calls),
        "live_bytes": _rates([[m.figures.total for m in context.history.moments]], context, calls),
        "warnings": list(dict.fromkeys([*filled, *(line for m in context.history.moments for line in m.reasons)])),
    }


def _material(history: History, *, garbage: bool) -> int:
    series = [m.figures.garbage if garbage else m.figures.total for m in history.moments]
    return max(SMALLEST, int(SHARE * (series[-1] - series[0])))


def _grows(context: Context, item: Weighed) -> bool:
    return item.standing in (Standing.PROVEN, Standing.SUSPECTED) and context.history.grows(item.suspect.sizes)


def _is_bounded(context: Context, item: Weighed) -> bool:
    rules = {evidence.rule for evidence in item.evidence}
    return (
        item.standing == Standing.HARMLESS and bool(rules & BOUND_RULES) and context.history.grows(item.suspect.sizes)
    )


def _one_a_holder(context: Context, items: Sequence[Weighed]) -> dict[int, Weighed]:
    """The object that declares the bound, and the largest of the containers by which it keeps its entries."""
    found: dict[int, Weighed] = {}
    for item in sorted(items, key=lambda one: -one.suspect.size):
        found.setdefault(bounding_node(item.suspect, context), item)
    tree = context.history.heap.dominators
    return {n: item for n, item in found.items() if not any(o != n and tree.dominates(o, n) for o in found)}


def _retained(context: Context, node: int) -> tuple[int, ...]:
    """All that an object alone keeps, in each snapshot: entries are shared by a cache's containers."""
    return series(context.history, np.array([node], np.int64), "retained")


def _in_words(context: Context, item: Weighed) -> str:
    observation = of_suspect(context, item)
    return f"{observation.title}: {observation.why}"


def _rates(series: Sequence[Sequence[int]], context: Context, calls: int) -> list[float]:
    """Sum of the series' growth in each interval, a call."""
    return [
        sum(sizes[number + 1] - sizes[number] for sizes in series) / calls
        for number in range(context.history.count - 1)
    ]
