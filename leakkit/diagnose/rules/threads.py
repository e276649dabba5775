"""Evidence about what waiting threads keep in their thread-locals."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.lookup import THREAD_LOCAL_TYPES
from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import counted, in_bytes, in_seconds
from leakkit.model import Evidence
from leakkit.snapshot_model import FrameKind

if TYPE_CHECKING:
    from leakkit.diagnose.context import Context
    from leakkit.diagnose.history import Moment
    from leakkit.diagnose.suspect import Suspect

IDLE_SHARE = 0.5
"""At least this share of the threads that keep something must be known to wait."""


def _stacks(moment: Moment) -> dict[int, tuple[tuple[str, int], ...]]:
    """Thread's id to where each of its frames stands: (file and function, instruction), innermost first."""
    frames, strings = moment.snapshot.frames, moment.graph.strings
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for row in np.flatnonzero((frames.kind == FrameKind.THREAD) & (frames.thread >= 0)).tolist():
        code = f"{strings[frames.file[row]]}:{strings[frames.function[row]]}"
        found[int(frames.thread[row])].append((code, int(frames.instruction[row])))
    return {moment.snapshot.threads[row].ident: tuple(stack) for row, stack in found.items()}


def _one_for_each_thread(suspect: Suspect, context: Context) -> bool:
    """Whether it is the table of a ``threading.local``, which has one entry for each thread that used it."""
    if suspect.kind not in (SuspectKind.GROWTH, SuspectKind.LARGE) or len(suspect.nodes) != 1:
        return False
    links = context.look.chain(suspect.nodes[0])
    above = links[-2].type if len(links) > 1 else ""
    return bool(({above} | context.look.bases(above)) & THREAD_LOCAL_TYPES)


def idle_threads_keep(suspect: Suspect, context: Context) -> Evidence | None:
    """Threads that have not moved since the snapshot before keep it in their thread-locals.

    Which entry belongs to which thread is not known: this counts how many are idle even if each that moved has one.
    """
    if context.history.count < 2 or not _one_for_each_thread(suspect, context):
        return None
    before, now = (_stacks(moment) for moment in context.history.moments[-2:])
    waiting = sum(before.get(ident) == stack for ident, stack in now.items())
    keeping = suspect.counts[-1]
    idle = keeping - (len(now) - waiting)
    if idle < max(1, IDLE_SHARE * keeping):
        return None
    gap = context.history.last.seconds - context.history.moments[-2].seconds
    reason = (
        f"{counted(keeping, 'thread')} keep {in_bytes(suspect.saving)} in thread-locals, and at least {idle:,} of them "
        f"have stood at the same instruction for {in_seconds(gap)}"
    )
    numbers = {"threads": keeping, "idle_threads": idle, "seconds": gap}
    return Evidence("idle-threads-keep", "hibernate", reason, numbers)
