"""Evidence about suspended frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import counted, in_bytes, in_seconds
from leakkit.model import Evidence, Retention

if TYPE_CHECKING:
    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect


IN_USE_SHARE = 0.5
"""Locals of which this share changed in place are in use."""


def same_instruction(suspect: Suspect, context: Context) -> Evidence | None:
    """The same frames stood at the same instruction in an earlier snapshot: they are idle."""
    if suspect.kind != SuspectKind.IDLE_FRAMES:
        return None
    idle = sum(times >= 2 for times in suspect.facts["idle"])
    if not idle:
        return None
    frames = len(suspect.facts["idle"])
    gap = context.history.last.seconds - context.history.moments[-2].seconds
    reason = f"{idle:,} of {counted(frames, 'frame')} stood at the same instruction {in_seconds(gap)} earlier"
    return Evidence("same-instruction", "hibernate", reason, {"idle_frames": idle, "frames": frames, "seconds": gap})


def only_locals_keep(suspect: Suspect, context: Context) -> Evidence | None:
    """Cutting the frames' local variables on paper frees the data: nothing else holds it."""
    if suspect.kind != SuspectKind.IDLE_FRAMES:
        return None
    names = [f"{name} ({in_bytes(size)})" for name, size, _ in suspect.facts["variables"]]
    reason = f"only the frames' locals hold {in_bytes(suspect.saving)}; alone they free: {', '.join(names)}"
    return Evidence("only-locals-keep", Retention.LONG_LIVED, reason, {"freed_bytes": suspect.saving})


def one_snapshot_of_frames(suspect: Suspect, context: Context) -> Evidence | None:
    """One snapshot cannot say whether the frames wait for long."""
    if suspect.kind != SuspectKind.IDLE_FRAMES or context.history.count > 1:
        return None
    reason = "one snapshot cannot tell a frame that waits for hours from one that is about to go on"
    return Evidence("one-snapshot-of-frames", "inconclusive", reason, {"snapshots": 1})


def frames_accumulate(suspect: Suspect, context: Context) -> Evidence | None:
    """More and more frames of the function wait."""
    if suspect.kind != SuspectKind.IDLE_FRAMES or not context.enough or not context.history.grows(suspect.counts):
        return None
    reason = f"the number of waiting frames grows: {' → '.join(f'{count:,}' for count in suspect.counts)}"
    return Evidence("frames-accumulate", "leak", reason, {"first": suspect.counts[0], "last": suspect.counts[-1]})


def locals_are_in_use(suspect: Suspect, context: Context) -> Evidence | None:
    """The locals are the same objects as before with other contents: working state, not a payload left over."""
    if suspect.kind != SuspectKind.IDLE_FRAMES or suspect.facts["in_use"] < IN_USE_SHARE:
        return None
    share = float(suspect.facts["in_use"])
    reason = f"{share:.0%} of it changed inside the same objects since the snapshot before: it is working state in use"
    return Evidence("locals-are-in-use", "not-a-leak", reason, {"in_use_share": share})


def lone_frame(suspect: Suspect, context: Context) -> Evidence | None:
    """Only one frame of the function waits, and always has: what it holds is as likely its working state."""
    if suspect.kind != SuspectKind.IDLE_FRAMES or context.history.count < 2 or max(suspect.counts) > 1:
        return None
    names = ", ".join(name for name, _, _ in suspect.facts["variables"])
    reason = f"only one frame of this function waits: {names} may be its working state (delete what it needs no more)"
    return Evidence("lone-frame", "not-a-leak", reason, {"frames": 1})
