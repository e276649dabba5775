"""One line for each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import counted, in_bytes
from leakkit.model import HolderKind

if TYPE_CHECKING:
    from leakkit.diagnose.suspect import Suspect


def title_of(suspect: Suspect, kind: HolderKind) -> str:
    """What the finding is about, in the target's own names."""
    holder, size, count = suspect.place.holder, in_bytes(suspect.size), suspect.counts[-1]
    if suspect.kind == SuspectKind.IDLE_FRAMES:
        function, _, variable = holder.name.partition(" local ")
        return f"{counted(count, 'suspended frame')} of {function} pin {size} by local {variable} while they wait"
    if suspect.kind == SuspectKind.VIEWS:
        kept = "object trees" if "object tree" in suspect.facts["buffer_types"] else "buffers"
        return f"small views in {holder.name} keep {size} of {kept} alive"
    if kind == HolderKind.FROZEN:
        return f"{size} of dead objects are frozen: no collection looks at them"
    if suspect.kind == SuspectKind.GARBAGE:
        cycles = f"{counted(count, 'dead cycle')}" if count else "dead objects"
        return f"{size} in {cycles} wait for a full collection: {holder.name}"
    if suspect.kind == SuspectKind.SLACK:
        return f"the allocators keep {size} that the program has freed"
    if suspect.kind == SuspectKind.NATIVE:
        return f"{holder.name} allocated {in_bytes(suspect.saving)} between the snapshots and did not free it"
    if suspect.kind == SuspectKind.INTERNED:
        return f"{counted(count, 'interned string')}, about {size}, and growing"
    if kind == HolderKind.C_HELD:
        return f"{counted(count, f'{holder.name} object')} ({size}) are held by C code only"
    entries = f" in {count:,} entries" if count > 1 else ""
    verb = "holds" if suspect.kind == SuspectKind.LARGE else "keeps growing:"
    return f"{holder.name} {verb} {size}{entries}"
