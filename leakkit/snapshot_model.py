"""What a snapshot holds: the frozen record that ``store`` saves and ``heap`` and ``diagnose`` read.

Big parts are columns (numpy arrays of one length), small parts are plain records.  A *node* is an
object's row number in :class:`HeapGraph`; -1 stands for "no such node".  A *string* column holds
indexes into ``HeapGraph.strings``; 0 is the empty string.  Sizes are bytes, times seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from leakkit.probe_model import Allocations, ProbeResult

    I8 = NDArray[np.int8]
    U8 = NDArray[np.uint8]
    U16 = NDArray[np.uint16]
    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]
    U64 = NDArray[np.uint64]


class EdgeKind(IntEnum):
    """How one object refers to another (the low seven bits of ``HeapGraph.edge_kind``)."""

    INTERNAL = 0
    """A reference of C code that has no name."""
    ATTRIBUTE = 1
    """Instance attribute, slot or C-level member; named."""
    KEY = 2
    """Value of a dict under a named (str) key."""
    VALUE = 3
    """Value of a dict under a key that has no name here (not a str, or past the naming bound)."""
    DICT_KEY = 4
    """The key object of a dict entry."""
    INDEX = 5
    """Element of a list, tuple, deque or other sequence."""
    ITEM = 6
    """Element of a set."""
    LOCAL = 7
    """Local variable of a frame, coroutine or generator; named."""
    CELL = 8
    """From the closure tuple to the cell; named after the free variable."""
    DEFAULT = 9
    """From the defaults tuple or dict to a default value; named after the parameter."""
    TYPE = 10
    """From an instance to its class."""
    WEAK = 11
    """A weak reference to its referent: never retains."""
    BASE = 12
    """From a view to the object whose buffer it shows (``ndarray.base``), where the collector does not see it."""


EDGE_KIND_MASK = 0x7F
EDGE_EXTRA = 0x80
"""Bit of ``edge_kind``: not reported by ``tp_traverse``, so it must not enter trial deletion.  Extra edges do
retain, but for WEAK ones."""


class NodeFlag(IntFlag):
    """Facts of one object (``HeapGraph.flags``)."""

    TRACKED = 1
    """In a generation of the collector, or frozen."""
    FINALIZER = 2
    """Its type has ``__del__`` or a C ``tp_finalize``."""
    FINALIZED = 4
    """Its finalizer has run already."""
    LEGACY_DEL = 8
    """Its type has a legacy ``tp_del``: the collector never frees it in a cycle."""
    IMMORTAL = 16
    """Never freed (3.12+)."""
    AGENT = 32
    """Made by the agent itself in the copy; not part of the target."""


class Generation(IntEnum):
    """Where the collector keeps an object (``HeapGraph.generation``)."""

    UNTRACKED = -1
    YOUNG = 0
    MIDDLE = 1
    OLD = 2
    FROZEN = 3


@dataclass(frozen=True, eq=False)
class HeapGraph:
    """The heap as columns: n objects in ascending address order and m references in CSR form.

    ``edge_target[edge_start[i]:edge_start[i + 1]]`` are the nodes that node i refers to.
    """

    address: U64
    type_id: I32
    """Index into ``types``."""
    size: I64
    """Shallow size as ``sys.getsizeof`` says, without running Python code."""
    refcount: I64
    """True reference count: what the agent itself added is subtracted; a huge number when immortal."""
    generation: I8
    flags: U16
    edge_start: I64
    """Length n + 1."""
    edge_target: I32
    edge_name: I32
    edge_kind: U8
    types: tuple[str, ...]
    """Type names, ``module.qualname`` (``builtins.`` left out)."""
    type_node: I32
    """For each type, the node of the class object, or -1."""
    strings: tuple[str, ...]

    @property
    def node_count(self) -> int:
        """How many objects."""
        return len(self.address)

    @property
    def edge_count(self) -> int:
        """How many references."""
        return len(self.edge_target)


class RootKind(IntEnum):
    """Why an object is a root, in the order in which paths prefer them."""

    MODULE = 0
    """An entry of ``sys.modules``; named after the module."""
    THREAD = 1
    """A local of a running frame; see ``Roots.frame``."""
    TASK = 2
    """An asyncio task that the running loop or its selector, timers or futures hold."""
    INTERPRETER = 3
    """Builtins, codec registries, atexit, import machinery, thread state dicts, contexts."""
    C_HELD = 4
    """Held from outside the heap graph: C globals, C objects the collector cannot see.  Found by ``heap``."""


@dataclass(frozen=True, eq=False)
class Roots:
    """Where reachability starts; one row a root."""

    node: I32
    kind: U8
    name: I32
    """String: module name, local variable, or what the interpreter uses it for."""
    frame: I32
    """Row of ``Snapshot.frames`` for THREAD roots, else -1."""


class FrameState(IntEnum):
    """State of a row of :class:`Frames`."""

    RUNNING = 0
    SUSPENDED = 1
    CREATED = 2
    FINISHED = 3


class FrameKind(IntEnum):
    """What a row of :class:`Frames` belongs to."""

    THREAD = 0
    COROUTINE = 1
    GENERATOR = 2
    ASYNC_GENERATOR = 3
    TRACEBACK = 4
    """A dead frame that only a traceback or another reference keeps."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Running frames, and the suspended frames of coroutines and generators; one row each."""

    node: I32
    """The coroutine, generator or (TRACEBACK) frame object; -1 for running frames without one."""
    kind: U8
    state: U8
    function: I32
    """String: qualified name of the code."""
    module: I32
    """String: ``__name__`` of its globals."""
    file: I32
    first_line: I32
    line: I32
    """Current line; 0 when unknown."""
    instruction: I32
    """``f_lasti``: the same number twice means the frame did not move."""
    thread: I32
    """Row of ``Snapshot.threads`` for running frames, else -1."""


@dataclass(frozen=True, eq=False)
class Functions:
    """Python functions, so that closures, defaults and caches can be named; one row each."""

    node: I32
    module: I32
    name: I32
    """String: qualified name."""
    file: I32
    line: I32


@dataclass(frozen=True, eq=False)
class Bounds:
    """Holders that declare a limit (``lru_cache`` maxsize, ``deque`` maxlen, a ``maxsize`` attribute)."""

    node: I32
    """The container, or the instance that has the attribute."""
    bound: I64
    """The limit; -1 for "declared unbounded"."""
    used: I64
    """Entries now; -1 when unknown."""
    label: I32
    """String: ``maxlen``, ``maxsize``, ``lru_cache maxsize``, ..."""


@dataclass(frozen=True, eq=False)
class Views:
    """Objects that show part of another object's buffer; one row each."""

    node: I32
    target: I32
    """The buffer's owner, or the string, or -1 when it is not in the graph."""
    extent: I64
    """Bytes of the target that the view shows."""


@dataclass(frozen=True)
class ModuleInfo:
    """One entry of ``sys.modules``."""

    name: str
    node: int
    file: str | None


@dataclass(frozen=True)
class ThreadInfo:
    """One thread of the target."""

    name: str
    ident: int
    native_id: int | None
    daemon: bool | None
    stack: tuple[tuple[str, str, int], ...]
    """(function, file, line), innermost first."""


@dataclass(frozen=True)
class TaskInfo:
    """One asyncio task."""

    name: str
    node: int
    coroutine: int
    """Node of its coroutine, or -1."""
    state: str
    """``pending``, ``done``, ``cancelled`` or ``failed``."""
    function: str
    file: str
    line: int


@dataclass(frozen=True)
class Distribution:
    """An installed distribution of the target."""

    name: str
    version: str
    paths: tuple[str, ...]
    """Absolute files or folders (top-level packages) that belong to it."""


@dataclass(frozen=True)
class ProcessFacts:
    """The target as a process."""

    pid: int
    python: str
    command: str
    executable: str
    started_at: str
    """ISO 8601 UTC."""
    threads: int
    prefix: str
    stdlib: str
    """Folder of the standard library."""
    site_packages: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    extra: dict[str, Any] = field(default_factory=dict)
    """``interned_strings`` (count or None), ``gil`` (bool), ``debug`` (bool), ``atexit`` (count or None), ..."""


@dataclass(frozen=True)
class CollectorState:
    """The collector as the target had it when it was copied."""

    enabled: bool
    thresholds: tuple[int, ...]
    counts: tuple[int, ...]
    stats: tuple[dict[str, int], ...]
    """``gc.get_stats()``: collections, collected, uncollectable per generation."""
    frozen: int
    regime: str
    """``generational``, ``incremental`` or ``free-threaded``."""
    collecting: bool | None = None
    long_lived_total: int | None = None
    long_lived_pending: int | None = None


@dataclass(frozen=True)
class MemoryFacts:
    """Where the process's resident memory is, in bytes; None where it could not be learned."""

    rss: int
    anonymous: int
    """Resident private anonymous memory, stacks excluded."""
    file_mapped: int
    """Resident pages that are backed by files (executable, libraries, data files, shared memory)."""
    stacks: int
    heap_segment: int
    """Resident part of ``[heap]``."""
    swap: int
    allocator: str
    """``glibc``, ``jemalloc``, ``tcmalloc``, ``mimalloc``, ``musl`` or ``unknown``."""
    malloc_in_use: int | None
    """mallinfo2: bytes in use (``uordblks`` + ``hblkhd``)."""
    malloc_free: int | None
    """mallinfo2: bytes free inside malloc (``fordblks``)."""
    malloc_mmapped: int | None
    pymalloc_arenas: int | None
    """Bytes of pymalloc arenas."""
    pymalloc_in_use: int | None
    pymalloc_free: int | None
    trimmable: int | None
    """What ``malloc_trim(0)`` gave back in the copy."""
    maps: tuple[tuple[str, int], ...]
    """Resident bytes by mapping name, largest first, at most 40."""


@dataclass(frozen=True)
class CaptureFacts:
    """How the snapshot was taken and what it cost the target."""

    taken_at: str
    """ISO 8601 UTC."""
    monotonic: float
    """Host's clock in seconds, for rates between snapshots of one run."""
    method: str
    """``agent-socket``, ``ptrace`` or ``remote-exec``."""
    walker: str
    """``python`` or ``native``."""
    pause_seconds: float
    """For how long no Python code ran in the target."""
    capture_seconds: float
    complete: bool
    copy_peak_bytes: int | None
    """Peak RSS of the copy."""
    disclosures: tuple[str, ...]
    """What the capture did to the target, in words."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One snapshot: a target at one moment."""

    file: str | None
    capture: CaptureFacts
    process: ProcessFacts
    collector: CollectorState
    memory: MemoryFacts
    graph: HeapGraph
    roots: Roots
    frames: Frames
    functions: Functions
    bounds: Bounds
    views: Views
    modules: tuple[ModuleInfo, ...]
    threads: tuple[ThreadInfo, ...]
    tasks: tuple[TaskInfo, ...]
    values: dict[int, str]
    """Node to preview; empty unless the capture opted in."""
    warnings: tuple[str, ...]
    allocations: Allocations | None = None
    """Where its objects were allocated, when that was recorded."""
    probes: tuple[ProbeResult, ...] = ()
