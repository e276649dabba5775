"""Where every byte of resident memory is; the parts of a ledger add up to RSS.

Sources: ``/proc/PID/smaps`` for resident anonymous, file-backed and stack pages, ``mallinfo2`` and pymalloc's
arena figures for what the allocators hand out and keep, the heap graph for live objects and garbage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.constants import PYMALLOC_LIMIT
from leakkit.diagnose.units import in_bytes
from leakkit.model import Ledger, LedgerPart, LedgerPartId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.snapshot_model import I64, MemoryFacts, Snapshot

_Notes = dict[LedgerPartId, str]


@dataclass(frozen=True)
class HeapFigures:
    """What the heap graph says about one snapshot, in bytes of shallow size."""

    live: int
    garbage: int
    large: int
    """Of both, objects above pymalloc's limit: they are malloc's."""
    garbage_trustworthy: bool = True

    @property
    def total(self) -> int:
        """Live objects and garbage."""
        return self.live + self.garbage


def native_in_use(memory: MemoryFacts, heap: HeapFigures) -> int | None:
    """Bytes that C code has in use: malloc's in-use bytes without what Python objects take of them.

    None when the allocator does not tell.
    """
    if memory.malloc_in_use is None:
        return None
    arenas = memory.malloc_mmapped or 0 if memory.pymalloc_arenas is None else 0
    return max(memory.malloc_in_use - heap.large - arenas, 0)


def unaccounted(memory: MemoryFacts, heap: HeapFigures) -> int:
    """Anonymous bytes that neither objects nor free memory explain; the figure native growth is read from."""
    free = (memory.malloc_free or 0) + (memory.pymalloc_free or 0)
    return memory.anonymous - heap.total - free


def _split_unknown(memory: MemoryFacts) -> str:
    if memory.allocator == "glibc" and memory.malloc_in_use is not None:
        return ""
    return f"{memory.allocator}: the split between free and in use inside the allocator is not known"


def _objects(memory: MemoryFacts, heap: HeapFigures, room: int, notes: _Notes) -> tuple[int, int]:
    """Live and garbage bytes, scaled down together when more is allocated than resident."""
    if heap.total <= room or heap.total == 0:
        return heap.live, heap.garbage
    for part in (LedgerPartId.LIVE_OBJECTS, LedgerPartId.GARBAGE):
        notes[part] = (
            f"scaled: objects add up to {in_bytes(heap.total)}, of which {in_bytes(room)} can be resident "
            "(memory never touched, swapped out, or shared)"
        )
    live = room * heap.live // heap.total
    return live, room - live


def make_ledger(snapshot: Snapshot, heap: HeapFigures) -> Ledger:
    """The ledger of one snapshot; a part never goes below zero and the parts always sum to RSS."""
    memory = snapshot.memory
    notes: _Notes = {}
    rss = max(memory.rss, 0)
    file_mapped = min(max(memory.file_mapped, 0), rss)
    stacks = min(max(memory.stacks, 0), rss - file_mapped)
    room = rss - file_mapped - stacks
    live, garbage = _objects(memory, heap, room, notes)
    room -= live + garbage
    if not heap.garbage_trustworthy:
        notes[LedgerPartId.GARBAGE] = "not known for this snapshot; counted as live"
    unknown = _split_unknown(memory)
    wanted_native = native_in_use(memory, heap)
    native = min(wanted_native or 0, room)
    room -= native
    if unknown:
        notes[LedgerPartId.NATIVE] = notes[LedgerPartId.ALLOCATOR_FREE] = unknown
    wanted_free = max((memory.malloc_free or 0) + (memory.pymalloc_free or 0), 0)
    free = min(wanted_free, room)
    if free < wanted_free:
        notes.setdefault(
            LedgerPartId.ALLOCATOR_FREE,
            f"the allocators have {in_bytes(wanted_free)} free; what is not resident is left out",
        )
    room -= free
    amounts = {
        LedgerPartId.LIVE_OBJECTS: live,
        LedgerPartId.GARBAGE: garbage,
        LedgerPartId.ALLOCATOR_FREE: free,
        LedgerPartId.NATIVE: native,
        LedgerPartId.FILE_MAPPED: file_mapped,
        LedgerPartId.STACKS: stacks,
        LedgerPartId.UNEXPLAINED: room,
    }
    parts = tuple(LedgerPart(part, size, None, notes.get(part, "")) for part, size in amounts.items())
    return Ledger(rss, parts, snapshot.capture.taken_at)


def with_growth(ledgers: Sequence[Ledger], seconds: Sequence[float]) -> tuple[Ledger, ...]:
    """Each ledger with its parts' growth in bytes per second since the first one; unknown for the first."""
    if not ledgers:
        return ()
    first = ledgers[0]
    out = [first]
    for ledger, at in zip(ledgers[1:], seconds[1:], strict=True):
        span = at - seconds[0]
        parts = tuple(
            replace(p, growth_bytes_per_second=(p.bytes - first.part(p.id).bytes) / span if span > 0 else None)
            for p in ledger.parts
        )
        out.append(replace(ledger, parts=parts))
    return tuple(out)


def is_large(sizes: I64) -> NDArray[np.bool_]:
    """Which objects of those shallow sizes live in malloc rather than pymalloc."""
    return np.asarray(sizes > PYMALLOC_LIMIT)
