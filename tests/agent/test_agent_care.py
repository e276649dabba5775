"""The agent takes care of the target: what it leaves behind, what it refuses, what it keeps to itself."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from support import Interpreter, Target, python

from leakkit.capture import take
from leakkit.errors import CaptureFailed
from leakkit.snapshot_model import EDGE_EXTRA, EDGE_KIND_MASK, EdgeKind, Snapshot

pytestmark = pytest.mark.real
BUILT_IN = {"_operator", "_weakref", "gc", "itertools", "_signal", "time"}
CTYPES = {"ctypes", "_ctypes", "ctypes._endian", "ctypes._layout", "struct", "_struct"}
"""What the native walk imports in a target that has no ctypes yet, and says so."""


def types_of(snapshot: Snapshot) -> list[str]:
    return [snapshot.graph.types[i] for i in snapshot.graph.type_id.tolist()]


def test_target_is_left_as_it_was(interpreter: Interpreter) -> None:
    """Modules, warning filters, signal mask, threads, files, collector, children: all as before."""
    folder = tempfile.mkdtemp(prefix="leakkit-quiet-", dir=(interpreter.root or "") + "/tmp")
    try:
        path = Path(folder) / "state.json"
        with Target("agent/quiet.py", interpreter, args=(folder.removeprefix(interpreter.root) + "/state.json",)) as target:
            target.step()
            before = json.loads(path.read_text())
            snapshot = take.take_snapshot(target.pid)
            target.step()
            after = json.loads(path.read_text())
            assert target.stderr == ""
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    new = set(after.pop("modules")) - set(before.pop("modules"))
    assert new <= BUILT_IN | CTYPES or interpreter.root, new
    assert not new & CTYPES or any("ctypes was imported" in line for line in snapshot.capture.disclosures)
    assert after == before
    assert snapshot.graph.node_count > 5000


def test_finalizers_of_thread_locals_do_not_run_in_the_copy(interpreter: Interpreter) -> None:
    """The fork's child forgets the other threads; what they held stays alive in it, and is in the graph."""
    with Target("agent/thread_finalizer.py", interpreter) as target:
        snapshot = take.take_snapshot(target.pid)
        target.step()
        assert target.stderr == ""
        assert "__main__.Watched" in types_of(snapshot)
    assert any("ctypes" in text for text in snapshot.capture.disclosures)


def test_values_leave_only_on_demand(interpreter: Interpreter) -> None:
    """No preview without ``values``; short ones with it."""
    with Target("agent/thread_finalizer.py", interpreter) as target:
        plain = take.take_snapshot(target.pid)
        asked = take.take_snapshot(target.pid, values=True)
    assert plain.values == {}
    assert "thread local payload" not in plain.graph.strings
    assert "'thread local payload'" in asked.values.values()
    assert max(map(len, asked.values.values())) < 320


def test_copy_is_refused_without_headroom(monkeypatch: pytest.MonkeyPatch) -> None:
    """When memory is short there is no fork, one clear error, and the target lives."""
    monkeypatch.setattr(take, "HEADROOM_FRACTION", 1e-6)
    with Target("agent/thread_finalizer.py") as target:
        with pytest.raises(CaptureFailed, match="MB") as caught:
            take.take_snapshot(target.pid)
        assert caught.value.hint
        target.step()
        assert target.stderr == ""


def test_copy_ends_at_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that may live for a millisecond stops early and says so; the native walk has a test of its own."""
    monkeypatch.setattr(take, "COPY_SECONDS", 0.001)
    monkeypatch.setenv("LEAKKIT_NO_NATIVE", "1")
    with Target("agent/thread_finalizer.py") as target:
        with pytest.raises(CaptureFailed, match="time"):
            take.take_snapshot(target.pid)
        target.step()
        assert target.alive()


def test_numpy_and_pandas_references_are_seen() -> None:
    """``base`` of a view, elements of an array of objects, text of a frame: none is visited by the collector."""
    with Target("agent/arrays.py", python("3.11")) as target:
        snapshot = take.take_snapshot(target.pid)
    graph, names = snapshot.graph, types_of(snapshot)
    views = {int(n): (int(t), int(e)) for n, t, e in zip(snapshot.views.node, snapshot.views.target, snapshot.views.extent, strict=True)}
    small = [n for n, (t, e) in views.items() if e == 80 and t >= 0 and graph.size[t] >= 800_000]
    assert len(small) == 1
    extra = [e for e in np.flatnonzero(graph.edge_kind & EDGE_EXTRA) if graph.edge_kind[e] & EDGE_KIND_MASK == EdgeKind.INDEX]
    source = np.repeat(np.arange(graph.node_count), np.diff(graph.edge_start))
    held = {names[source[e]]: [] for e in extra}
    for e in extra:
        held[names[source[e]]].append(names[graph.edge_target[e]])
    assert sorted(held["numpy.ndarray"]).count("str") >= 3
    assert {"list", "dict"} <= set(held["numpy.ndarray"])


def test_a_process_that_computes_in_openblas_is_not_hung() -> None:
    """OpenBLAS waits for ever in its fork handler while it computes: no copy by fork is made then, and it goes on."""
    with Target("agent/busy_blas.py") as target:
        assert target.process.stdin is not None
        assert target.process.stdout is not None
        for _ in range(3):
            try:
                take.take_snapshot(target.pid, timeout=30)
            except CaptureFailed as error:
                assert "OpenBLAS" in error.message
                assert "OPENBLAS_NUM_THREADS" in error.hint
            target.process.stdin.write("STEP\n")
            target.process.stdin.flush()
            assert int(target.process.stdout.readline()) > 0, "it computes no more"
            target.wait_ready()
        assert target.alive()
