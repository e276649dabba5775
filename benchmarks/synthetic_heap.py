"""A heap of any size that looks like a service's: records in caches, strings, parent links, lists, some garbage.

One *record* is 8 objects and about 24 references: an instance with its class and its ``__dict__``, which holds two
strings, a list of two tuples and a float; tuples share small strings and numbers.  Of all records some 70 % hang in
dicts of 1,000 entries, 15 % in linked lists (half of them linked both ways), 5 % are dead and refer to each other
in rings of ten.  Rows come in the order of addresses, as pymalloc gives them: by kind within blocks of 256 records.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from leakkit.snapshot_model import (
    EDGE_EXTRA,
    Bounds,
    CaptureFacts,
    CollectorState,
    EdgeKind,
    Frames,
    Functions,
    HeapGraph,
    MemoryFacts,
    ModuleInfo,
    ProcessFacts,
    RootKind,
    Roots,
    Snapshot,
    Views,
)

KINDS = ("app.Record", "dict", "list", "tuple", "tuple", "str", "str", "float")
SIZES = (48, 184, 72, 56, 56, 61, 70, 24)
TRACKED = (True, True, True, True, True, False, False, False)
BLOCK = 256
ENTRIES = 1000
SHARED = 4096
TYPES = ("app.Record", "dict", "float", "list", "module", "str", "tuple", "type")
STRINGS = ("", "__dict__", "CACHE", "chains", "id", "items", "name", "parent", "peer", "modules")


@dataclass
class _Edges:
    source: list[np.ndarray] = field(default_factory=list)
    target: list[np.ndarray] = field(default_factory=list)
    kind: list[np.ndarray] = field(default_factory=list)
    name: list[np.ndarray] = field(default_factory=list)

    def add(self, source, target, kind, name="", *, extra=False):
        source, target = np.broadcast_arrays(
            np.atleast_1d(source).astype(np.int32), np.atleast_1d(target).astype(np.int32)
        )
        self.source.append(source)
        self.target.append(target)
        self.kind.append(np.full(len(source), kind | (EDGE_EXTRA if extra else 0), np.uint8))
        self.name.append(np.full(len(source), STRINGS.index(name), np.int32))


def build(objects: int, seed: int = 1) -> Snapshot:
    """A snapshot of about so many objects."""
    random = np.random.default_rng(seed)
    records = max(objects // len(KINDS), 200)
    fixed = 4 + SHARED
    caches = records // ENTRIES + 1
    first = fixed + 2 * caches  # the caches' dicts and the anchors of the chains
    part = np.arange(records, dtype=np.int64)
    block, place = np.divmod(part, BLOCK)
    in_block = np.minimum(BLOCK, records - block * BLOCK)
    row = [first + block * BLOCK * len(KINDS) + k * in_block + place for k in range(len(KINDS))]
    n = first + records * len(KINDS)
    edges = _Edges()
    _link_records(edges, row, random)
    _hang_up(edges, row, random, fixed, caches, records)
    return _snapshot(edges, row, n, first, caches, fixed)


def _link_records(edges: _Edges, row: list, random) -> None:
    record, own, items, one, two, text, name, number = row
    m = len(record)
    shared = 4 + random.integers(0, SHARED, (6, m))
    edges.add(record, own, EdgeKind.ATTRIBUTE, "__dict__")
    edges.add(record, 3, EdgeKind.TYPE)
    edges.add(own, text, EdgeKind.KEY, "id")
    edges.add(own, items, EdgeKind.KEY, "items")
    edges.add(own, name, EdgeKind.KEY, "name")
    edges.add(own, number, EdgeKind.VALUE)
    for key in range(4):
        edges.add(own, 4 + key, EdgeKind.DICT_KEY, extra=True)
    for tuple_, at in ((one, 0), (two, 3)):
        edges.add(items, tuple_, EdgeKind.INDEX)
        for i in range(3):
            edges.add(tuple_, shared[at + i], EdgeKind.INDEX)
    edges.add(one, text, EdgeKind.INDEX)
    edges.add(two, number, EdgeKind.INDEX)


def _hang_up(edges: _Edges, row: list, random, fixed: int, caches: int, records: int) -> None:
    """Put every record somewhere: into a cache, a linked list or a dead ring."""
    record, own, one, two = row[0], row[1], row[3], row[4]
    where = random.random(records)
    dead, chained = where < 0.05, (where >= 0.05) & (where < 0.2)
    cached = ~dead & ~chained
    dicts, anchors = fixed + np.arange(caches), fixed + caches + np.arange(caches)
    edges.add(2, dicts, EdgeKind.VALUE)
    edges.add(2, anchors, EdgeKind.VALUE)
    edges.add(dicts[np.flatnonzero(cached) // ENTRIES], record[cached], EdgeKind.VALUE)
    edges.add(record[cached][1:], record[cached][:-1], EdgeKind.ATTRIBUTE, "peer")
    links = np.flatnonzero(chained)
    length = np.arange(len(links))
    heads = length % (20 * ENTRIES) == 0  # lists of 20,000 links
    edges.add(anchors[(length[heads] // (20 * ENTRIES)) % caches], record[links[heads]], EdgeKind.INDEX)
    inner = np.flatnonzero(~heads)
    edges.add(own[links[inner - 1]], record[links[inner]], EdgeKind.KEY, "peer")
    back = inner[(length[inner] // (20 * ENTRIES)) % 2 == 0]
    edges.add(own[links[back]], record[links[back - 1]], EdgeKind.KEY, "parent")
    rings = np.flatnonzero(dead)
    rings = rings[: len(rings) // 10 * 10].reshape(-1, 10)
    edges.add(own[rings].reshape(-1), record[np.roll(rings, -1, axis=1)].reshape(-1), EdgeKind.KEY, "peer")
    # Far references: a record's tuples into records anywhere, dead ones only into dead ones.
    live = np.flatnonzero(~dead)
    for tuple_ in (one, two):
        edges.add(tuple_[live], record[random.permutation(live)], EdgeKind.INDEX)
    used = np.zeros(records, bool)
    used[rings] = True


def _snapshot(edges: _Edges, row: list, n: int, first: int, caches: int, fixed: int) -> Snapshot:
    edges.add(0, 1, EdgeKind.ATTRIBUTE, "__dict__")
    edges.add(1, 2, EdgeKind.KEY, "CACHE")
    edges.add(1, 3, EdgeKind.KEY, "id")
    edges.add(1, np.arange(4, fixed), EdgeKind.VALUE)
    source = np.concatenate(edges.source)
    order = np.argsort(source, kind="stable")
    start = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=n), out=start[1:])
    target = np.concatenate(edges.target)[order]
    kind, name = np.concatenate(edges.kind)[order], np.concatenate(edges.name)[order]
    type_id, size, tracked = np.zeros(n, np.int32), np.zeros(n, np.int64), np.zeros(n, bool)
    for head, label, bytes_ in ((0, "module", 72), (1, "dict", 5000), (2, "dict", 90_000), (3, "type", 1000)):
        type_id[head], size[head], tracked[head] = TYPES.index(label), bytes_, True
    type_id[4:fixed], size[4:fixed] = TYPES.index("str"), 55
    type_id[fixed:first], size[fixed:first], tracked[fixed:first] = TYPES.index("dict"), 36_960, True
    type_id[fixed + caches : first], size[fixed + caches : first] = TYPES.index("list"), 72
    for rows, label, bytes_, is_tracked in zip(row, KINDS, SIZES, TRACKED, strict=True):
        type_id[rows], size[rows], tracked[rows] = TYPES.index(label), bytes_, is_tracked
    counts = np.bincount(target, minlength=n).astype(np.int64)
    counts[0] += 1
    counts[row[0]] += counts[row[0]] == 0
    generation = np.where(tracked, 2, -1).astype(np.int8)
    gaps = np.full(n, 64, np.uint64)
    address = np.cumsum(gaps) + np.uint64(0x7F00_0000_0000)
    type_node = np.full(len(TYPES), -1, np.int32)
    type_node[0] = 3
    graph = HeapGraph(
        address=address, type_id=type_id, size=size, refcount=counts, generation=generation,
        flags=tracked.astype(np.uint16), edge_start=start, edge_target=target, edge_name=name, edge_kind=kind,
        types=TYPES, type_node=type_node, strings=STRINGS,
    )  # fmt: skip
    return _around(graph, int(size.sum()))


def _around(graph: HeapGraph, rss: int) -> Snapshot:
    none, wide, byte = np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.uint8)
    return Snapshot(
        file=None,
        capture=CaptureFacts("2026-01-01T00:00:00Z", 0.0, "ptrace", "native", 0.0, 0.0, True, None, ()),
        process=ProcessFacts(1, "3.13.1", "app", "python", "2026-01-01T00:00:00Z", 1, "/usr", "/usr/lib", (), ()),
        collector=CollectorState(True, (700, 10, 10), (0, 0, 0), (), 0, "generational"),
        memory=MemoryFacts(rss, rss, 0, 0, 0, 0, "glibc", *[None] * 7, ()),
        graph=graph,
        roots=Roots(np.zeros(1, np.int32), np.full(1, RootKind.MODULE, np.uint8), np.full(1, 2, np.int32), -np.ones(1, np.int32)),
        frames=Frames(none, byte, byte, *[none] * 7),
        functions=Functions(*[none] * 5),
        bounds=Bounds(none, wide, wide, none),
        views=Views(none, none, wide),
        modules=(ModuleInfo("app", 0, "/srv/app.py"),),
        threads=(), tasks=(), values={}, warnings=(),
    )  # fmt: skip
