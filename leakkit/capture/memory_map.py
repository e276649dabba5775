"""Where a process's resident memory is, from ``/proc/PID/smaps``; and which malloc it uses.

The three parts ``anonymous``, ``file_mapped`` and ``stacks`` add up to ``rss``: each mapping's resident
pages are either anonymous (``Anonymous:``, which counts written pages of private file mappings too) or
backed by a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from leakkit.errors import CaptureFailed, NoSuchProcess, PermissionRefused

_HEADER = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)$")
_FIELD = re.compile(r"^(Rss|Anonymous|Swap): +(\d+) kB")
_DEFAULT_STACK_KIB = (8184, 8192)
_MAPS_KEPT = 40
_ALLOCATORS = (("jemalloc", "jemalloc"), ("tcmalloc", "tcmalloc"), ("mimalloc", "mimalloc"))


@dataclass(frozen=True)
class Mapping:
    """One line of the memory map with its resident pages; sizes are bytes."""

    start: int
    end: int
    permissions: str
    name: str
    rss: int
    anonymous: int
    swap: int


@dataclass(frozen=True)
class MapFacts:
    """What the memory map of a process says; sizes are bytes."""

    rss: int
    anonymous: int
    file_mapped: int
    stacks: int
    heap_segment: int
    swap: int
    allocator: str
    maps: tuple[tuple[str, int], ...]


def parse_smaps(text: str) -> list[Mapping]:
    """The mappings of an ``smaps`` text, in address order."""
    found: list[Mapping] = []
    header: re.Match[str] | None = None
    fields: dict[str, int] = {}

    def finish() -> None:
        if header is not None:
            start, end, permissions, name = header.groups()
            numbers = (fields.get(key, 0) * 1024 for key in ("Rss", "Anonymous", "Swap"))
            found.append(Mapping(int(start, 16), int(end, 16), permissions, name, *numbers))

    for line in text.splitlines():
        if match := _HEADER.match(line):
            finish()
            header, fields = match, {}
        elif field := _FIELD.match(line):
            fields[field[1]] = int(field[2])
    finish()
    return found


def detect_allocator(names: set[str]) -> str:
    """Which malloc a process uses, by the names of what it has mapped."""
    files = {name.rpartition("/")[2] for name in names}
    for needle, allocator in _ALLOCATORS:
        if any(needle in file for file in files):
            return allocator
    if any(file.startswith(("ld-musl", "libc.musl")) for file in files):
        return "musl"
    return "glibc" if any(re.match(r"libc(\.so\.6|-2\.\d+\.so)$", file) for file in files) else "unknown"


def summarise(mappings: list[Mapping], stack_pointers: tuple[int, ...] = ()) -> MapFacts:
    """Add the mappings up.

    Args:
        mappings: in address order.
        stack_pointers: where the threads' stack pointers are; a thread whose pointer is not known is found by
            the shape glibc gives a thread's stack, a guard page below 8 MiB.
    """
    anonymous = file_mapped = stacks = heap = swap = 0
    by_name: dict[str, int] = {}
    previous: Mapping | None = None
    for mapping in mappings:
        is_stack = _is_stack(mapping, previous, stack_pointers)
        if is_stack:
            stacks += mapping.rss
        else:
            anonymous += mapping.anonymous
            file_mapped += mapping.rss - mapping.anonymous
        if mapping.name == "[heap]":
            heap += mapping.rss
        swap += mapping.swap
        name = "[stack]" if is_stack else mapping.name or "[anonymous]"
        by_name[name] = by_name.get(name, 0) + mapping.rss
        previous = mapping
    largest = sorted(((name, size) for name, size in by_name.items() if size), key=lambda row: (-row[1], row[0]))
    return MapFacts(
        rss=anonymous + file_mapped + stacks,
        anonymous=anonymous,
        file_mapped=file_mapped,
        stacks=stacks,
        heap_segment=heap,
        swap=swap,
        allocator=detect_allocator(set(by_name)),
        maps=tuple(largest[:_MAPS_KEPT]),
    )


def _is_stack(mapping: Mapping, previous: Mapping | None, stack_pointers: tuple[int, ...]) -> bool:
    if mapping.name.startswith("[stack"):
        return True
    if mapping.name or not mapping.permissions.startswith("rw"):
        return False
    if any(mapping.start <= pointer < mapping.end for pointer in stack_pointers):
        return True
    guarded = previous is not None and previous.end == mapping.start and previous.permissions.startswith("---")
    return guarded and (mapping.end - mapping.start) // 1024 in range(_DEFAULT_STACK_KIB[0], _DEFAULT_STACK_KIB[1] + 1)


def _stack_pointers(pid: int) -> tuple[int, ...]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/syscall"):
        try:
            parts = path.read_text().split()
        except OSError:
            continue
        if len(parts) >= 3 and parts[-2].startswith("0x"):
            found.append(int(parts[-2], 16))
    return tuple(pointer for pointer in found if pointer)


def read_map(pid: int) -> MapFacts:
    """The memory map of a process, now.

    Raises:
        NoSuchProcess: it is gone.
        PermissionRefused: its ``smaps`` may not be read.
        CaptureFailed: ``smaps`` is empty or unreadable for another reason.
    """
    try:
        text = Path(f"/proc/{pid}/smaps").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError) as error:
        raise NoSuchProcess(f"there is no process {pid}") from error
    except PermissionError as error:
        raise PermissionRefused(
            f"the memory map of process {pid} may not be read", "run leakkit as its user or as root"
        ) from error
    except OSError as error:
        raise CaptureFailed(f"the memory map of process {pid} cannot be read: {error}") from error
    mappings = parse_smaps(text)
    if not mappings:
        raise NoSuchProcess(f"process {pid} has ended")
    return summarise(mappings, _stack_pointers(pid))
