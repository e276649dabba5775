"""Reads what memray recorded and joins the blocks that are still there to the objects of the heap graph."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
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


@dataclass
class _Replay:
    """All allocations and frees of a window, followed to its end."""

    blocks: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Address: (bytes, stack) of what is left."""
    examples: list[Any] = field(default_factory=list)
    """A record of each stack."""
    behind: list[Blamed] = field(default_factory=list)
    events: int = 0
    objects: dict[str, list[int]] = field(default_factory=dict)
    """Shared object: [bytes allocated, most at one time, bytes now]."""


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

    shared = read_shared_objects(file) if native else None
    # It warns of shared objects that it cannot read symbols of: the native walk was only lent, and is gone.
    memray.set_log_level(logging.ERROR)  # type: ignore[attr-defined]
    with memray.FileReader(file) as reader:
        found = _replay(reader, shared, report)
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
    )


def _replay(reader: Any, shared: SharedObjects | None, report: Callable[[str], None]) -> _Replay:
    """Follow all allocations and frees."""
    import memray

    frees = {int(memray.AllocatorType[name]) for name in _FREES}
    found = _Replay()
    numbers: dict[Any, int] = {}
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
        key = record.stack_id
        if shared:
            key = (key, record.native_stack_id, record.native_segment_generation)
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(found.examples)
            found.examples.append(record)
            if shared:
                found.behind.append(shared.of(key[1], key[2]))
        blocks[record.address] = (record.size, number)
        if shared:
            _count(found.objects.setdefault(found.behind[number][0], [0, 0, 0]), record.size)
    return found


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


def join(recorded: Recorded, nodes: NDArray[Any], owner: NDArray[Any], buffer: NDArray[Any]) -> Allocations:
    """Give each block the object it belongs to.

    A block is an object's when the object's address lies in it: the head that the collector and an instance's dict put
    before the object does not matter then.  What is no object is the buffer of the one that points into it.

    Args:
        recorded: the blocks.
        nodes: addresses of the graph's objects, ascending.
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
    return _compact(*_without_own(recorded, belongs))


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
    return Recorded(*columns, recorded.stacks, recorded.facts, recorded.behind), belongs[kept]


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
