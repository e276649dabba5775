"""The native walk as the host sees it: the shared object, and its dump in the form that ``pack`` reads.

The object is built from ``leakkit/native/walk``; where it is missing or switched off, the agent walks in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.capture import native_lines
from leakkit.capture.native_own import without_own
from leakkit.capture.raw_dump import RawDump, damaged

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEEP_STACK = 200
"""Frames of one thread that are told."""


def as_python_dump(dump: RawDump, told: dict[str, Any]) -> RawDump:
    """A native dump in the form of a dump of the Python walk.

    Args:
        dump: as read.
        told: what the agent said beside it: ``own``, ``process`` and ``collector``.

    Raises:
        CaptureFailed: its parts contradict each other.
    """
    strings = _Strings(dump)
    columns, records = dict(dump.columns), dict(dump.records)
    _types(columns, records, strings)
    columns["extra_count"] = np.ones(len(dump.column("extra_node", "u8")), np.uint32)
    frames = _frames(dump, columns, _line_style(str(told["process"]["version"])))
    records["refs_added"] = 0
    kept = without_own(RawDump(columns, records), [int(item) for item in told["own"]])
    counts = dump.record("counts")
    collector = {**told["collector"], "collecting": bool(counts["collecting"])}
    for name in ("long_lived_total", "long_lived_pending"):
        if int(counts[name]) < 1 << 40:
            collector[name] = int(counts[name])
    records["facts"] = {
        "process": told["process"],
        "collector": collector,
        "memory": _memory(dump),
        "threads": _threads(dump, frames, strings),
        "tasks": _tasks(dump, frames, strings),
        "modules": _modules(dump, strings),
        "warnings": [],
        "objects": len(kept.rows[0]) if kept.rows else 0,
    }
    return kept


class _Strings:
    """Names by index, decoded when asked for."""

    def __init__(self, dump: RawDump) -> None:
        lengths = dump.column("string_length", "i8")
        self._blob = dump.column("string_bytes", "u1").tobytes()
        self._ends = np.cumsum(lengths)
        if not len(lengths) or int(self._ends[-1]) != len(self._blob):
            raise damaged("its strings do not fit their lengths")
        self._lengths = lengths

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self._ends):
            raise damaged("a name is not in its table")
        end = int(self._ends[index])
        return self._blob[end - int(self._lengths[index]) : end].decode("utf-8", "replace")


def _types(columns: dict[str, NDArray[Any]], records: dict[str, Any], strings: _Strings) -> None:
    """The table of types as one record."""
    table = RawDump(columns, records).table("type", node="u8", name="i8", module="i8", flags="u1", kind="u1")
    rows = []
    for node, name, module, flags, kind in zip(*(column.tolist() for column in table.values()), strict=True):
        label, home = strings[name], strings[module]
        rows.append([node, label if home in ("builtins", "?") else f"{home}.{label}", flags, kind])
    records["types"] = rows


def _line_style(version: str) -> int:
    """The form of the line tables of that version."""
    minor = int(version.split(".")[1])
    return {9: native_lines.LNOTAB, 10: native_lines.LINE_TABLE}.get(minor, native_lines.LOCATIONS)


def _frames(dump: RawDump, columns: dict[str, NDArray[Any]], style: int) -> dict[str, NDArray[Any]]:
    """The frames' columns, completed from their code objects."""
    code = dump.table("code", node="u8", file="u4", name="u4", first_line="i4", lines="i8")
    frames = dump.table(
        "frame", node="u8", kind="u1", state="u1", module="u4", name="u4", code="i8", instruction="i4", thread="i4"
    )
    which, tables = frames.pop("code"), dump.column("code_bytes", "u1").tobytes()
    if int(code["lines"].sum()) != len(tables) or (len(which) and int(which.max()) >= len(code["node"])):
        raise damaged("its code objects do not fit")
    frames["function"], frames["file"] = frames.pop("name"), code["file"][which]
    frames["first_line"] = code["first_line"][which]
    starts = np.cumsum(code["lines"]) - code["lines"]
    frames["line"] = np.array(
        [
            native_lines.line_at(tables[starts[c] : starts[c] + code["lines"][c]], first, at, style)
            for c, first, at in zip(
                which.tolist(), frames["first_line"].tolist(), frames["instruction"].tolist(), strict=True
            )
        ],
        np.int32,
    )
    for name in [name for name in columns if name.startswith(("frame_", "code_"))]:
        del columns[name]
    columns.update({f"frame_{name}": column for name, column in frames.items()})
    columns["code_node"] = code["node"]
    return frames


def _threads(dump: RawDump, frames: dict[str, NDArray[Any]], strings: _Strings) -> list[dict[str, Any]]:
    """Threads with their stacks, and the names that ``threading`` has for them."""
    table = dump.table("thread", ident="u8", native="u8", daemon="u1", name="i8")
    rows: list[dict[str, Any]] = []
    named, marker = {}, 1 << 63
    for ident, native, daemon, name in zip(*(column.tolist() for column in table.values()), strict=True):
        if ident & marker:
            named[ident ^ marker] = (strings[name], native or None, None if daemon > 1 else bool(daemon))
    stacks: dict[int, list[tuple[str, str, int]]] = {}
    for row in np.flatnonzero(frames["thread"] >= 0).tolist():
        stack = stacks.setdefault(int(frames["thread"][row]), [])
        if len(stack) < _KEEP_STACK:
            function, file = strings[int(frames["function"][row])], strings[int(frames["file"][row])]
            stack.append((function, file, int(frames["line"][row])))
    for ident in (item for item in table["ident"].tolist() if not item & marker):
        name, native, daemon = named.get(ident, ("", None, None))
        stack = stacks.get(len(rows), [])
        rows.append({"name": name, "ident": ident, "native_id": native, "daemon": daemon, "stack": stack})
    return rows


def _tasks(dump: RawDump, frames: dict[str, NDArray[Any]], strings: _Strings) -> list[dict[str, Any]]:
    """Tasks with the line their coroutine is at."""
    table = dump.table("task", node="u8", name="i8", coroutine="u8", state="u1", function="i8", code="i8")
    code = dump.table("code", file="i8", first_line="i8")
    line_of = dict(zip(frames["node"].tolist(), frames["line"].tolist(), strict=True))
    states, rows = ("pending", "cancelled", "done", "failed"), []
    for node, name, coroutine, state, function, which in zip(*(c.tolist() for c in table.values()), strict=True):
        row = {"name": strings[name], "node": node, "coroutine": coroutine, "state": states[min(state, 3)]}
        row.update(function=strings[function], file="", line=0)
        if which:
            row["file"] = strings[int(code["file"][which - 1])]
            row["line"] = line_of.get(coroutine, 0) or int(code["first_line"][which - 1])
        rows.append(row)
    return rows


def _modules(dump: RawDump, strings: _Strings) -> list[dict[str, Any]]:
    table = dump.table("module", node="u8", name="i8", file="i8")
    return [
        {"name": strings[name], "node": node, "file": strings[file] if file else None}
        for node, name, file in zip(*(column.tolist() for column in table.values()), strict=True)
    ]


def _memory(dump: RawDump) -> dict[str, Any]:
    """Allocator figures of the trial copy; absent where it had no answer."""
    out: dict[str, Any] = {}
    figures = dump.column("malloc_figures", "u8").tolist()
    if len(figures) == 6:
        done, in_use, free, mapped, before, after = figures
        if done & 1:
            out.update(malloc_in_use=in_use, malloc_free=free, malloc_mmapped=mapped)
        if done & 2 and before:  # without /proc the copy cannot see what a trim gave back
            out["trimmable"] = max(before - after, 0)
    rows: dict[str, int] = {}
    for line in dump.column("malloc_text", "u1").tobytes().decode("ascii", "replace").splitlines():
        name, equals, value = line.partition(" = ")
        value = value.strip().replace(",", "")
        if equals and value.isdigit():
            rows[name.strip().lstrip("# ")] = int(value)
    arenas = next((value for name, value in rows.items() if name.endswith("bytes/arena")), None)
    if arenas is not None:
        used = rows.get("bytes in allocated blocks")
        out.update(pymalloc_arenas=arenas, pymalloc_in_use=used)
        out["pymalloc_free"] = None if used is None else max(arenas - used, 0)
    return out
