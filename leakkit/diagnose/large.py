"""Finds where large amounts of live memory come together, growing or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.constants import ACCUMULATION_RATIO
from leakkit.diagnose.growth import item_edges, series
from leakkit.diagnose.holders import callable_share, traceback_bytes
from leakkit.diagnose.place import place_of
from leakkit.diagnose.suspect import Suspect, SuspectKind
from leakkit.heap.whatif import what_if

if TYPE_CHECKING:
    from leakkit.diagnose.history import History
    from leakkit.diagnose.lookup import Lookup

MAX_POINTS = 6
"""At most so many accumulation points are told."""

MIN_CHILD_SHARE = 0.3
"""Children that keep this share of an accumulation point of unrelated things are points themselves."""


def accumulation_points(look: Lookup, floor: int) -> list[int]:
    """Objects where at least ``floor`` bytes come together: down the dominator tree while one child keeps 0.7."""
    tree = look.heap.dominators
    todo = [int(node) for node in tree.children()[:64] if tree.retained[node] >= floor]
    found: list[int] = []
    while todo and len(found) < 4 * MAX_POINTS:
        node = tree.accumulation_point(todo.pop(0), ACCUMULATION_RATIO)
        heavy = [
            int(n)
            for n in tree.children(node)[:8]
            if tree.retained[n] >= max(floor, int(MIN_CHILD_SHARE * tree.retained[node]))
        ]
        if heavy:
            todo += heavy
        else:
            found.append(node)
    return sorted(found, key=lambda n: -int(tree.retained[n]))[:MAX_POINTS]


def large_holders(history: History, look: Lookup, floor: int) -> list[Suspect]:
    """Suspects for holders of at least ``floor`` bytes, whatever they do over time."""
    suspects = []
    for node in accumulation_points(look, floor):
        nodes = np.array([node], np.int64)
        edges = item_edges(history, [node])
        freed = what_if(look.heap, drop_nodes=[node])
        facts = {
            "container": node,
            "edges": edges,
            "callable_share": callable_share(history, look, edges),
            "traceback_bytes": traceback_bytes(history, look, freed.mask),
        }
        suspects.append(
            Suspect(
                SuspectKind.LARGE,
                place_of(look, node),
                (node,),
                series(history, nodes, "degree"),
                series(history, nodes, "retained"),
                freed.bytes,
                freed.mask,
                None,
                facts,
            )
        )
    return suspects
