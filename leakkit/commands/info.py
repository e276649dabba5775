"""``leakkit info``: what is inside a snapshot file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path  # noqa: TC003 - Typer reads the annotation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leakkit.commands._console import emit, stdout_terminal
from leakkit.snapshot_model import FrameKind, FrameState, Generation, RootKind

if TYPE_CHECKING:
    from enum import IntEnum

    from numpy.typing import NDArray

    from leakkit.snapshot_model import HeapGraph, Snapshot

_MOST_TYPES = 15
_MOST_MAPS = 8


def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A snapshot file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Print what is inside a snapshot file.

    The target and its Python, how the snapshot was taken and what that cost, objects and references, the
    collector's state, the memory figures, the largest types, and the sections of the file.

    \b
    leakkit info a.leak
    leakkit info a.leak --json
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    from leakkit import store
    from leakkit.report.info import render_info

    facts = _facts(store.read(file), file)
    peek = store.peek(file)
    facts["snapshot"]["format_version"] = peek.version
    facts["sections"] = [dataclasses.asdict(section) for section in peek.sections]
    if as_json:
        emit(json.dumps(facts, indent=2, ensure_ascii=True) + "\n")
        return
    terminal = stdout_terminal()
    emit(render_info(facts, color=terminal.color, width=terminal.width, unicode=terminal.unicode))


def _facts(snapshot: Snapshot, file: Path) -> dict[str, Any]:
    """Groups of named facts; names that end in ``_bytes`` or ``_seconds`` say their unit."""
    capture, process, graph = snapshot.capture, snapshot.process, snapshot.graph
    memory = dataclasses.asdict(snapshot.memory)
    maps = memory.pop("maps")[:_MOST_MAPS]
    allocator = memory.pop("allocator")
    return {
        "snapshot": {
            "file": str(file),
            "size_bytes": file.stat().st_size,
            "taken_at": capture.taken_at,
            "method": f"{capture.method}, {capture.walker} walk in a copy",
            "pause_seconds": capture.pause_seconds,
            "capture_seconds": capture.capture_seconds,
            "copy_peak_bytes": capture.copy_peak_bytes,
            "complete": capture.complete,
        },
        "target": {
            "pid": process.pid,
            "python": process.python,
            "command": process.command,
            "executable": process.executable,
            "started_at": process.started_at,
            "threads": process.threads,
            "asyncio_tasks": len(snapshot.tasks),
            "modules": len(snapshot.modules),
            "distributions": len(process.distributions),
        },
        "heap": _heap_facts(snapshot),
        "collector": dataclasses.asdict(snapshot.collector),
        "memory": {
            "allocator": allocator,
            **{f"{name}_bytes": value for name, value in memory.items()},
        },
        "mappings": [{"name": name, "resident_bytes": size} for name, size in maps],
        "types": _largest_types(graph),
        "disclosures": list(capture.disclosures),
        "warnings": list(snapshot.warnings),
    }


def _heap_facts(snapshot: Snapshot) -> dict[str, Any]:
    graph = snapshot.graph
    return {
        "objects": graph.node_count,
        "references": graph.edge_count,
        "heap_bytes": int(graph.size.sum()),
        "types": len(graph.types),
        "names": len(graph.strings),
        "by_generation": _counts(graph.generation, Generation),
        "roots": _counts(snapshot.roots.kind, RootKind),
        "frames": _counts(snapshot.frames.kind, FrameKind),
        "frame_states": _counts(snapshot.frames.state, FrameState),
        "views": len(snapshot.views.node),
        "bounded_holders": len(snapshot.bounds.node),
        "value_previews": len(snapshot.values),
    }


def _counts(column: NDArray[Any], names: type[IntEnum]) -> dict[str, int]:
    """How often each value of an enumeration stands in a column."""
    counts = {member.name.lower().replace("_", "-"): int((column == member.value).sum()) for member in names}
    return {name: count for name, count in counts.items() if count}


def _largest_types(graph: HeapGraph) -> list[dict[str, Any]]:
    """The types whose objects' own sizes add up to most."""
    import numpy as np

    counts = np.bincount(graph.type_id, minlength=len(graph.types))
    sizes = np.bincount(graph.type_id, weights=graph.size, minlength=len(graph.types))
    order = np.argsort(-sizes, kind="stable")[:_MOST_TYPES]
    return [{"name": graph.types[i], "count": int(counts[i]), "bytes": int(sizes[i])} for i in order if counts[i]]
