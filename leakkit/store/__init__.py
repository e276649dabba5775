r"""The snapshot file (``.leak``): the only code that knows the format and its version.

Layout, all numbers little-endian::

    "LEAKKIT\0", u32 version, u32 zero
    blocks: u32 length of the header, u32 CRC-32 of the header, header (JSON), payload
    the last block is called "end"

A block's header says name, dtype, count, codec (``zstd`` or ``raw``), transform (``plain``, or ``shuffle``:
the bytes of all items by their place in the item), stored and raw bytes, and the CRC-32 of the payload.
Columns are numpy arrays (addresses as differences, row starts as lengths); strings are one UTF-8 blob and a column
of lengths; small records are one JSON block.  Blocks of unknown names are passed over: what probes add is in blocks
that a file may lack (``optional.py``).

Reading executes nothing from the file, checks every size against the file before it allocates, and refuses
whatever is not consistent with :class:`~leakkit.errors.SnapshotFileError`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from leakkit.errors import SnapshotFileError
from leakkit.snapshot_model import (
    EDGE_KIND_MASK,
    Bounds,
    EdgeKind,
    Frames,
    Functions,
    HeapGraph,
    Roots,
    Snapshot,
    Views,
)
from leakkit.store import blocks, optional, records
from leakkit.store.blocks import VERSION, DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_HINT: Final = "take a new snapshot: leakkit snapshot PID"
_GRAPH: Final = {
    "address": "<u8",
    "type_id": "<i4",
    "size": "<i8",
    "refcount": "<i8",
    "generation": "i1",
    "flags": "<u2",
    "degree": "<u4",
    "edge_target": "<i4",
    "edge_name": "<i4",
    "edge_kind": "u1",
    "type_node": "<i4",
}
_TABLES: Final[dict[str, tuple[type[Any], dict[str, str]]]] = {
    "roots": (Roots, {"node": "<i4", "kind": "u1", "name": "<i4", "frame": "<i4"}),
    "frames": (
        Frames,
        {"node": "<i4", "kind": "u1", "state": "u1"}
        | dict.fromkeys(("function", "module", "file", "first_line", "line", "instruction", "thread"), "<i4"),
    ),
    "functions": (Functions, dict.fromkeys(("node", "module", "name", "file", "line"), "<i4")),
    "bounds": (Bounds, {"node": "<i4", "bound": "<i8", "used": "<i8", "label": "<i4"}),
    "views": (Views, {"node": "<i4", "target": "<i4", "extent": "<i8"}),
}
_STRING_COLUMNS: Final = frozenset({"name", "function", "module", "file", "label"})
_GENERATIONS: Final = 4
_MOST: Final = 2**31 - 1
"""Objects and references are numbered in 32 bits."""


@dataclass(frozen=True)
class Section:
    """One block of a file; sizes are bytes."""

    name: str
    bytes: int
    stored_bytes: int


@dataclass(frozen=True)
class Peek:
    """What can be said of a file without reading its columns."""

    version: int
    sections: tuple[Section, ...]


def write(snapshot: Snapshot, path: Path | str) -> None:
    """Write a snapshot to ``path``, readable by its owner only; aside first, so that nobody sees half a file.

    Raises:
        SnapshotFileError: the file cannot be written.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise SnapshotFileError(f"{path}: is not a regular file", "choose another place with -o FILE")
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(aside, flags, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                blocks.write_start(file)
                blocks.write_blocks(file, _columns(snapshot))
                file.flush()
                os.fsync(descriptor)
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror or error}"
        raise SnapshotFileError(message, "choose another place with -o FILE") from error


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _columns(snapshot: Snapshot) -> Iterator[tuple[str, NDArray[Any], str]]:
    """Everything a snapshot holds as (name, column, dtype)."""
    yield "facts", np.frombuffer(records.to_json(snapshot), np.uint8), "u1"
    graph = snapshot.graph
    for name, dtype in _GRAPH.items():
        column: NDArray[Any] = np.diff(graph.edge_start) if name == "degree" else getattr(graph, name)
        if name == "address" and len(column):
            column = np.diff(column, prepend=column.dtype.type(0))
        yield f"graph.{name}", column, dtype
    tables = [("graph.types", graph.types), ("graph.strings", graph.strings)]
    if snapshot.allocations is not None:
        tables.append(("allocations.strings", snapshot.allocations.strings))
    for name, texts in tables:
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        yield f"{name}.length", np.fromiter(map(len, encoded), np.uint32, len(encoded)), "<u4"
        yield f"{name}.text", np.frombuffer(b"".join(encoded), np.uint8), "u1"
    for table, (_, columns) in _TABLES.items():
        for name, dtype in columns.items():
            yield f"{table}.{name}", getattr(getattr(snapshot, table), name), dtype
    yield from optional.columns(snapshot)


def peek(path: Path | str) -> Peek:
    """Version and sections of a file, without reading the columns.

    Raises:
        SnapshotFileError: it cannot be read, is no snapshot, or is damaged.
    """
    with _opened(Path(path)) as (file, size):
        found = []
        for header in blocks.headers(file, size):
            found.append(Section(header["name"], header["raw"], header["stored"]))
            blocks.skip_payload(file, header)
        return Peek(VERSION, tuple(found))


def read(path: Path | str) -> Snapshot:
    """Read a snapshot; its ``file`` is ``path``.

    Raises:
        SnapshotFileError: it cannot be read, is no snapshot, is damaged, or is of another version.
    """
    with _opened(Path(path)) as (file, size), ThreadPoolExecutor(blocks.WORKERS) as pool:
        waiting = {
            header["name"]: pool.submit(blocks.unpack, header, blocks.read_payload(file, header))
            for header in blocks.headers(file, size)
        }
        return _assemble({name: column.result() for name, column in waiting.items()}, str(path))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The file behind its start; every error of reading becomes a ``SnapshotFileError`` that names it."""
    try:
        if path.exists() and not path.is_file():
            raise SnapshotFileError(f"{path}: is not a regular file", "give the path of a snapshot")
        with path.open("rb") as file:
            blocks.read_start(file)
            yield file, os.fstat(file.fileno()).st_size
    except DamagedError as error:
        raise SnapshotFileError(f"{path}: {error}", _HINT) from error
    except OSError as error:
        raise SnapshotFileError(f"{path}: cannot be read: {error.strerror or error}", "check the path") from error
    except MemoryError as error:
        raise SnapshotFileError(f"{path}: does not fit into memory", "read it on a larger machine") from error


def _column(columns: dict[str, NDArray[Any]], name: str, dtype: str) -> NDArray[Any]:
    found = columns.get(name)
    if found is None:
        raise DamagedError(f"is damaged: it has no block {name!r}")
    if found.dtype != np.dtype(dtype):
        raise DamagedError(f"is damaged: block {name!r} is of the wrong kind")
    return found


def _texts(columns: dict[str, NDArray[Any]], name: str) -> tuple[str, ...]:
    lengths = _column(columns, f"{name}.length", "<u4").astype(np.int64)
    blob = _column(columns, f"{name}.text", "u1").tobytes()
    ends = np.cumsum(lengths)
    if int(lengths.sum()) != len(blob):
        raise DamagedError(f"is damaged: {name} do not fit their lengths")
    try:
        pairs = zip((ends - lengths).tolist(), ends.tolist(), strict=True)
        return tuple([blob[start:end].decode("utf-8", "surrogatepass") for start, end in pairs])
    except UnicodeDecodeError as error:
        raise DamagedError(f"is damaged: {name} are not UTF-8") from error


def _assemble(columns: dict[str, NDArray[Any]], file: str) -> Snapshot:
    found = {name: _column(columns, f"graph.{name}", dtype) for name, dtype in _GRAPH.items()}
    found["address"] = np.cumsum(found["address"], dtype=np.uint64)
    degree = found.pop("degree")
    found["edge_start"] = np.zeros(len(degree) + 1, np.int64)
    np.cumsum(degree, out=found["edge_start"][1:])
    graph = HeapGraph(types=_texts(columns, "graph.types"), strings=_texts(columns, "graph.strings"), **found)
    _check_graph(graph)
    tables = {}
    for table, (kind, fields) in _TABLES.items():
        rows = {name: _column(columns, f"{table}.{name}", dtype) for name, dtype in fields.items()}
        _check_table(table, rows, graph)
        tables[table] = kind(**rows)
    facts = records.from_json(_column(columns, "facts", "u1").tobytes(), graph.node_count)
    _within(tables["roots"].frame, -1, len(tables["frames"].node), "frames of roots")
    _within(tables["frames"].thread, -1, len(facts["threads"]), "threads of frames")
    facts |= optional.read(columns, lambda name: _texts(columns, name), graph.node_count)
    return Snapshot(file=file, graph=graph, **tables, **facts)


def _check_graph(graph: HeapGraph) -> None:
    """The invariants that readers rely on: lengths, ascending addresses, CSR, ids within their tables."""
    n, m = graph.node_count, graph.edge_count
    per_node = (graph.type_id, graph.size, graph.refcount, graph.generation, graph.flags)
    if any(len(column) != n for column in per_node) or len(graph.edge_start) != n + 1:
        raise DamagedError("is damaged: columns of objects differ in length")
    if len(graph.edge_name) != m or len(graph.edge_kind) != m or len(graph.type_node) != len(graph.types):
        raise DamagedError("is damaged: columns of references differ in length")
    if n and not (graph.address[1:] > graph.address[:-1]).all():
        raise DamagedError("is damaged: addresses do not ascend")
    if max(n, m) > _MOST:
        raise DamagedError("has more objects or references than leakkit can read")
    if graph.edge_start[-1] != m:
        raise DamagedError("is damaged: references do not belong to objects")
    _within(graph.edge_target, 0, n, "references")
    _within(graph.edge_name, 0, len(graph.strings), "names")
    _within(graph.edge_kind & EDGE_KIND_MASK, 0, len(EdgeKind), "kinds of references")
    _within(graph.type_id, 0, len(graph.types), "types")
    _within(graph.type_node, -1, n, "classes")
    _within(graph.generation, -1, _GENERATIONS, "generations")
    if n and int(graph.size.min()) < 0:
        raise DamagedError("is damaged: a size is below zero")


def _check_table(table: str, columns: dict[str, NDArray[Any]], graph: HeapGraph) -> None:
    if len({len(column) for column in columns.values()}) != 1:
        raise DamagedError(f"is damaged: columns of {table} differ in length")
    for name, column in columns.items():
        if name in {"node", "target"}:
            _within(column, -1, graph.node_count, f"{table}.{name}")
        elif name in _STRING_COLUMNS:
            _within(column, 0, len(graph.strings), f"{table}.{name}")


def _within(column: NDArray[Any], low: int, end: int, what: str) -> None:
    if len(column) and (int(column.min()) < low or int(column.max()) >= end):
        raise DamagedError(f"is damaged: {what} are out of range")
