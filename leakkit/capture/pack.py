"""Makes a :class:`Snapshot` of the agent's dump and of what the host sees of the process from outside."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.capture import memory_map, pack_tables
from leakkit.capture.allocations import join
from leakkit.capture.distributions import installed
from leakkit.capture.native_walk import as_python_dump
from leakkit.capture.pack_graph import Packed, build_graph
from leakkit.capture.pack_tasks import without_dead_tasks
from leakkit.capture.raw_dump import RawDump, damaged, read_dump
from leakkit.errors import NoSuchProcess
from leakkit.snapshot_model import (
    CaptureFacts,
    CollectorState,
    Generation,
    MemoryFacts,
    NodeFlag,
    ProcessFacts,
    Snapshot,
)

if TYPE_CHECKING:
    from leakkit.capture.allocations import Recorded
    from leakkit.capture.memory_map import MapFacts
    from leakkit.probe_model import Allocations

AGENT_FILES = (
    "start.py",
    "hold.py",
    "fork.py",
    "process.py",
    "native.py",
    "in_copy.py",
    "stdlib.py",
    "memory.py",
    "peek.py",
    "types_seen.py",
    "interpreter.py",
    "kinds.py",
    "dump_file.py",
    "borrowed.py",
    "extras.py",
    "walk.py",
    "shapes.py",
    "suspended.py",
    "instances.py",
    "names.py",
    "people.py",
    "roots.py",
    "buffers.py",
    "second.py",
)
"""The agent's files, which the host writes into the handover directory."""


@dataclass(frozen=True)
class HostFacts:
    """What the host read from ``/proc`` while the copy was walked."""

    pid: int
    method: str
    taken_at: str
    """ISO 8601 UTC."""
    monotonic: float
    """The host's clock in seconds."""
    command: str
    executable: str
    started_at: str
    threads: int
    root: str
    """What to put before a path of the target to reach it from here; empty when both see the same root."""
    memory: MapFacts


def collect_host_facts(pid: int, *, method: str) -> HostFacts:
    """Read the process from outside: its memory map, command, start time and root.

    Args:
        pid: the target.
        method: how it was entered: ``agent-socket``, ``ptrace`` or ``remote-exec``.

    Raises:
        NoSuchProcess: it is gone.
        PermissionRefused: its ``/proc`` entries may not be read.
    """
    monotonic, now = time.monotonic(), datetime.now(UTC)
    base = Path(f"/proc/{pid}")
    try:
        command = (base / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
        status = (base / "status").read_text(errors="replace")
        started_at = _started_at(base)
    except (FileNotFoundError, ProcessLookupError) as error:
        raise NoSuchProcess(f"there is no process {pid}") from error
    try:
        executable = str((base / "exe").readlink())
    except OSError:
        executable = ""
    threads = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("Threads:")), 0)
    return HostFacts(
        pid=pid,
        method=method,
        taken_at=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        monotonic=monotonic,
        command=command,
        executable=executable,
        started_at=started_at,
        threads=threads,
        root=_root(base),
        memory=memory_map.read_map(pid),
    )


def _started_at(base: Path) -> str:
    """Start of the process: boot time plus field 22 of ``stat``, in clock ticks (100 a second on Linux)."""
    ticks = int((base / "stat").read_text(errors="replace").rpartition(")")[2].split()[19])
    boot = next(
        int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime")
    )
    return datetime.fromtimestamp(boot + ticks / 100, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _root(base: Path) -> str:
    root = base / "root"
    try:
        theirs, ours = root.stat(), Path("/").stat()
    except OSError:
        return ""
    return "" if (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino) else str(root)


def build_snapshot(
    dump_path: Path,
    *,
    started: dict[str, Any],
    done: dict[str, Any],
    facts: HostFacts,
    recorded: Recorded | None = None,
) -> Snapshot:
    """Pack one capture.

    Args:
        dump_path: the agent's ``dump``.
        started: the parsed ``started.json``.
        done: the parsed ``done.json``.
        facts: from ``collect_host_facts``.
        recorded: what was allocated in a window that ended with this copy.

    Raises:
        CaptureFailed: the dump is damaged.
    """
    dump = read_dump(Path(dump_path))
    try:
        if started.get("walker") == "native":
            done = {**done, "peak_bytes": dump.record("counts")["memory"]}
            dump = as_python_dump(dump, started["native"])
        told = dump.record("facts")
        if not isinstance(told, dict):
            raise damaged("its facts are no record")
        return _assemble(dump, told, started, done, facts, recorded)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise damaged(f"{type(error).__name__}: {error}") from error


def _assemble(
    dump: RawDump,
    told: dict[str, Any],
    started: dict[str, Any],
    done: dict[str, Any],
    facts: HostFacts,
    recorded: Recorded | None,
) -> Snapshot:
    process = _process(told["process"], facts)
    version = pack_tables.version_of(process.python)
    packed = build_graph(dump, has_immortals=version >= (3, 12))
    warnings = [str(item) for item in (*started.get("warnings", ()), *told.get("warnings", ()))]
    if packed.dropped:
        warnings.append(f"{packed.dropped} references lead to objects that the collector did not list")
    return Snapshot(
        file=None,
        capture=CaptureFacts(
            taken_at=facts.taken_at,
            monotonic=facts.monotonic,
            method=facts.method,
            walker="native" if started.get("walker") == "native" else "python",
            pause_seconds=float(started.get("pause_seconds", 0.0)),
            capture_seconds=float(done.get("seconds", 0.0)) + float(started.get("pause_seconds", 0.0)),
            complete=bool(done.get("complete", True)),
            copy_peak_bytes=pack_tables.optional_int(done.get("peak_bytes")),
            disclosures=tuple(str(item) for item in started.get("disclosures", ())),
        ),
        process=process,
        collector=_collector(told["collector"], version, packed),
        memory=_memory(told["memory"], facts.memory),
        graph=packed.graph,
        roots=without_dead_tasks(packed.graph, pack_tables.roots(dump, packed)),
        frames=pack_tables.frames(dump, packed),
        functions=pack_tables.functions(dump, packed),
        bounds=pack_tables.bounds(dump, packed),
        views=pack_tables.views(dump, packed),
        modules=pack_tables.modules(told["modules"], packed),
        threads=pack_tables.threads(told["threads"]),
        tasks=pack_tables.tasks(told["tasks"], packed),
        values=pack_tables.values(dump, packed),
        warnings=tuple(warnings),
        allocations=None if recorded is None else _allocations(recorded, dump, packed),
    )


def _allocations(recorded: Recorded, dump: RawDump, packed: Packed) -> Allocations:
    """The recorded blocks with their owners."""
    owner, buffer = dump.column("buffer_node", "u8"), dump.column("buffer_at", "u8")
    if len(owner) != len(buffer):
        raise damaged("its buffers do not fit their owners")
    return join(recorded, packed.graph.address, packed.graph.size, packed.nodes(owner), buffer)


def _process(told: dict[str, Any], facts: HostFacts) -> ProcessFacts:
    path = tuple(str(item) for item in told["path"])
    site_packages = tuple(item for item in path if item.rstrip("/").endswith(("site-packages", "dist-packages")))
    extra = {name: told.get(name) for name in ("interned_strings", "gil", "debug", "atexit", "implementation")}
    return ProcessFacts(
        pid=facts.pid,
        python=str(told["version"]),
        command=facts.command,
        executable=facts.executable or str(told["executable"]),
        started_at=facts.started_at,
        threads=facts.threads,
        prefix=str(told["prefix"]),
        stdlib=str(told["stdlib"]),
        site_packages=site_packages,
        distributions=installed(site_packages, facts.root),
        extra=extra,
    )


def _collector(told: dict[str, Any], version: tuple[int, ...], packed: Packed) -> CollectorState:
    """The collector's state.

    ``frozen`` leaves out the immortal objects that 3.12 keeps with the frozen ones.
    """
    graph = packed.graph
    frozen = (graph.generation == Generation.FROZEN) & (graph.flags & NodeFlag.IMMORTAL == 0)
    return CollectorState(
        enabled=bool(told["enabled"]),
        thresholds=tuple(int(item) for item in told["thresholds"]),
        counts=tuple(int(item) for item in told["counts"]),
        stats=tuple(
            {str(key): int(value) for key, value in row.items() if isinstance(value, int)} for row in told["stats"]
        ),
        frozen=int(np.count_nonzero(frozen)),
        regime="incremental" if (3, 14, 0) <= version <= (3, 14, 4) else "generational",
        collecting=told.get("collecting"),
        long_lived_total=pack_tables.optional_int(told.get("long_lived_total")),
        long_lived_pending=pack_tables.optional_int(told.get("long_lived_pending")),
    )


def _memory(told: dict[str, Any], seen: MapFacts) -> MemoryFacts:
    """The map as the host saw it, the allocators as the copy did.

    Other mallocs than glibc's are not asked.
    """
    malloc = told if seen.allocator == "glibc" else {}
    return MemoryFacts(
        rss=seen.rss,
        anonymous=seen.anonymous,
        file_mapped=seen.file_mapped,
        stacks=seen.stacks,
        heap_segment=seen.heap_segment,
        swap=seen.swap,
        allocator=seen.allocator,
        malloc_in_use=pack_tables.optional_int(malloc.get("malloc_in_use")),
        malloc_free=pack_tables.optional_int(malloc.get("malloc_free")),
        malloc_mmapped=pack_tables.optional_int(malloc.get("malloc_mmapped")),
        pymalloc_arenas=pack_tables.optional_int(told.get("pymalloc_arenas")),
        pymalloc_in_use=pack_tables.optional_int(told.get("pymalloc_in_use")),
        pymalloc_free=pack_tables.optional_int(told.get("pymalloc_free")),
        trimmable=pack_tables.optional_int(malloc.get("trimmable")),
        maps=seen.maps,
    )


__all__ = ["AGENT_FILES", "HostFacts", "build_snapshot", "collect_host_facts"]
