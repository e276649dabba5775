"""What a fix costs: computed from the target's own figures, with the formula named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.constants import (
    COLLECT_SECONDS_PER_CONTAINER,
    FREE_SECONDS_PER_OBJECT,
    IMPORT_SECONDS_PER_MODULE,
    START_SECONDS,
)
from leakkit.diagnose.units import in_bytes, in_seconds
from leakkit.model import FixId
from leakkit.snapshot_model import NodeFlag

if TYPE_CHECKING:
    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect


def collection_pause(context: Context) -> tuple[float, int]:
    """(seconds a full collection stops the target, tracked containers): 0.3 us a container, 0.22 us a dead object."""
    last = context.history.last
    tracked = int(np.count_nonzero((last.graph.flags & NodeFlag.TRACKED) != 0))
    dead = int(np.count_nonzero(last.dead))
    return tracked * COLLECT_SECONDS_PER_CONTAINER + dead * FREE_SECONDS_PER_OBJECT, tracked


def start_up(context: Context) -> tuple[float, int]:
    """(seconds to start a worker that imports what the target has imported, modules)."""
    modules = len(context.history.last.snapshot.modules)
    return START_SECONDS + modules * IMPORT_SECONDS_PER_MODULE, modules


def price_of(fix: FixId, suspect: Suspect, context: Context) -> str:
    """The price of a fix in words."""
    if fix == FixId.COLLECT:
        pause, tracked = collection_pause(context)
        return (
            f"a pause of about {in_seconds(pause)} for each full collection "
            f"({tracked:,} tracked containers x 0.3 us, by where they lie 0.1 to 1.2 us, and what is freed); "
            "breaking the cycle costs nothing at run time"
        )
    if fix == FixId.ISOLATE:
        seconds, modules = start_up(context)
        return (
            f"a helper coroutine or task costs microseconds; a fresh process about {in_seconds(seconds)} to start "
            f"(20 ms + {modules} modules x 0.5 ms) and pickling what goes in and out"
        )
    if fix == FixId.COPY:
        fragments = int(suspect.facts.get("fragments", 0))
        return f"copying the fragments: {in_bytes(fragments)} for what is kept now"
    if fix == FixId.HIBERNATE and suspect.mask is None:
        pause, tracked = collection_pause(context)
        return (
            f"at idle only: a full collection of about {in_seconds(pause)} ({tracked:,} containers "
            "x 0.3 us, by where they lie 0.1 to 1.2 us) and a trim; "
            "the next burst takes the pages from the kernel again (about 0.25 us a 4 KB page)"
        )
    if fix == FixId.HIBERNATE:
        return "a code change; data that is needed again after the wait must be built again"
    return "a code change; what is dropped must be loaded or computed again when it is needed after all"
