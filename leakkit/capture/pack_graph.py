"""Turns the raw dump's columns into a :class:`HeapGraph`.

Sorts nodes by address, resolves and names references.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.capture.raw_dump import RawDump, damaged
from leakkit.native import loaded
from leakkit.native.addresses import index_addresses, sort_addresses
from leakkit.native.graphs import from_edges
from leakkit.native.packing import join_references
from leakkit.snapshot_model import EDGE_EXTRA, HeapGraph, NodeFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IMMORTAL_FROM = 1 << 30
"""Reference counts from here on mean "never freed" on 3.12+ (PEP 683)."""

_FEW = 64
"""To look up fewer than one address in so many rows, halving intervals is faster than indexing the column."""


@dataclass(frozen=True, eq=False)
class Packed:
    """The graph and what is needed to place other tables' addresses in it."""

    graph: HeapGraph
    dropped: int
    """References to objects that are not nodes, the agent's own left out."""

    def nodes(self, addresses: NDArray[Any]) -> NDArray[np.int32]:
        """Rows of the graph for addresses; -1 where there is none."""
        return find_rows(self.graph.address, addresses)


def find_rows(ascending: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.int32]:
    """Positions of ``wanted`` in an ascending column; -1 where it is not."""
    if loaded() and len(wanted) * _FEW > len(ascending):
        try:
            return index_addresses(ascending, wanted)
        except IndexError as error:
            raise damaged("an address is listed twice") from error
    if not len(ascending):
        return np.full(len(wanted), -1, np.int32)
    place = np.searchsorted(ascending, wanted)
    place[place == len(ascending)] = 0
    return np.where(ascending[place] == wanted, place, -1).astype(np.int32)


def sort_column(found: NDArray[Any]) -> tuple[NDArray[np.uint64], NDArray[Any]]:
    """(the column ascending, where each value was)."""
    if loaded():
        return sort_addresses(found)
    order = np.argsort(found, kind="stable")
    return found[order].astype(np.uint64), order


@dataclass(frozen=True, eq=False)
class _Edges:
    """References; ``source`` is empty where the order says it."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    name: NDArray[np.int32]
    kind: NDArray[np.uint8]


def build_graph(dump: RawDump, *, has_immortals: bool) -> Packed:
    """The heap graph of a dump.

    Args:
        dump: as read.
        has_immortals: whether the target's version knows immortal objects (3.12+).

    Raises:
        CaptureFailed: the columns contradict each other.
    """
    found = dump.column("node", "u8")
    n = len(found)
    degree = dump.column("degree", "i8")
    raw_type, size, refs = dump.column("type", "u8"), dump.column("size", "i8"), dump.column("refs", "i8")
    if not n or {len(degree), len(raw_type), len(size), len(refs)} != {n}:
        raise damaged("its columns of objects differ in length")
    address, order = dump.rows or sort_column(found)
    if n > 1 and not (address[1:] > address[:-1]).all():
        raise damaged("an object is listed twice")
    strings = _strings(dump)
    types = _Types.of(dump)
    type_id = types.rows(raw_type)
    edges, dropped = _traversed(dump, order, address, degree, types.default_kind[type_id])
    label = dump.record("counts")["reversed"]
    backwards = np.array([name in label for name in types.names], np.bool_)[type_id]
    start, edges = _joined(order, degree, edges, backwards, _extra(dump, address))
    _check_names(edges.name, len(strings))
    immortal = refs >= _IMMORTAL_FROM if has_immortals else np.zeros(n, bool)
    generation, flags = _collector_columns(dump, n, types.flags[type_id], immortal)
    flags = flags[order]
    finalized = find_rows(address, dump.column("finalized", "u8"))
    flags[finalized[finalized >= 0]] |= np.uint16(NodeFlag.FINALIZED)
    graph = HeapGraph(
        address=address,
        type_id=type_id[order],
        size=np.maximum(size, 0)[order],
        refcount=_refcounts(dump, address, refs[order], immortal[order]),
        generation=generation[order],
        flags=flags,
        edge_start=start,
        edge_target=edges.target,
        edge_name=edges.name,
        edge_kind=edges.kind,
        types=types.names,
        type_node=find_rows(address, types.ids),
        strings=strings,
    )
    return Packed(graph, dropped)


def _refcounts(
    dump: RawDump, address: NDArray[Any], refs: NDArray[np.int64], immortal: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """True counts: without what listing and asking added, and without what the agent's own objects hold."""
    counts = refs - int(dump.record("refs_added"))
    held = find_rows(address, dump.column("held_node", "u8"))
    known = held >= 0
    rows, times = held[known], dump.column("held_count", "i8")[known]
    mortal = ~immortal[rows]
    np.subtract.at(counts, rows[mortal], times[mortal])
    return counts


@dataclass(frozen=True, eq=False)
class _Types:
    ids: NDArray[np.uint64]
    names: tuple[str, ...]
    flags: NDArray[np.uint16]
    default_kind: NDArray[np.uint8]

    @classmethod
    def of(cls, dump: RawDump) -> _Types:
        try:
            rows = sorted((int(a), str(name), int(flags), int(kind)) for a, name, flags, kind in dump.record("types"))
        except (TypeError, ValueError) as error:
            raise damaged("its table of types is not one") from error
        return cls(
            np.array([row[0] for row in rows], np.uint64),
            tuple(row[1] for row in rows),
            np.array([row[2] & 0xFFFF for row in rows], np.uint16),
            np.array([row[3] & 0x7F for row in rows], np.uint8),
        )

    def rows(self, ids: NDArray[Any]) -> NDArray[np.int32]:
        found = find_rows(self.ids, ids)
        if (found < 0).any():
            raise damaged("an object is of an unknown type")
        return found


def _strings(dump: RawDump) -> tuple[str, ...]:
    lengths = dump.column("string_length", "i8")
    blob = dump.column("string_bytes", "u1").tobytes()
    if not len(lengths) or int(lengths.sum()) != len(blob) or int(lengths.max()) > len(blob):
        raise damaged("its strings do not fit their lengths")
    ends = np.cumsum(lengths).tolist()
    starts = [0, *ends[:-1]]
    return tuple(blob[start:end].decode("utf-8", "replace") for start, end in zip(starts, ends, strict=True))


def _traversed(
    dump: RawDump,
    order: NDArray[Any],
    address: NDArray[Any],
    degree: NDArray[Any],
    default_kind: NDArray[np.uint8],
) -> tuple[_Edges, int]:
    """References that the collector sees, in the dump's order (target -1: not in it); how many lead nowhere."""
    targets = dump.column("edge", "u8")
    if int(degree.min()) < 0 or int(degree.max()) > len(targets) or int(degree.sum()) != len(targets):
        raise damaged("its references do not fit its objects")
    kind, name = _named(dump, address, order, degree, default_kind)
    resolved = find_rows(address, targets)
    lost = targets[resolved < 0]
    dropped = int(np.isin(lost, dump.column("unknown", "u8")).sum()) if len(lost) else 0
    return _Edges(np.empty(0, np.int32), resolved, name, kind), dropped


def _named(
    dump: RawDump,
    address: NDArray[Any],
    order: NDArray[Any],
    degree: NDArray[np.int64],
    default_kind: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Kind and name of each reference: its own in a native dump, else from the shape of its source."""
    if "edge_kind" in dump.columns:
        kind, name = dump.column("edge_kind", "u1"), dump.column("edge_name", "i4")
        if not len(kind) == len(name) == int(degree.sum()):
            raise damaged("its references do not fit their names")
        return (kind & 0x7F).astype(np.uint8), name
    lengths, rest = dump.column("shapes_len", "i8"), dump.column("shapes_rest", "u1")
    kinds, names = dump.column("shapes_kind", "u1"), dump.column("shapes_name", "i4")
    if len(lengths) != len(rest) or int(lengths.sum()) != len(kinds) or len(kinds) != len(names):
        raise damaged("its shapes do not fit")
    rows = dump.table("shape", node="u8", id="i8")
    shape = np.full(len(default_kind), -1, np.int64)
    place = find_rows(address, rows["node"])
    if len(rows["id"]) and (int(rows["id"].max()) >= len(lengths) or int(rows["id"].min()) < 0):
        raise damaged("an object has an unknown shape")
    known = place >= 0
    shape[order[place[known]]] = rows["id"][known]  # of rows for one object the last one stays
    source = np.repeat(np.arange(len(degree), dtype=np.int32), degree)
    position = np.arange(len(source), dtype=np.int64) - (np.cumsum(degree) - degree)[source]
    kind, name = default_kind[source], np.zeros(len(source), np.int32)
    if not len(lengths):
        return kind, name
    of_edge = shape[source]
    shaped = of_edge >= 0
    inside = shaped & (position < lengths[of_edge])
    kind[shaped] = rest[of_edge[shaped]]
    begin = np.cumsum(lengths) - lengths
    cell = begin[of_edge[inside]] + position[inside]
    kind[inside], name[inside] = kinds[cell], names[cell]
    return (kind & 0x7F).astype(np.uint8), name


def _extra(dump: RawDump, address: NDArray[Any]) -> _Edges:
    """References the collector does not see; those from or to objects that are no nodes are left out."""
    groups = dump.table("extra", node="u8", kind="u1", name="i4", count="i8")
    targets = dump.column("extra_target", "u8")
    if int(groups["count"].sum()) != len(targets):
        raise damaged("its extra references do not fit")
    source = np.repeat(find_rows(address, groups["node"]), groups["count"])
    kind = np.repeat(groups["kind"] | np.uint8(EDGE_EXTRA), groups["count"])
    name = np.repeat(groups["name"], groups["count"])
    target = find_rows(address, targets)
    keep = (source >= 0) & (target >= 0)
    return _Edges(source[keep], target[keep], name[keep], kind[keep])


def _joined(
    order: NDArray[Any], degree: NDArray[np.int64], seen: _Edges, backwards: NDArray[np.bool_], extra: _Edges
) -> tuple[NDArray[np.int64], _Edges]:
    """(row starts, references by the graph's rows): of each row those that the collector sees, then the extra ones."""
    n, rows = len(order), len(degree)
    nowhere = np.empty(0, np.int32)
    if loaded():
        first = np.zeros(rows + 1, np.int64)
        np.cumsum(degree, out=first[1:])
        begin, target, place = from_edges(n, extra.source, extra.target, None)
        columns = join_references(
            order,
            first,
            (seen.target, seen.kind, seen.name),
            backwards,
            begin,
            (target, extra.kind[place], extra.name[place]),
        )
        return columns[0], _Edges(nowhere, columns[1], columns[3], columns[2])
    rank = np.full(rows, -1, np.int32)
    rank[order] = np.arange(n, dtype=np.int32)
    from_row = np.repeat(np.arange(rows, dtype=np.int32), degree)
    first = np.cumsum(degree) - degree
    pick = np.arange(len(from_row), dtype=np.int64)
    turned = backwards[from_row]
    pick[turned] = (2 * first + degree - 1)[from_row[turned]] - pick[turned]
    pick = pick[(seen.target[pick] >= 0) & (rank[from_row[pick]] >= 0)]
    source = np.concatenate([rank[from_row[pick]], extra.source])
    by_source = np.argsort(source, kind="stable")
    start = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=n), out=start[1:])
    return start, _Edges(
        nowhere,
        np.concatenate([seen.target[pick], extra.target])[by_source].astype(np.int32),
        np.concatenate([seen.name[pick], extra.name])[by_source].astype(np.int32),
        np.concatenate([seen.kind[pick], extra.kind])[by_source].astype(np.uint8),
    )


def _check_names(names: NDArray[np.int32], strings: int) -> None:
    if len(names) and (int(names.min()) < 0 or int(names.max()) >= strings):
        raise damaged("a name is not in its table")


def _collector_columns(
    dump: RawDump, n: int, type_flags: NDArray[np.uint16], immortal: NDArray[np.bool_]
) -> tuple[NDArray[np.int8], NDArray[np.uint16]]:
    """Generation and flags in the dump's order: tracked objects come first, by generation."""
    counts = dump.record("counts")
    try:
        sizes = [int(count) for count in counts["generations"]]
    except (KeyError, TypeError, ValueError) as error:
        raise damaged("it has no generations") from error
    if len(sizes) != 4 or min(sizes) < 0 or sum(sizes) > n:
        raise damaged("its generations do not fit")
    generation = np.full(n, -1, np.int8)
    generation[: sum(sizes)] = np.repeat(np.arange(4, dtype=np.int8), sizes)
    flags = type_flags.copy()
    flags[: sum(sizes)] |= np.uint16(NodeFlag.TRACKED)
    flags[immortal] |= np.uint16(NodeFlag.IMMORTAL)
    return generation, flags
