"""Turns the raw dump's smaller tables and records into the snapshot's.

Roots, frames, functions, threads, tasks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.capture.raw_dump import RawDump, damaged
from leakkit.snapshot_model import Bounds, Frames, Functions, ModuleInfo, Roots, TaskInfo, ThreadInfo, Views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.capture.pack_graph import Packed


def version_of(text: str) -> tuple[int, ...]:
    """``3.14.0rc1`` as (3, 14, 0)."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def optional_int(value: Any) -> int | None:
    """The number, or None when there is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _named(column: NDArray[Any], packed: Packed) -> NDArray[np.int32]:
    if len(column) and (int(column.min()) < 0 or int(column.max()) >= len(packed.graph.strings)):
        raise damaged("a table names a string that is not there")
    return column.astype(np.int32)


def _node(packed: Packed, address: int) -> int:
    return int(packed.nodes(np.array([address], np.uint64))[0])


def roots(dump: RawDump, packed: Packed) -> Roots:
    """Roots whose object is in the graph; each (object, kind, name, frame) once."""
    table = dump.table("root", node="u8", kind="u1", name="i4", frame="i4")
    node = packed.nodes(table["node"])
    rows = np.stack([node, table["kind"].astype(np.int32), _named(table["name"], packed), table["frame"]], axis=1)
    rows = np.unique(rows[node >= 0], axis=0) if len(rows) else np.zeros((0, 4), np.int32)
    return Roots(
        node=np.ascontiguousarray(rows[:, 0], np.int32),
        kind=np.ascontiguousarray(rows[:, 1], np.uint8),
        name=np.ascontiguousarray(rows[:, 2], np.int32),
        frame=np.ascontiguousarray(rows[:, 3], np.int32),
    )


def frames(dump: RawDump, packed: Packed) -> Frames:
    """Running, suspended and kept frames."""
    fields = {"node": "u8", "kind": "u1", "state": "u1", "function": "i4", "module": "i4", "file": "i4"}
    fields |= {"first_line": "i4", "line": "i4", "instruction": "i4", "thread": "i4"}
    table = dump.table("frame", **fields)
    return Frames(
        node=packed.nodes(table["node"]),
        kind=table["kind"],
        state=table["state"],
        function=_named(table["function"], packed),
        module=_named(table["module"], packed),
        file=_named(table["file"], packed),
        first_line=table["first_line"],
        line=table["line"],
        instruction=table["instruction"],
        thread=table["thread"],
    )


def functions(dump: RawDump, packed: Packed) -> Functions:
    """Python functions."""
    table = dump.table("function", node="u8", module="i4", name="i4", file="i4", line="i4")
    node = packed.nodes(table["node"])
    keep = node >= 0
    return Functions(
        node=node[keep],
        module=_named(table["module"], packed)[keep],
        name=_named(table["name"], packed)[keep],
        file=_named(table["file"], packed)[keep],
        line=table["line"][keep],
    )


def bounds(dump: RawDump, packed: Packed) -> Bounds:
    """Declared limits."""
    table = dump.table("bound", node="u8", bound="i8", used="i8", label="i4")
    node = packed.nodes(table["node"])
    keep = node >= 0
    return Bounds(node[keep], table["bound"][keep], table["used"][keep], _named(table["label"], packed)[keep])


def views(dump: RawDump, packed: Packed) -> Views:
    """Views on other objects' buffers."""
    table = dump.table("view", node="u8", target="u8", extent="i8")
    node = packed.nodes(table["node"])
    keep = node >= 0
    return Views(node[keep], packed.nodes(table["target"])[keep], np.maximum(table["extent"][keep], 0))


def values(dump: RawDump, packed: Packed) -> dict[int, str]:
    """Previews by node; empty unless they were asked for."""
    table = dump.table("value", node="u8", text="i4")
    node, text = packed.nodes(table["node"]).tolist(), _named(table["text"], packed).tolist()
    return {row: packed.graph.strings[index] for row, index in zip(node, text, strict=True) if row >= 0}


def modules(rows: list[dict[str, Any]], packed: Packed) -> tuple[ModuleInfo, ...]:
    """Entries of ``sys.modules``."""
    return tuple(
        ModuleInfo(
            str(row["name"]),
            _node(packed, int(row["node"])),
            None if row["file"] is None else str(row["file"]),
        )
        for row in rows
    )


def threads(rows: list[dict[str, Any]]) -> tuple[ThreadInfo, ...]:
    """The target's threads."""
    return tuple(
        ThreadInfo(
            name=str(row["name"]),
            ident=int(row["ident"]),
            native_id=optional_int(row["native_id"]),
            daemon=row["daemon"] if isinstance(row["daemon"], bool) else None,
            stack=tuple((str(function), str(file), int(line)) for function, file, line in row["stack"]),
        )
        for row in rows
    )


def tasks(rows: list[dict[str, Any]], packed: Packed) -> tuple[TaskInfo, ...]:
    """The target's asyncio tasks."""
    return tuple(
        TaskInfo(
            name=str(row["name"]),
            node=_node(packed, int(row["node"])),
            coroutine=_node(packed, int(row["coroutine"])),
            state=str(row["state"]),
            function=str(row["function"]),
            file=str(row["file"]),
            line=int(row["line"]),
        )
        for row in rows
    )
