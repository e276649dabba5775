"""Reads what memray recorded and joins the blocks that are still there to the objects of the heap graph."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from leakkit.capture.shared_objects import SharedObjects, read_shared_objects
from leakkit.probe_model import C_FILE, Allocations, WindowFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from leakkit.capture.shared_objects import Blamed

_MOST_FRAMES: Final = 60
_MOST_C_FRAMES: Final = 240
"""C and Python frames together, before those of the interpreter are left out."""
_SAY_EVERY: Final = 5.0
_LOOK_EVERY: Final = 1 << 16
_FREES: Final = ("PYMALLOC_FREE", "FREE", "MUNMAP")
_OWN: Final = ("leakkit_window", "<string>")
"""Outermost Python function of the agent's thread, and its file."""

_INTERPRETER: Final = ("Objects/", "Python/", "Modules/", "Include/", "Parser/", "./")
"""Where the source files of the interpreter's own C frames lie."""

Stack = tuple[tuple[str, str, int], ...]
"""(function, file, line), innermost first."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """Blocks that were allocated in the window and not freed in it, in ascending order of address."""

    address: NDArray[np.uint64]
    size: NDArray[np.int64]
    stack: NDArray[np.int32]
    stacks: tuple[Stack, ...]
    facts: WindowFacts
    behind: tuple[Blamed, ...] = ()
    """For each stack, the shared objects behind it; empty without C stacks."""
    object: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    """Addresses of objects that were made in the window and are still there, where memray followed objects."""
    object_stack: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))


@dataclass
class _Replay:
    """All allocations and frees of a window, followed to its end."""

    blocks: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Address: (bytes, stack) of what is left."""
    shared: SharedObjects | None = None
    """What C frames lie in; None without C stacks."""
    numbers: dict[Any, int] = field(default_factory=dict)
    """memray's number of a stack to leakkit's."""
    examples: list[Any] = field(default_factory=list)
    """A record of each stack."""
    behind: list[Blamed] = field(default_factory=list)
    events: int = 0
    objects: dict[str, list[int]] = field(default_factory=dict)
    """Shared object: [bytes allocated, most at one time, bytes now]."""

    def number_of(self, record: Any) -> int:
        """The number of a record's stack."""
        key = record.stack_id
        if self.shared:
            key = (key, record.native_stack_id, record.native_segment_generation)
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.examples)
            self.examples.append(record)
            if self.shared:
                self.behind.append(self.shared.of(key[1], key[2]))
        return number


def read_recorded(file: Path, told: dict[str, Any], *, native: bool, report: Callable[[str], None]) -> Recorded:
    """Read memray's file.

    Args:
        file: as the Tracker wrote it.
        told: what the target said at the window's end.
        native: whether C stacks were recorded.
        report: gets a line now and then, for the file may have millions of records.

    Raises:
        OSError: memray cannot read it.
    """
    import memray

    if native:
        report("reading C stacks")
    shared = read_shared_objects(file) if native else None
    # It warns of shared objects that it cannot read symbols of: the native walk was only lent, and is gone.
    memray.set_log_level(logging.ERROR)  # type: ignore[attr-defined]
    with memray.FileReader(file) as reader:
        found = _replay(reader, shared, report)
        alive = _lifetimes(reader, found) if told.get("lifetimes") else {}
        peak = int(reader.metadata.peak_memory)
    address = np.fromiter(found.blocks, np.uint64, len(found.blocks))
    sizes, stacks = (np.fromiter((row[at] for row in found.blocks.values()), np.int64, len(address)) for at in (0, 1))
    order = np.argsort(address, kind="stable")
    objects = {name: numbers[:2] for name, numbers in found.objects.items() if name}
    ended = str(told.get("ended", "exit"))
    return Recorded(
        address[order],
        sizes[order],
        stacks[order].astype(np.int32),
        tuple(_stack(example, native=native) for example in found.examples),
        WindowFacts("memray", float(told.get("seconds", 0.0)), found.events, native, ended, peak, objects),
        tuple(found.behind),
        np.fromiter(alive, np.uint64, len(alive)),
        np.fromiter(alive.values(), np.int32, len(alive)),
    )


def _replay(reader: Any, shared: SharedObjects | None, report: Callable[[str], None]) -> _Replay:
    """Follow all allocations and frees."""
    import memray

    frees = {int(memray.AllocatorType[name]) for name in _FREES}
    found = _Replay(shared=shared)
    blocks, said = found.blocks, time.monotonic()
    for record in reader.get_allocation_records():
        found.events += 1
        if not found.events % _LOOK_EVERY and time.monotonic() > said + _SAY_EVERY:
            said = time.monotonic()
            report(f"reading allocations, {found.events:,} so far")
        if record.allocator in frees:
            gone = blocks.pop(record.address, None)
            if gone and shared:
                found.objects[found.behind[gone[1]][0]][2] -= gone[0]
            continue
        number = found.number_of(record)
        blocks[record.address] = (record.size, number)
        if shared:
            _count(found.objects.setdefault(found.behind[number][0], [0, 0, 0]), record.size)
    return found


def _lifetimes(reader: Any, found: _Replay) -> dict[int, int]:
    """Objects that were made in the window and are still there: address and stack."""
    alive: dict[int, int] = {}
    for record in reader.get_object_lifetime_events():
        if record.is_created:
            alive[record.address] = found.number_of(record)
        else:
            alive.pop(record.address, None)
    return alive


def _count(numbers: list[int], size: int) -> None:
    """Add an allocation to a shared object's figures."""
    numbers[0] += size
    numbers[2] += size
    numbers[1] = max(numbers[1], numbers[2])


def _stack(record: Any, *, native: bool) -> Stack:
    """Frames, innermost first; those of C code are marked, and those that say nothing are left out."""
    python = [(str(function), str(file), int(line)) for function, file, line in record.stack_trace(_MOST_FRAMES)]
    if not native:
        return tuple(python)
    seen, frames = 0, []
    for function, file, line in record.hybrid_stack_trace(_MOST_C_FRAMES):
        if (function, file, line) in python[seen:]:
            seen = python.index((function, file, line), seen) + 1
            frames.append((function, file, line))
        elif function != "<unknown>" and not file.startswith(_INTERPRETER):
            frames.append((function, f"{C_FILE} {file.replace('<unknown>', '')}".strip(), -1))
    return (*frames, *python[seen:])  # memray leaves out the outermost ones of a stack that is older than the window


def join(
    recorded: Recorded, nodes: NDArray[Any], sizes: NDArray[Any], owner: NDArray[Any], buffer: NDArray[Any]
) -> Allocations:
    """Give each block the object it belongs to.

    A block is an object's when the object's address lies in it: the head that the collector and an instance's dict put
    before the object does not matter then.  What is no object is the buffer of the one that points into it.

    Args:
        recorded: the blocks.
        nodes: addresses of the graph's objects, ascending.
        sizes: their sizes, bytes.
        owner: rows of the objects that own a buffer, -1 where the graph has none.
        buffer: the buffers' addresses, in the same order.
    """
    belongs = np.full(len(recorded.address), -1, np.int32)
    block = _blocks_at(recorded, buffer)
    known = (block >= 0) & (owner >= 0)
    belongs[block[known]] = owner[known]
    block = _blocks_at(recorded, nodes)
    inside = np.flatnonzero(block >= 0)[::-1]  # of several objects in a block, the first one has it
    belongs[block[inside]] = inside
    recorded, belongs = _with_objects(recorded, belongs, block, nodes, sizes)
    return _compact(*_without_own(recorded, belongs))


def _with_objects(
    recorded: Recorded,
    belongs: NDArray[np.int32],
    block: NDArray[np.int64],
    nodes: NDArray[Any],
    sizes: NDArray[Any],
) -> tuple[Recorded, NDArray[np.int32]]:
    """What followed objects add: who made an object whose place was allocated before, or by another that is gone.

    Args:
        recorded: the blocks.
        belongs: row of the object that each block belongs to.
        block: the block that each object lies in, or -1.
        nodes: addresses of the objects.
        sizes: their sizes.
    """
    place = np.minimum(np.searchsorted(nodes, recorded.object), max(len(nodes) - 1, 0))
    known = nodes[place] == recorded.object if len(nodes) else np.zeros(0, np.bool_)
    rows, made_by = place[known], recorded.object_stack[known]
    own = block[rows]
    stack = recorded.stack.copy()
    stack[own[own >= 0]] = made_by[own >= 0]
    rows, made_by = rows[own < 0], made_by[own < 0]
    # Its buffers may have been allocated in the window although its head was not.
    buffers = np.bincount(belongs[belongs >= 0], weights=recorded.size[belongs >= 0], minlength=len(nodes))
    rest = np.maximum(sizes[rows] - buffers[rows].astype(np.int64), 0)
    joined = replace(
        recorded,
        address=np.concatenate([recorded.address, nodes[rows].astype(np.uint64)]),
        size=np.concatenate([recorded.size, rest]),
        stack=np.concatenate([stack, made_by]),
    )
    return joined, np.concatenate([belongs, rows.astype(np.int32)])


def _blocks_at(recorded: Recorded, addresses: NDArray[Any]) -> NDArray[np.int64]:
    """Row of the block that an address lies in, or -1."""
    if not len(recorded.address):
        return np.full(len(addresses), -1, np.int64)
    place = np.searchsorted(recorded.address, addresses, side="right") - 1
    start = recorded.address[np.maximum(place, 0)]
    inside = (place >= 0) & (addresses - start < recorded.size[np.maximum(place, 0)].astype(np.uint64))
    return np.where(inside, place, -1)


def _without_own(recorded: Recorded, belongs: NDArray[np.int32]) -> tuple[Recorded, NDArray[np.int32]]:
    """Leave out what the window's own thread allocated."""
    own = [number for number, frames in enumerate(recorded.stacks) if any(frame[:2] == _OWN for frame in frames)]
    kept = ~np.isin(recorded.stack, own)
    columns = (recorded.address[kept], recorded.size[kept], recorded.stack[kept])
    return replace(recorded, address=columns[0], size=columns[1], stack=columns[2]), belongs[kept]


def _compact(recorded: Recorded, belongs: NDArray[np.int32]) -> Allocations:
    """One row for each owner and stack; only stacks that are used."""
    used, stack = np.unique(recorded.stack, return_inverse=True)
    key = (belongs.astype(np.int64) + 1) * max(len(used), 1) + stack
    rows, row_of = np.unique(key, return_inverse=True)
    sizes = np.zeros(len(rows), np.int64)
    np.add.at(sizes, row_of, recorded.size)
    strings: dict[str, int] = {"": 0}
    frames: dict[tuple[str, str, int], int] = {}
    flat: list[int] = []
    start = [0]
    for number in used.tolist():
        flat += [frames.setdefault(frame, len(frames)) for frame in recorded.stacks[number]]
        start.append(len(flat))
    names = [strings.setdefault(function, len(strings)) for function, _, _ in frames]
    files = [strings.setdefault(file, len(strings)) for _, file, _ in frames]
    behind = [recorded.behind[number] if recorded.behind else ("", "") for number in used.tolist()]
    objects = [[strings.setdefault(name, len(strings)) for name in names] for names in behind]
    library, extension = np.array(objects, np.int32).reshape(-1, 2).T
    return Allocations(
        node=(rows // max(len(used), 1) - 1).astype(np.int32),
        bytes=sizes,
        blocks=np.bincount(row_of, minlength=len(rows)).astype(np.int32),
        stack=(rows % max(len(used), 1)).astype(np.int32),
        stack_start=np.array(start, np.int64),
        frame=np.array(flat, np.int32),
        frame_function=np.array(names, np.int32),
        frame_file=np.array(files, np.int32),
        frame_line=np.array([line for _, _, line in frames], np.int32),
        stack_library=library,
        stack_extension=extension,
        strings=tuple(strings),
        facts=recorded.facts,
    )
