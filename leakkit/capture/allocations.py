"""Reads what memray recorded and joins the blocks that are still there to the objects of the heap graph."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from leakkit.probe_model import Allocations, WindowFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_MOST_FRAMES: Final = 60
_SAY_EVERY: Final = 5.0
_LOOK_EVERY: Final = 1 << 16
_FREES: Final = ("PYMALLOC_FREE", "FREE", "MUNMAP")
_OWN: Final = ("leakkit_window", "<string>")
"""Outermost function of the agent's thread, and its file."""

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

    with memray.FileReader(file) as reader:
        live, examples, events = _replay(reader, native=native, report=report)
    stacks = tuple(_stack(example, native=native) for example in examples)
    order = np.argsort(np.frombuffer(live[0], np.uint64), kind="stable")
    facts = WindowFacts("memray", float(told.get("seconds", 0.0)), events, native, str(told.get("ended", "exit")))
    return Recorded(
        np.frombuffer(live[0], np.uint64)[order],
        np.frombuffer(live[1], np.int64)[order],
        np.frombuffer(live[2], np.int32)[order],
        stacks,
        facts,
    )


def _replay(
    reader: Any, *, native: bool, report: Callable[[str], None]
) -> tuple[tuple[array[int], array[int], array[int]], list[Any], int]:
    """Follow all allocations and frees: columns of what is left, a record for each stack, and how many there were."""
    import memray

    frees = {int(memray.AllocatorType[name]) for name in _FREES}
    blocks: dict[int, tuple[int, int]] = {}
    numbers: dict[Any, int] = {}
    examples: list[Any] = []
    events, said = 0, time.monotonic()
    for record in reader.get_allocation_records():
        events += 1
        if record.allocator in frees:
            blocks.pop(record.address, None)
            continue
        key = (record.stack_id, record.native_stack_id) if native else record.stack_id
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(examples)
            examples.append(record)
        blocks[record.address] = (record.size, number)
        if not events % _LOOK_EVERY and time.monotonic() > said + _SAY_EVERY:
            said = time.monotonic()
            report(f"reading allocations, {events:,} so far")
    sizes = array("q", (size for size, _ in blocks.values()))
    found = array("i", (number for _, number in blocks.values()))
    return (array("Q", blocks), sizes, found), examples, events


def _stack(record: Any, *, native: bool) -> Stack:
    frames = record.hybrid_stack_trace(_MOST_FRAMES) if native else record.stack_trace(_MOST_FRAMES)
    return tuple((str(function), str(file), int(line)) for function, file, line in frames)


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
    own = [number for number, frames in enumerate(recorded.stacks) if frames and frames[-1][:2] == _OWN]
    kept = ~np.isin(recorded.stack, own)
    columns = (recorded.address[kept], recorded.size[kept], recorded.stack[kept])
    return Recorded(*columns, recorded.stacks, recorded.facts), belongs[kept]


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
        strings=tuple(strings),
        facts=recorded.facts,
    )
