"""What probes add to a snapshot: allocation stacks joined to objects, and what other tools say of the same heap.

Sizes are bytes, times seconds.  A *node* is an object's row in the snapshot's graph; -1 stands for none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]


C_FILE = "<C>"
"""What the file of a C frame begins with; its source file follows where it is known."""


@dataclass(frozen=True)
class WindowFacts:
    """How allocations were recorded."""

    source: str
    """``memray`` or ``tracemalloc``."""
    seconds: float
    """For how long; what was allocated before has no stack."""
    events: int
    """Allocations and frees that were recorded."""
    native: bool
    """Whether stacks have C frames, too."""
    ended: str
    """``asked``, ``time``, ``size`` (the file got too large) or ``exit``."""
    peak_bytes: int = 0
    """The most that allocations of the window took at one time (the high-water mark); 0 unknown."""
    objects: dict[str, list[int]] = field(default_factory=dict)
    """With C stacks, by shared object: bytes it allocated in the window, and the most it had at one time."""


@dataclass(frozen=True, eq=False)
class Allocations:
    """Blocks that were allocated in a window and not freed in it, by owner and stack; one row each.

    ``frame[stack_start[s]:stack_start[s + 1]]`` are the frames of stack s, innermost first.
    """

    node: I32
    """The object that the block is, or whose buffer it is; -1 when no object owns it."""
    bytes: I64
    blocks: I32
    stack: I32
    stack_start: I64
    """Length: stacks + 1."""
    frame: I32
    """Rows of the three columns below."""
    frame_function: I32
    """String."""
    frame_file: I32
    """String."""
    frame_line: I32
    """-1 for a frame of C code."""
    stack_library: I32
    """String for each stack: the shared object whose C code allocated, the C library and the interpreter left out."""
    stack_extension: I32
    """String for each stack: the Python extension through which it did."""
    strings: tuple[str, ...]
    facts: WindowFacts

    @property
    def stack_count(self) -> int:
        """How many different stacks."""
        return len(self.stack_start) - 1

    def frames_of(self, stack: int) -> list[tuple[str, str, int]]:
        """(function, file, line) of a stack, innermost first."""
        rows = self.frame[int(self.stack_start[stack]) : int(self.stack_start[stack + 1])].tolist()
        return [
            (
                self.strings[int(self.frame_function[row])],
                self.strings[int(self.frame_file[row])],
                int(self.frame_line[row]),
            )
            for row in rows
        ]


@dataclass(frozen=True)
class ProbeResult:
    """What became of one probe."""

    name: str
    status: str
    """``ok``, ``skipped`` or ``failed``."""
    reason: str = ""
    """Why it was skipped or failed, in one line."""
    data: dict[str, Any] = field(default_factory=dict)
    """Plain JSON, as the probe says it."""
