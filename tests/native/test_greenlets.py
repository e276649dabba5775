"""What suspended greenlets hold in their frames is found by either walk, with its name."""

from __future__ import annotations

from collections import Counter

import pytest
from support import Target, python

from leakkit.capture.take import take_snapshot
from leakkit.snapshot_model import EDGE_EXTRA, EDGE_KIND_MASK, EdgeKind

pytestmark = pytest.mark.real


@pytest.mark.parametrize("walker", ["native", "python"])
def test_locals_of_greenlets_are_named(walker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The locals of ten greenlets, callers' ones included; they are extra references, which trial deletion leaves out."""
    pytest.importorskip("greenlet")
    monkeypatch.setenv("LEAKKIT_NO_NATIVE", "1" if walker == "python" else "0")
    with Target("native/greenlets.py", python("3.11"), args=("--steps",)) as target:
        target.step()
        snapshot = take_snapshot(target.pid)
        target.step()
        assert target.alive()
    assert snapshot.capture.walker == walker, snapshot.warnings
    graph, names = snapshot.graph, Counter()
    for row, kind in enumerate(graph.type_id.tolist()):
        if graph.types[kind] == "greenlet.greenlet":
            for edge in range(graph.edge_start[row], graph.edge_start[row + 1]):
                if graph.edge_kind[edge] & EDGE_KIND_MASK == EdgeKind.LOCAL:
                    assert graph.edge_kind[edge] & EDGE_EXTRA
                    names[graph.strings[graph.edge_name[edge]], graph.types[graph.type_id[graph.edge_target[edge]]]] += 1
    assert names["inner", "bytes"] == 40
    assert names["payload", "list"] == 10
    assert names["closure", "function"] == 10
