"""Which shared objects the C frames of a recorded window lie in.

memray's reader gives C frames their symbols, which stripped wheels do not have, and no shared object.  Its ``parse``
command prints the instruction pointers and the address ranges that the linker had: they are joined here.
"""

from __future__ import annotations

import re
import subprocess
import sys
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Blamed = tuple[str, str]
"""(the innermost shared object that is not part of the run time, the innermost Python extension); "" where none is."""

_RUN_TIME: Final = re.compile(
    r"(ld-|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|util|jemalloc|tcmalloc|mimalloc|unwind|python\d)[-.0-9]|_memray\.|python"
    r"[\d.]*$|linux-vdso|\[)"
)
"""File names of what allocates on behalf of others: the C library, the allocators, the interpreter, the tracer."""

_EXTENSION: Final = re.compile(r"\.(cpython-|abi3\.|so$)|/(site|dist)-packages/|/lib-dynload/")


def is_run_time(path: str) -> bool:
    """Whether a shared object is the interpreter, the C library, an allocator or the tracer itself."""
    return _RUN_TIME.match(path.rpartition("/")[2]) is not None


def is_extension(path: str) -> bool:
    """Whether a shared object is a Python extension or was shipped beside one."""
    return _EXTENSION.search(path) is not None and ".so" in path.rpartition("/")[2]


@dataclass
class SharedObjects:
    """Frames and address ranges of one window; ``of`` says who is behind a stack."""

    pointer: array[int] = field(default_factory=lambda: array("Q"))
    """Instruction pointer of each C frame, in the order of memray's numbers, which begin at 1."""
    caller: array[int] = field(default_factory=lambda: array("q"))
    """Number of the frame that called it; 0 none."""
    maps: list[list[tuple[int, int, str]]] = field(default_factory=list)
    """(first address, end, file), ascending, for each generation of the linker's map, which begin at 1."""

    def __post_init__(self) -> None:
        self.file_at = cache(self._file_at)
        self.of = cache(self._of)

    def _file_at(self, generation: int, address: int) -> str:
        if not 0 < generation <= len(self.maps):
            return ""
        ranges = self.maps[generation - 1]
        place = bisect_right(ranges, (address, 1 << 64, "")) - 1
        return ranges[place][2] if place >= 0 and address < ranges[place][1] else ""

    def _of(self, frame: int, generation: int) -> Blamed:
        """Who is behind the C stack whose innermost frame has this number."""
        library = extension = ""
        seen = 0
        while 0 < frame <= len(self.pointer) and seen < len(self.pointer):
            path = self.file_at(generation, self.pointer[frame - 1] - 1)  # a return address: the call is before it
            if path and not is_run_time(path):
                library = library or path
                if is_extension(path):
                    return library, path
            frame, seen = self.caller[frame - 1], seen + 1
        return library, extension


def read_shared_objects(file: Path) -> SharedObjects:
    """Read frames and address ranges of a window that recorded C stacks.

    Args:
        file: as memray wrote it.

    Raises:
        OSError: memray cannot print it.
    """
    command = [sys.executable, "-P", "-m", "memray", "parse", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parser:
        try:
            found = _parse(parser.stdout or ())
        except BaseException:
            parser.kill()
            raise
    if parser.returncode:
        raise OSError(parser.returncode, "memray parse failed")
    return found


def _parse(lines: Iterable[bytes]) -> SharedObjects:
    found = SharedObjects()
    name, base = "", 0
    for line in lines:
        if line.startswith(b"NATIVE_FRAME_ID "):
            pointer, caller = line.split()[1:3]
            found.pointer.append(int(pointer.partition(b"=")[2], 16))
            found.caller.append(int(caller.partition(b"=")[2]))
        elif line.startswith(b"SEGMENT ") and found.maps:
            start, size = line.split()[1:3]
            first = base + (0 if start == b"(nil)" else int(start, 16))
            found.maps[-1].append((first, first + int(size, 16), name))
        elif line.startswith(b"SEGMENT_HEADER "):
            text = line.decode("utf-8", "replace").strip().removeprefix("SEGMENT_HEADER filename=")
            name, _, rest = text.rpartition(" num_segments=")
            address = rest.partition("addr=")[2]
            base = int(address, 16) if address.startswith("0x") else 0
        elif line.startswith(b"MEMORY_MAP_START"):
            found.maps.append([])
    for ranges in found.maps:
        ranges.sort()
    return found
