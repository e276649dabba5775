"""What trial deletion calls garbage is what a real full collection frees in a throw-away copy of the same process."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support import TARGETS, Interpreter, Target

from leakkit.capture.take import take_snapshot
from leakkit.heap.garbage import find_garbage
from leakkit.snapshot_model import EdgeKind, NodeFlag, Snapshot

pytestmark = pytest.mark.real
PROGRAMS = sorted((TARGETS / "garbage").glob("*.py"))


@dataclass(frozen=True)
class Truth:
    """What the target's own collector freed."""

    dead: frozenset[int]
    ignored: frozenset[int]
    types: dict[int, str]


def options(program: Path) -> dict[str, str]:
    """The program's ``# truth:`` line: type names that may die beyond the paper set, whether ``__del__`` resurrects."""
    line = re.search(r"^# truth: (.*)$", program.read_text(), re.MULTILINE)
    return dict(part.split("=", 1) for part in line[1].split()) if line else {}


def snapshot_and_truth(program: Path, interpreter: Interpreter) -> tuple[Snapshot, Truth]:
    """A snapshot of the waiting program, then what it says of itself."""
    folder = tempfile.mkdtemp(prefix="leakkit-truth-", dir=(interpreter.root or "") + "/tmp")
    try:
        inner = folder.removeprefix(interpreter.root) + "/truth.json"
        with Target(program, interpreter, args=(inner,)) as target:
            snapshot = take_snapshot(target.pid)
            target.step()
            assert target.alive()
        told = json.loads((Path(folder) / "truth.json").read_text())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    types = {int(address): name for address, name in told["types"].items()}
    return snapshot, Truth(frozenset(told["dead"]), frozenset(told["ignored"]), types)


def may_come_back(snapshot: Snapshot, dead: np.ndarray) -> set[int]:
    """Addresses that objects with a finalizer still to run hold: ``__del__`` may bring them back."""
    graph = snapshot.graph
    flags = graph.flags
    queue = np.flatnonzero(
        dead & (flags & NodeFlag.FINALIZER != 0) & (flags & NodeFlag.FINALIZED == 0)
    ).tolist()
    seen = set(queue)
    while queue:
        node = queue.pop()
        for target in graph.edge_target[graph.edge_start[node] : graph.edge_start[node + 1]].tolist():
            if dead[target] and target not in seen:
                seen.add(target)
                queue.append(target)
    return {int(graph.address[node]) for node in seen}


def falls_with_weak_references(snapshot: Snapshot, dead: np.ndarray) -> set[int]:
    """Weak references to dead objects, and what only they hold.

    They sit in containers that stay alive (``__subclasses__``, ``WeakSet``, ``threading.local``); CPython takes them
    out as their referent dies, which no reference count on paper foretells.
    """
    graph = snapshot.graph
    source = np.repeat(np.arange(graph.node_count), np.diff(graph.edge_start))
    weak = graph.edge_kind & 0x7F == EdgeKind.WEAK
    falls = dead.copy()
    falls[source[weak & dead[graph.edge_target]]] = True
    while True:
        counted = np.bincount(graph.edge_target[falls[source] & ~weak], minlength=graph.node_count)
        more = ~falls & (counted >= graph.refcount) & (graph.flags & NodeFlag.IMMORTAL == 0)
        if not more.any():
            return set(graph.address[falls].tolist())
        falls |= more


def describe(snapshot: Snapshot, addresses: set[int], truth: Truth) -> str:
    """The differing objects by type, for the failure's message."""
    graph = snapshot.graph
    rows = {int(address): row for row, address in enumerate(graph.address.tolist())}
    names = [graph.types[graph.type_id[rows[a]]] if a in rows else truth.types.get(a, "?") for a in addresses]
    return ", ".join(f"{names.count(name)} {name}" for name in sorted(set(names)))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_paper_garbage_equals_what_a_collection_frees(program: Path, interpreter: Interpreter) -> None:
    """Same addresses on both sides, but for the exceptions that CPython itself makes."""
    allowed = options(program)
    snapshot, truth = snapshot_and_truth(program, interpreter)
    graph = snapshot.graph
    garbage = find_garbage(snapshot)
    assert garbage.trustworthy, garbage.reasons
    tracked = graph.flags & NodeFlag.TRACKED != 0
    tracked_addresses = set(graph.address[tracked].tolist())
    paper = set(graph.address[garbage.dead & tracked].tolist()) - truth.ignored
    real = (set(truth.dead) & tracked_addresses) - truth.ignored
    invented = paper - real
    if allowed.get("resurrects"):
        invented -= may_come_back(snapshot, garbage.dead)
    assert not invented, f"called garbage but alive: {describe(snapshot, invented, truth)}"
    version = "more-" + ".".join(map(str, interpreter.minor))
    more = {*allowed.get("more", "").split(","), *allowed.get(version, "").split(",")}
    foretold = falls_with_weak_references(snapshot, garbage.dead)
    missed = {address for address in real - paper - foretold if truth.types[address] not in more}
    assert not missed, f"freed but not called garbage: {describe(snapshot, missed, truth)}"
    assert real, "the program made no garbage: it proves nothing"


def test_there_are_enough_programs() -> None:
    """At least fifteen varied programs, each with a docstring that says what it varies."""
    assert len(PROGRAMS) >= 15
    assert all(path.read_text().startswith('"""') for path in PROGRAMS)
