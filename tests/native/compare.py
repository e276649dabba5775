"""Two snapshots of one waiting process, object by object.

The process is not quite the same twice: each snapshot leaves and changes a few objects (freed memory used again,
``sys.modules``, caches of classes), and ``os.fork`` itself changes thread objects.  So the native walk is asked twice,
before and after the Python one, and only objects on which it says the same both times are compared.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from leakkit.capture.take import take_snapshot
from leakkit.snapshot_model import EDGE_EXTRA, EdgeKind, NodeFlag, Snapshot

LEAVES = {"str", "bytes", "int", "float", "bool", "NoneType"}
"""Not the collector's objects: their counts and addresses change with every string that the agent makes."""
EXACT = {
    "list",
    "tuple",
    "set",
    "frozenset",
    "dict",
    "bytearray",
    "collections.deque",
    "collections.OrderedDict",
    "memoryview",
}
Edge = tuple[int, int, str]


def take(pid: int, walker: str, monkeypatch) -> Snapshot:
    monkeypatch.setenv("LEAKKIT_NO_NATIVE", "1" if walker == "python" else "0")
    snapshot = take_snapshot(pid)
    assert snapshot.capture.walker == walker, snapshot.warnings
    return snapshot


class Side:
    """A snapshot by address."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.graph = graph = snapshot.graph
        self.snapshot = snapshot
        self.rows = {int(address): row for row, address in enumerate(graph.address.tolist())}
        self.none = {address for address, row in self.rows.items() if self.type(row) == "NoneType"}

    def type(self, row: int) -> str:
        return self.graph.types[self.graph.type_id[row]]

    def edges(self, row: int) -> list[Edge]:
        g = self.graph
        span = slice(g.edge_start[row], g.edge_start[row + 1])
        return [
            (int(g.address[target]), int(kind), g.strings[name])
            for target, kind, name in zip(
                g.edge_target[span].tolist(), g.edge_kind[span].tolist(), g.edge_name[span].tolist()
            )
        ]

    def tracked(self, row: int) -> bool:
        return bool(self.graph.flags[row] & NodeFlag.TRACKED)


@dataclass
class Differences:
    """Counts of objects by what differs."""

    only_python: Counter = field(default_factory=Counter)
    only_native: Counter = field(default_factory=Counter)
    edges: Counter = field(default_factory=Counter)
    order: Counter = field(default_factory=Counter)
    names: Counter = field(default_factory=Counter)
    extra: Counter = field(default_factory=Counter)
    counts: Counter = field(default_factory=Counter)
    sizes: Counter = field(default_factory=Counter)
    generations: Counter = field(default_factory=Counter)
    compared: int = 0
    bytes_python: int = 0
    bytes_native: int = 0


def compare(python: Side, native: Side, again: Side) -> Differences:
    """What the walks say differently of the same objects."""
    out = Differences()
    for address, row in python.rows.items():
        if address not in native.rows and address not in again.rows and python.tracked(row):
            out.only_python[python.type(row)] += 1
    for address, row in native.rows.items():
        if address not in python.rows and address in again.rows and native.tracked(row):
            out.only_native[native.type(row)] += 1
        if address in python.rows and address in again.rows:
            rows = python.rows[address], row, again.rows[address]
            if len({side.type(r) for side, r in zip((python, native, again), rows)}) == 1:
                one(out, python, native, again, rows)
    return out


def one(out: Differences, python: Side, native: Side, again: Side, rows: tuple[int, int, int]) -> None:
    p, n, a = rows
    a_graph, n_graph, p_graph = again.graph, native.graph, python.graph
    kind = python.type(p)
    out.compared += 1
    if n_graph.size[n] == a_graph.size[a] and kind not in {"str", "bytes"}:
        out.bytes_python += int(p_graph.size[p])
        out.bytes_native += int(n_graph.size[n])
        if kind in EXACT and n_graph.size[n] != p_graph.size[p]:
            out.sizes[kind, int(n_graph.size[n] - p_graph.size[p])] += 1
    if n_graph.generation[n] == a_graph.generation[a] != p_graph.generation[p]:
        out.generations[kind] += 1
    if kind in LEAVES:
        return
    if n_graph.refcount[n] == a_graph.refcount[a] != p_graph.refcount[p] and not n_graph.flags[n] & NodeFlag.IMMORTAL:
        out.counts[kind, int(n_graph.refcount[n] - p_graph.refcount[p])] += 1
    theirs, ours = python.edges(p), native.edges(n)
    if ours == again.edges(a):
        references(out, kind, theirs, ours, python.none)


def references(out: Differences, kind: str, theirs: list[Edge], ours: list[Edge], none: set[int]) -> None:
    seen_by = [[e for e in edges if not e[1] & EDGE_EXTRA] for edges in (theirs, ours)]
    targets = [[e[0] for e in edges] for edges in seen_by]
    if sorted(targets[0]) != sorted(targets[1]):
        out.edges[kind] += 1
        return
    if targets[0] != targets[1]:
        out.order[kind] += 1
    named = [Counter(e for e in edges if e[0] not in none) for edges in seen_by]
    for left, right in zip(sorted((named[0] - named[1]).elements()), sorted((named[1] - named[0]).elements())):
        out.names[kind, left[1:], right[1:]] += 1
    # Keys of dicts are told by how many own them, which the agent's own strings change.
    hidden = [
        Counter(e for e in edges if e[1] & EDGE_EXTRA and e[1] & 0x7F != EdgeKind.DICT_KEY) for edges in (theirs, ours)
    ]
    for edge in ((hidden[0] - hidden[1]) + (hidden[1] - hidden[0])).elements():
        out.extra[kind, edge[1] & 0x7F, edge[2]] += 1
