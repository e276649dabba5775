"""The graph of a snapshot agrees with what the target knows of itself, on every interpreter."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Interpreter, Target

from leakkit.capture.take import take_snapshot
from leakkit.snapshot_model import EDGE_EXTRA, EDGE_KIND_MASK, EdgeKind, FrameKind, FrameState, NodeFlag, RootKind, Snapshot

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Taken:
    """A snapshot, what the target said before it and after it, and how it looked to the system."""

    snapshot: Snapshot
    before: dict[str, Any]
    after: dict[str, Any]
    stderr: str

    def node(self, name: str) -> int:
        """Row of the object that a global of the target names."""
        return self.row(self.before["ids"][name])

    def row(self, address: int) -> int:
        graph = self.snapshot.graph
        place = int(np.searchsorted(graph.address, address))
        assert graph.address[place] == address
        return place

    def edges(self, node: int) -> list[tuple[EdgeKind, str, int, bool]]:
        """(kind, name, target, extra) of each reference of a node."""
        graph = self.snapshot.graph
        found = range(graph.edge_start[node], graph.edge_start[node + 1])
        return [
            (EdgeKind(int(graph.edge_kind[e]) & EDGE_KIND_MASK), graph.strings[graph.edge_name[e]], int(graph.edge_target[e]), bool(graph.edge_kind[e] & EDGE_EXTRA))
            for e in found
        ]

    def follow(self, node: int, *names: str) -> int:
        """Go along named references; an instance's own dict counts as the instance."""
        for name in names:
            found = {n: t for _, n, t, _ in self.edges(node) if n}
            if name not in found and "__dict__" in found:
                found = {n: t for _, n, t, _ in self.edges(found["__dict__"])}
            node = found[name]
        return node

    def type_name(self, node: int) -> str:
        return self.snapshot.graph.types[self.snapshot.graph.type_id[node]]


@functools.cache
def taken(interpreter: Interpreter) -> Taken:
    """One snapshot of the known program for each interpreter."""
    folder = tempfile.mkdtemp(prefix="leakkit-known-", dir=(interpreter.root or "") + "/tmp")
    try:
        inner = folder.removeprefix(interpreter.root) + "/facts.json"
        with Target("agent/known.py", interpreter, args=(inner,)) as target:
            snapshot = take_snapshot(target.pid)
            target.step()
            stderr = target.stderr
        before = json.loads((Path(folder) / "facts.json").read_text())
        after = json.loads((Path(folder) / "facts.json.after").read_text())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Taken(snapshot, before, after, stderr)


@pytest.fixture
def known(interpreter: Interpreter) -> Taken:
    return taken(interpreter)


def test_sizes_are_those_of_getsizeof(known: Taken) -> None:
    """Shallow sizes of hundreds of objects of many kinds equal ``sys.getsizeof`` in the target."""
    graph, sizes = known.snapshot.graph, {int(a): s for a, s in known.before["sizes"].items()}
    present = {int(a): int(s) for a, s in zip(graph.address, graph.size, strict=True) if int(a) in sizes}
    wrong = {a: (sizes[a], s) for a, s in present.items() if s != sizes[a]}
    # What the target itself goes on changing after it has told: its tables of facts.
    changed = {known.before["ids"]["FACTS"], known.before["ids"]["stop"]}
    assert len(present) > 2000
    assert len(set(wrong) - changed) <= 8, [(known.type_name(known.row(a)), v) for a, v in wrong.items()]


def test_no_code_of_the_target_ran(known: Taken) -> None:
    """``__sizeof__``, ``__repr__``, ``__eq__``, ``__hash__``, properties and metaclasses were never called."""
    assert known.after["asked"] == []
    odd = known.node("ODD")
    assert known.snapshot.graph.size[odd] < 1000


def test_no_code_of_the_target_ran_in_the_python_walk(interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same of the walk in Python, with values, where a call would be one in the copy."""
    monkeypatch.setenv("LEAKKIT_NO_NATIVE", "1")
    folder = tempfile.mkdtemp(prefix="leakkit-known-", dir=(interpreter.root or "") + "/tmp")
    try:
        inner = folder.removeprefix(interpreter.root) + "/facts.json"
        with Target("agent/known.py", interpreter, args=(inner,), options=("-W", "error")) as target:
            assert take_snapshot(target.pid, values=True).capture.walker == "python"
            target.step()
            assert target.stderr == ""
        assert json.loads((Path(folder) / "facts.json.after").read_text())["asked"] == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_reference_counts_are_true(known: Taken) -> None:
    """The counts of 200 instances are those of the target, nothing of the agent's in them."""
    graph = known.snapshot.graph
    assert [int(graph.refcount[known.row(a)]) for a, _ in known.before["plain"]] == [c for _, c in known.before["plain"]]


def test_rest_is_never_negative(known: Taken) -> None:
    """No tracked object has more visible references than its count."""
    graph = known.snapshot.graph
    tracked = (graph.flags & NodeFlag.TRACKED != 0) & (graph.flags & NodeFlag.IMMORTAL == 0)
    source = np.repeat(np.arange(graph.node_count), np.diff(graph.edge_start))
    seen = (graph.edge_kind & EDGE_EXTRA == 0) & tracked[source]
    rest = graph.refcount - np.bincount(graph.edge_target[seen], minlength=graph.node_count)
    assert rest[tracked].min() >= 0


def test_addresses_ascend_and_references_are_sorted(known: Taken) -> None:
    """The columns keep the contract's order, and no reference led out of the graph."""
    graph = known.snapshot.graph
    assert (np.diff(graph.address.astype(np.int64)) > 0).all()
    assert graph.edge_start[-1] == graph.edge_count == len(graph.edge_kind) == len(graph.edge_name)
    assert not [w for w in known.snapshot.warnings if "did not list" in w]


def test_generations_match(known: Taken) -> None:
    """As many objects in each generation as the target counted, give or take what it made since."""
    graph = known.snapshot.graph
    for generation, count in enumerate(known.before["generations"]):
        assert abs(np.count_nonzero(graph.generation == generation) - count) < 400
    assert (graph.flags[graph.generation >= 0] & NodeFlag.TRACKED != 0).all()


def test_instance_attributes_are_named(known: Taken) -> None:
    """Attributes in dicts, in inline values and in slots; all of 200 instances, and one with a gap."""
    for address, _ in known.before["plain"]:
        node = known.row(address)
        assert known.type_name(known.follow(node, "items")) == "list"
        assert known.type_name(known.follow(node, "label")) == "str"
        assert known.type_name(known.follow(node, "number")) == "int"
    assert known.type_name(known.follow(known.node("SPARSE"), "label")) == "str"
    assert known.type_name(known.follow(known.node("SLOTTED"), "left")) == "list"
    assert known.type_name(known.follow(known.node("SLOTTED"), "right", "two")) == "int"
    assert EdgeKind.TYPE in [kind for kind, *_ in known.edges(known.node("SLOTTED"))]


def test_dict_entries_are_named(known: Taken) -> None:
    """Str keys name their values, other keys are references of their own; a big dict has its first hundred."""
    kinds = {(kind, name) for kind, name, _, _ in known.edges(known.node("TABLE"))}
    assert {(EdgeKind.KEY, "first"), (EdgeKind.KEY, "second"), (EdgeKind.VALUE, ""), (EdgeKind.DICT_KEY, "")} <= kinds
    named = [name for kind, name, _, extra in known.edges(known.node("BIG")) if kind == EdgeKind.KEY]
    assert named == [f"key{n}" for n in range(100)]


def test_keys_of_a_dict_are_extra_references(known: Taken) -> None:
    """``tp_traverse`` does not visit str keys: they are nodes, held by references outside trial deletion."""
    keys = [target for kind, _, target, extra in known.edges(known.node("BIG")) if kind == EdgeKind.DICT_KEY and extra]
    assert len(keys) == 500
    assert {known.type_name(node) for node in keys} == {"str"}


def test_module_globals_are_all_named(known: Taken) -> None:
    """Every global of ``__main__`` can be found by its name from the module root."""
    main = next(m.node for m in known.snapshot.modules if m.name == "__main__")
    for name, address in known.before["ids"].items():
        if name != "name":
            assert known.snapshot.graph.address[known.follow(main, name)] == address


def test_functions_name_cells_and_defaults(known: Taken) -> None:
    """Closure cells, positional and keyword defaults carry their variables' names."""
    function = known.node("CLOSURE")
    assert known.type_name(known.follow(function, "__closure__", "captured", "cell_contents")) == "list"
    assert known.type_name(known.follow(function, "__defaults__", "x")) == "list"
    assert known.type_name(known.follow(function, "__kwdefaults__", "flag")) == "dict"
    assert {kind for kind, *_ in known.edges(known.follow(function, "__defaults__"))} == {EdgeKind.DEFAULT}
    rows = known.snapshot.functions
    place = rows.node.tolist().index(function)
    assert known.snapshot.graph.strings[rows.name[place]] == "enclosing.<locals>.inner"
    assert known.snapshot.graph.strings[rows.file[place]].endswith("known.py")


def test_lists_and_named_tuples_are_in_order(known: Taken) -> None:
    """The third reference of a list is its third element; fields of a named tuple are named."""
    words = [target for kind, _, target, _ in known.edges(known.node("WORDS")) if kind == EdgeKind.INDEX]
    assert len(words) == 50
    assert [int(known.snapshot.graph.size[w]) for w in words[:9]] == [int(known.snapshot.graph.size[words[0]])] * 9
    assert words[1] != words[0]
    assert known.type_name(known.follow(known.node("PAIR"), "x")) == "list"


def test_suspended_frames_name_their_locals(known: Taken) -> None:
    """Generators and coroutines: state, place and variables."""
    snapshot, frames = known.snapshot, known.snapshot.frames
    rows = {int(node): row for row, node in enumerate(frames.node) if node >= 0}
    row = rows[known.node("GENERATOR")]
    assert (frames.kind[row], frames.state[row]) == (FrameKind.GENERATOR, FrameState.SUSPENDED)
    assert snapshot.graph.strings[frames.function[row]] == "generating"
    assert frames.state[rows[known.node("CREATED")]] == FrameState.CREATED
    start = known.node("GENERATOR")
    if "local" not in [name for _, name, _, _ in known.edges(start)]:
        start = known.follow(start, "frame")  # a frame of its own until 3.10
    assert known.type_name(known.follow(start, "local")) == "dict"


def test_task_is_told(known: Taken) -> None:
    """The asyncio task with its name, state, coroutine and line, and as a root."""
    snapshot = known.snapshot
    task = next(t for t in snapshot.tasks if t.name == "the task")
    assert (task.state, task.function) == ("pending", "waiting")
    assert task.file.endswith("known.py")
    assert task.line > 0
    assert known.type_name(task.coroutine) == "coroutine"
    kinds = snapshot.roots.kind[snapshot.roots.node == task.node].tolist()
    assert RootKind.TASK in kinds


def test_running_threads_and_thread_locals_are_there(known: Taken) -> None:
    """A worker's variable is a THREAD root, its thread-local survives the fork."""
    snapshot = known.snapshot
    thread = next(t for t in snapshot.threads if t.name == "the worker")
    assert thread.stack[-1][1].endswith("threading.py")
    on_stack = known.row(known.before["on_stack"])
    place = np.flatnonzero(snapshot.roots.node == on_stack)
    assert [RootKind(int(snapshot.roots.kind[p])) for p in place] == [RootKind.THREAD]
    assert snapshot.graph.strings[snapshot.roots.name[place[0]]] == "on_stack"
    frame = snapshot.roots.frame[place[0]]
    assert snapshot.graph.strings[snapshot.frames.function[frame]] == "worker"
    assert known.type_name(known.row(known.before["thread_local"])) == "list"


def test_bounds_are_read(known: Taken) -> None:
    """``deque``, ``lru_cache`` and an instance that calls its limit ``_maxsize``."""
    bounds = known.snapshot.bounds
    rows = {int(n): (int(b), int(u), known.snapshot.graph.strings[label]) for n, b, u, label in zip(bounds.node, bounds.bound, bounds.used, bounds.label, strict=True)}
    assert rows[known.node("QUEUE")] == (9, 3, "maxlen")
    assert rows[known.node("cached")] == (64, 5, "lru_cache maxsize")
    assert rows[known.node("CACHE")] == (50, 7, "maxsize")


def test_views_know_their_target(known: Taken) -> None:
    """A memoryview and a match object show a small part of a big buffer."""
    views = known.snapshot.views
    rows = {int(n): (int(t), int(e)) for n, t, e in zip(views.node, views.target, views.extent, strict=True)}
    target, extent = rows[known.node("VIEW")]
    assert (known.type_name(target), extent) == ("bytes", 10)
    target, extent = rows[known.node("MATCH")]
    assert (known.type_name(target), extent) == ("str", 3)
    assert (EdgeKind.BASE, target, True) in [(kind, t, extra) for kind, _, t, extra in known.edges(known.node("MATCH"))]


def test_kept_exception_leads_to_its_frame(known: Taken) -> None:
    """Exception, traceback and dead frame, by name."""
    trace = known.follow(known.node("KEPT"), "__traceback__")
    frame = known.follow(trace, "tb_frame")
    assert known.type_name(frame) == "frame"


def test_collector_state_is_that_of_the_target(known: Taken) -> None:
    """Thresholds, statistics and the switch as they were, and the counters only memory shows."""
    collector = known.snapshot.collector
    assert not collector.enabled
    assert [dict(row) for row in collector.stats] == [{k: v for k, v in row.items() if isinstance(v, int)} for row in known.before["stats"]]
    assert collector.long_lived_total is not None
    assert collector.long_lived_pending is not None
    assert collector.regime == "generational"
    assert collector.collecting is False


def test_the_target_was_not_disturbed(known: Taken) -> None:
    """Statistics and threads as before; nothing on stderr."""
    assert known.after["stats"] == known.before["stats"]
    assert known.after["threads"] == known.before["threads"]
    assert known.stderr == ""


def test_process_and_memory_facts(known: Taken, interpreter: Interpreter) -> None:
    """Version, threads and a memory map whose parts add up to RSS; malloc figures for glibc."""
    process, memory = known.snapshot.process, known.snapshot.memory
    assert process.python == interpreter.version
    assert process.threads >= 2
    assert process.stdlib.endswith("python" + ".".join(map(str, interpreter.minor)))
    assert memory.anonymous + memory.file_mapped + memory.stacks == memory.rss > 5 << 20
    assert memory.stacks > 0
    assert memory.allocator == "glibc"
    assert memory.malloc_in_use is not None
    assert memory.malloc_in_use > 100_000
    assert memory.pymalloc_arenas is not None
    assert memory.pymalloc_in_use is not None
    assert 1 << 20 < memory.pymalloc_in_use < memory.pymalloc_arenas < memory.rss


def test_what_the_fork_changed_is_put_back(known: Taken) -> None:
    """``threading`` knows its main thread and its workers in the snapshot as it does in the target."""
    module = next(m.node for m in known.snapshot.modules if m.name == "threading")
    assert known.type_name(known.follow(module, "_main_thread")) == "threading._MainThread"
    active = known.follow(module, "_active")
    threads = [known.type_name(t) for kind, _, t, _ in known.edges(active) if kind == EdgeKind.VALUE]
    assert sorted(threads) == ["threading.Thread", "threading._MainThread"]
