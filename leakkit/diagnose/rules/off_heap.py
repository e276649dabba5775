"""Evidence about memory that no Python object accounts for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import in_bytes
from leakkit.model import Evidence, HolderKind, Retention

if TYPE_CHECKING:
    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect


def trial_trim(suspect: Suspect, context: Context) -> Evidence | None:
    """What malloc_trim(0) gave back in the copy, and how much the allocators hold free."""
    if suspect.kind != SuspectKind.SLACK:
        return None
    memory = context.history.last.snapshot.memory
    free = (memory.malloc_free or 0) + (memory.pymalloc_free or 0)
    reason = f"the allocators hold {in_bytes(free)} that nobody uses"
    if memory.trimmable is not None:
        reason += f"; malloc_trim(0), tried in the copy, gave back {in_bytes(memory.trimmable)}"
    return Evidence(
        "trial-trim", HolderKind.ALLOCATOR_SLACK, reason, {"free": free, "trimmable": memory.trimmable or 0}
    )


def _reused(suspect: Suspect) -> int | None:
    """The least slack after a larger one, when it fell to less than half; None when it never did."""
    highest = suspect.sizes[0]
    for size in suspect.sizes[1:]:
        if size < highest // 2:
            return size
        highest = max(highest, size)
    return None


def slack_stays(suspect: Suspect, context: Context) -> Evidence | None:
    """The slack does not shrink between the snapshots."""
    if suspect.kind != SuspectKind.SLACK or context.history.count < 2 or _reused(suspect) is not None:
        return None
    if suspect.sizes[-2] < suspect.size // 2 and not context.history.grows(suspect.sizes):
        return None
    series = " → ".join(in_bytes(size) for size in suspect.sizes)
    return Evidence("slack-stays", "leak", f"it does not shrink: {series}", {"first_bytes": suspect.sizes[0]})


def slack_is_reused(suspect: Suspect, context: Context) -> Evidence | None:
    """The slack fell between two snapshots: the program uses it again."""
    least = _reused(suspect) if suspect.kind == SuspectKind.SLACK and context.history.count > 1 else None
    if least is None:
        return None
    reason = f"it fell to {in_bytes(least)} between two snapshots: the program uses this memory again"
    return Evidence("slack-is-reused", "not-a-leak", reason, {"least_bytes": least})


def native_grows(suspect: Suspect, context: Context) -> Evidence | None:
    """Memory in use grows while Python's objects do not explain it."""
    if suspect.kind != SuspectKind.NATIVE:
        return None
    objects = [moment.figures.total for moment in context.history.moments]
    reason = (
        f"{in_bytes(suspect.sizes[-1] - suspect.sizes[0])} more are in use than the first time, while Python's objects "
        f"changed by {in_bytes(objects[-1] - objects[0])}: native code allocates it"
    )
    grown = float(suspect.sizes[-1] - suspect.sizes[0])
    numbers = {"native_growth": grown, "object_growth": float(objects[-1] - objects[0])}
    return Evidence("native-grows", Retention.OFF_HEAP, reason, numbers)


def native_extension(suspect: Suspect, context: Context) -> Evidence | None:
    """C stacks say whose memory stays: what is left of what an extension allocated, what was temporary, its peak."""
    behind = suspect.facts.get("extensions") if suspect.kind == SuspectKind.NATIVE else None
    allocations = context.history.last.snapshot.allocations
    if not behind or allocations is None:
        return None
    first = behind[0]
    seconds = allocations.facts.seconds
    reason = (
        f"{first.told} allocated {in_bytes(first.allocated)} in the {seconds:.3g} s that were recorded: "
        f"{in_bytes(first.left)} in {first.blocks:,} blocks stay and no object owns them, "
        f"{in_bytes(max(first.allocated - first.left, 0))} were temporary, at most {in_bytes(first.peak)} at one time"
    )
    if first.left > 1.5 * (suspect.sizes[-1] - suspect.sizes[0]):
        reason += " (reserved: what was not written to is not resident)"
    if rest := [f"{other.told} {in_bytes(other.left)}" for other in behind[1:3]]:
        reason += f"; also stays: {', '.join(rest)}"
    numbers = {
        "left_bytes": float(first.left),
        "allocated_bytes": float(first.allocated),
        "high_water_bytes": float(first.peak),
        "window_high_water_bytes": float(allocations.facts.peak_bytes),
    }
    return Evidence("native-extension", Retention.OFF_HEAP, reason, numbers)


def strings_are_interned(suspect: Suspect, context: Context) -> Evidence | None:
    """The table of interned strings grows, and on 3.12 nothing leaves it."""
    if suspect.kind != SuspectKind.INTERNED:
        return None
    python = context.history.last.snapshot.process.python
    forever = "; on 3.12 an interned string is immortal" if python.startswith("3.12") else ""
    reason = f"interned strings: {' → '.join(f'{count:,}' for count in suspect.counts)}{forever}"
    return Evidence(
        "strings-are-interned",
        HolderKind.INTERNED,
        reason,
        {"first": suspect.counts[0], "last": suspect.counts[-1]},
    )
