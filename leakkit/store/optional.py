"""Sections that a snapshot file may have or lack: what probes added."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from leakkit.probe_model import Allocations, ProbeResult, WindowFacts
from leakkit.store.blocks import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from leakkit.snapshot_model import Snapshot

    Texts = Callable[[str], tuple[str, ...]]

_ROWS: Final = {"node": "<i4", "bytes": "<i8", "blocks": "<i4", "stack": "<i4"}
_STACKS: Final = {"stack_start": "<i8", "frame": "<i4"}
_FRAMES: Final = {"frame_function": "<i4", "frame_file": "<i4", "frame_line": "<i4"}
_OBJECTS: Final = {"stack_library": "<i4", "stack_extension": "<i4"}
"""One string for each stack."""
_COLUMNS: Final = {**_ROWS, **_STACKS, **_FRAMES, **_OBJECTS}


def columns(snapshot: Snapshot) -> Iterator[tuple[str, NDArray[Any], str]]:
    """The optional blocks of a snapshot, strings left out, as (name, column, dtype)."""
    found = snapshot.allocations
    record: dict[str, Any] = {"probes": [dataclasses.asdict(result) for result in snapshot.probes]}
    if found is not None:
        record["window"] = dataclasses.asdict(found.facts)
        for name, dtype in _COLUMNS.items():
            yield f"allocations.{name}", getattr(found, name), dtype
    if found is not None or snapshot.probes:
        yield "probes", np.frombuffer(json.dumps(record, ensure_ascii=True).encode(), np.uint8), "u1"


def read(blocks: Mapping[str, NDArray[Any]], texts: Texts, node_count: int) -> dict[str, Any]:
    """What the optional blocks hold, by the name of the snapshot's field.

    Args:
        blocks: all blocks of the file.
        texts: reads a table of strings by its name.
        node_count: objects of the graph.

    Raises:
        DamagedError: they are there and contradict each other.
    """
    block = blocks.get("probes")
    if block is None:
        return {}
    try:
        record = json.loads(block.tobytes())
        probes = tuple(_result(row) for row in record["probes"])
        window = _window(record["window"]) if "window" in record else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedError("is damaged: what its probes say is not what it should be") from error
    if window is None:
        return {"probes": probes}
    return {"probes": probes, "allocations": _allocations(blocks, texts, node_count, window)}


def _result(row: dict[str, Any]) -> ProbeResult:
    name, status, reason, data = row["name"], row["status"], row["reason"], row["data"]
    if any(type(text) is not str for text in (name, status, reason)) or type(data) is not dict:
        raise TypeError(row)
    return ProbeResult(name, status, reason, data)


def _window(row: dict[str, Any]) -> WindowFacts:
    window = WindowFacts(**row)
    objects = window.objects.items()
    if any(len(pair) != 2 or any(type(number) is not int for number in pair) for _, pair in objects):
        raise TypeError(row)
    return window


def _allocations(blocks: Mapping[str, NDArray[Any]], texts: Texts, node_count: int, window: WindowFacts) -> Allocations:
    found = {}
    for name, dtype in _COLUMNS.items():
        column = blocks.get(f"allocations.{name}")
        if column is None or column.dtype != np.dtype(dtype):
            raise DamagedError(f"is damaged: it has no block 'allocations.{name}'")
        found[name] = column
    strings = texts("allocations.strings")
    starts, frames = found["stack_start"], len(found["frame_function"])
    same = [{len(found[name]) for name in names} for names in (_ROWS, _FRAMES)]
    same.append({len(starts) - 1, *(len(found[name]) for name in _OBJECTS)})
    if any(len(lengths) > 1 for lengths in same) or not len(starts) or starts[0] or starts[-1] != len(found["frame"]):
        raise DamagedError("is damaged: columns of allocations differ in length")
    limits = (
        ("node", -1, node_count),
        ("stack", 0, len(starts) - 1),
        ("frame", 0, frames),
        ("frame_function", 0, len(strings)),
        ("frame_file", 0, len(strings)),
        *((name, 0, len(strings)) for name in _OBJECTS),
    )
    for name, low, end in limits:
        column = found[name]
        if len(column) and (int(column.min()) < low or int(column.max()) >= end):
            raise DamagedError(f"is damaged: allocations.{name} are out of range")
    if (np.diff(starts) < 0).any() or (len(found["bytes"]) and int(found["bytes"].min()) < 0):
        raise DamagedError("is damaged: a size of allocations is below zero")
    return Allocations(**found, strings=strings, facts=window)
