"""Finds memory that no Python path leads to: allocator slack, native growth, interned strings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from leakkit.diagnose.constants import NATIVE_FLOOR, SLACK_FLOOR, SLACK_SHARE
from leakkit.diagnose.extensions import extensions
from leakkit.diagnose.ledger import unaccounted
from leakkit.diagnose.owner import APPLICATION
from leakkit.diagnose.suspect import Place, Suspect, SuspectKind
from leakkit.model import Holder, HolderKind, PathStep

if TYPE_CHECKING:
    from leakkit.diagnose.history import History
    from leakkit.diagnose.ledger import HeapFigures
    from leakkit.diagnose.owner import Owners
    from leakkit.snapshot_model import MemoryFacts


BYTES_PER_STRING = (40, 1000)
"""New interned strings explain growth when it comes to so many bytes a string (an empty one has 41 to 49)."""

STRINGS_PER_MODULE = 2000
"""Importing a module interns its names: up to so many strings a new module are no news."""


def _place(kind: HolderKind, name: str, text: str) -> Place:
    return Place(Holder(kind, name), APPLICATION, text, f"off-heap:{kind}:{name}", (PathStep(name, text, None, True),))


TRIM_SHARE = 0.3
"""Where a trim returns less than this share of the slack, live blocks pin the pages of the rest."""


def slack_of(memory: MemoryFacts, figures: HeapFigures) -> int:
    """Bytes that a trim returns (tried out in the copy), or that the allocators hold free and resident."""
    free = (memory.malloc_free or 0) + (memory.pymalloc_free or 0)
    # After an earlier trim malloc counts pages as free that are not resident: objects take the first place.
    return max(memory.trimmable or 0, min(free, max(memory.anonymous - figures.total, 0)))


def slack(history: History) -> list[Suspect]:
    """A suspect for free memory that the allocators keep, when it is a fifth of the process."""
    sizes = tuple(slack_of(moment.snapshot.memory, moment.figures) for moment in history.moments)
    memory = history.last.snapshot.memory
    if sizes[-1] < max(SLACK_FLOOR, int(SLACK_SHARE * memory.rss)):
        return []
    place = _place(HolderKind.ALLOCATOR_SLACK, f"{memory.allocator} and pymalloc", "free memory inside the allocators")
    known = memory.trimmable is not None
    returnable = min(memory.trimmable or 0, sizes[-1]) if known else sizes[-1]
    pinned = returnable < TRIM_SHARE * sizes[-1]
    facts = {"saving_known": known, "returnable": returnable, "pinned": pinned}
    # What is pinned goes with the process that did the work.
    saving = sizes[-1] if pinned else returnable
    return [Suspect(SuspectKind.SLACK, place, (), tuple(1 for _ in sizes), sizes, saving, facts=facts)]


EXTENSION_SHARE = 0.5
"""An extension is the holder of native growth when so much of it is what it left."""


def native(history: History, owners: Owners, floor: int = NATIVE_FLOOR) -> list[Suspect]:
    """A suspect for memory in use that grows in every interval and that no object explains."""
    sizes = tuple(max(unaccounted(m.snapshot.memory, m.figures), 0) for m in history.moments)
    if len(sizes) < 2 or not history.grows(sizes) or sizes[-1] - sizes[0] < floor:
        return []
    objects = history.last.figures.total - history.moments[0].figures.total
    if sizes[-1] - sizes[0] < objects // 2:
        return []  # most of what grew are objects: their overhead is no native leak
    grown = sizes[-1] - sizes[0]
    place = _place(HolderKind.NATIVE_ALLOCATION, "native code", "memory in use that no Python object accounts for")
    behind = extensions(history.last.snapshot.allocations, owners)
    named = bool(behind) and behind[0].left >= EXTENSION_SHARE * grown
    if named:
        # The shape, and with it the fingerprint, stays what it is without C stacks.
        holder = replace(place.holder, name=behind[0].told)
        place = replace(place, holder=holder, owner=behind[0].owner)
    facts = {"extensions": behind, "named": named}
    return [Suspect(SuspectKind.NATIVE, place, (), tuple(1 for _ in sizes), sizes, grown, facts=facts)]


def interned(history: History, floor: int = NATIVE_FLOOR) -> list[Suspect]:
    """A suspect for a growing table of interned strings, as far as the growth of memory allows for it."""
    found = [moment.snapshot.process.extra.get("interned_strings") for moment in history.moments]
    counts = tuple(int(count) for count in found if isinstance(count, int))
    if len(counts) != history.count or not history.grows(counts):
        return []
    imported = len(history.last.snapshot.modules) - len(history.moments[0].snapshot.modules)
    if counts[-1] - counts[0] < STRINGS_PER_MODULE * max(imported, 0):
        return []
    unexplained = tuple(max(unaccounted(m.snapshot.memory, m.figures), 0) for m in history.moments)
    gained = unexplained[-1] - unexplained[0]
    added = counts[-1] - counts[0]
    if gained < floor or not BYTES_PER_STRING[0] * added <= gained <= BYTES_PER_STRING[1] * added:
        return []
    place = _place(HolderKind.INTERNED, "interned strings", "the interpreter's table of interned strings")
    per_string = gained / (counts[-1] - counts[0])
    sizes = tuple(int(per_string * count) for count in counts)
    return [Suspect(SuspectKind.INTERNED, place, (), counts, sizes, gained)]
