"""The native walk says what the Python walk says, on every program and interpreter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from native.compare import Differences, Side, compare, take
from support import TARGETS, Interpreter, Target

from leakkit.heap.garbage import find_garbage
from leakkit.snapshot_model import RootKind, Snapshot

pytestmark = pytest.mark.real
PROGRAMS = sorted((TARGETS / "garbage").glob("*.py"))
CHANGED = 20
"""So many objects may differ: what the agents themselves leave or change in the target between two snapshots."""


def wrong_names(found: Differences) -> Counter:
    """Names that differ, without those that only the native walk knows.

    It reads dicts of classes and instances that C types keep without a getter, and variables of running frames of 3.9
    and 3.10, whose dict of locals the Python walk finds stale.
    """
    return Counter({key: n for key, n in found.names.items() if key[1] != (0, "") and key[0] != "frame"})


def tables(snapshot: Snapshot) -> dict[str, Counter]:
    """Frames, functions and limits as text, by address."""
    g, f = snapshot.graph, snapshot.frames
    text = g.strings

    def address(row: int) -> int:
        return int(g.address[row]) if row >= 0 else 0

    frames = Counter(
        (
            address(f.node[i]),
            f.kind[i],
            f.state[i],
            text[f.function[i]],
            text[f.module[i]],
            text[f.file[i]],
            f.first_line[i],
            f.line[i],
            f.instruction[i],
            f.thread[i],
        )
        for i in range(len(f.node))
    )
    b, n = snapshot.bounds, snapshot.functions
    bounds = Counter(
        (address(b.node[i]), int(b.bound[i]), int(b.used[i]), text[b.label[i]]) for i in range(len(b.node))
    )
    functions = Counter(
        (address(n.node[i]), text[n.module[i]], text[n.name[i]], text[n.file[i]], int(n.line[i]))
        for i in range(len(n.node))
        if text[n.file[i]] != "<string>"
    )
    return {"frames": frames, "bounds": bounds, "functions": functions}


def classes(snapshot: Snapshot) -> set[tuple[str, int]]:
    """Classes that are objects of the heap, with their names."""
    g = snapshot.graph
    return {(g.types[i], int(g.address[row])) for i, row in enumerate(g.type_node.tolist()) if row >= 0}


def roots(snapshot: Snapshot) -> Counter:
    r, g = snapshot.roots, snapshot.graph
    return Counter(
        (int(r.kind[i]), g.strings[r.name[i]], int(g.address[r.node[i]]))
        for i in range(len(r.node))
        if r.kind[i] in (RootKind.MODULE, RootKind.THREAD, RootKind.TASK)
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_both_walks_agree(program: Path, interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects, references, counts, sizes, names, garbage and tables; and the target goes on."""
    with Target(program, interpreter, args=("/dev/null",)) as target:
        for walker in ("native", "python"):
            take(target.pid, walker, monkeypatch)
        first, other, second = (take(target.pid, walker, monkeypatch) for walker in ("native", "python", "native"))
        assert target.alive()
        assert not target.stderr.strip()
    python, native = Side(other), Side(first)
    found = compare(python, native, Side(second))
    print(program.stem, interpreter.id, found)
    assert found.compared > 10_000
    for part in (found.only_python, found.only_native, found.edges, found.counts, found.extra, found.generations):
        assert sum(part.values()) <= CHANGED, part
    assert not found.order
    assert not wrong_names(found)
    assert sum(found.sizes.values()) <= 4, found.sizes
    assert abs(found.bytes_native - found.bytes_python) <= found.bytes_python / 100
    same_garbage(python, native)
    for name, rows in tables(first).items():
        assert rows == tables(other)[name], name
    assert roots(first) == roots(other)
    assert classes(other) - classes(first) == set()
    assert first.threads == other.threads
    assert sorted(map(str, first.tasks)) == sorted(map(str, other.tasks)) or tasks(first) == tasks(other)


def tasks(snapshot: Snapshot) -> list[tuple[str, str, str, str, int]]:
    return sorted((t.name, t.state, t.function, t.file, t.line) for t in snapshot.tasks)


def same_garbage(python: Side, native: Side) -> None:
    """Of the objects that both have, the same are dead."""
    dead = []
    for side in (python, native):
        garbage = find_garbage(side.snapshot)
        assert garbage.trustworthy, garbage.reasons
        dead.append(set(side.graph.address[garbage.tracked_dead].tolist()))
    both = set(python.rows) & set(native.rows)
    differ = (dead[0] ^ dead[1]) & both
    assert not differ, Counter(native.type(native.rows[address]) for address in differ)
    assert dead[1] <= both | dead[0]
