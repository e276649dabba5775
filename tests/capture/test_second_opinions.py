"""leakkit, objgraph and guppy3 on one frozen copy: the figures agree, and a tool that fails costs nothing else."""

from __future__ import annotations

import sys
from collections import Counter
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from support import Interpreter, Target

from leakkit.capture import probes as probes_module
from leakkit.capture import take as take_module
from leakkit.capture.probes import BUILT_IN, Probe, choose, find_probes
from leakkit.capture.take import take_snapshot
from leakkit.diagnose import diagnose
from leakkit.diagnose.allocated import RULE
from leakkit.errors import UsageError
from leakkit.heap.analysis import analyse
from leakkit.report import FORMATS, render
from leakkit.snapshot_model import NodeFlag, Snapshot

PROGRAM = "probes/exemplars.py"
TOOLS = BUILT_IN[1:3]


@pytest.fixture(scope="module")
def copy() -> Snapshot:
    """One copy that leakkit and both tools looked at."""
    with Target(PROGRAM) as target:
        snapshot = take_snapshot(target.pid, probes=TOOLS)
        assert target.alive()
        assert not target.stderr.strip()
    return snapshot


def said(snapshot: Snapshot, name: str) -> dict:
    (result,) = [result for result in snapshot.probes if result.name == name]
    assert result.status == "ok", result
    return result.data


@pytest.mark.real
def test_type_counts_are_those_of_objgraph(copy: Snapshot) -> None:
    """Of tracked objects, for every type, exactly."""
    graph = copy.graph
    tracked = (graph.flags & NodeFlag.TRACKED) != 0
    mine: Counter[str] = Counter()
    for number, count in enumerate(np.bincount(graph.type_id[tracked], minlength=len(graph.types)).tolist()):
        mine[graph.types[number].rpartition(".")[2]] += count
    assert +mine == Counter(said(copy, "objgraph")["counts"])
    assert sum(mine.values()) > 10_000


@pytest.mark.real
def test_bytes_are_those_of_guppy3(copy: Snapshot) -> None:
    """Within 2 % for the types that both size; counts are the same."""
    graph = copy.graph
    counts = np.bincount(graph.type_id, minlength=len(graph.types))
    sizes = np.bincount(graph.type_id, weights=graph.size, minlength=len(graph.types))
    theirs = said(copy, "guppy3")["types"]
    both = [n for n, name in enumerate(graph.types) if counts[n] and name in theirs]
    assert len(both) > 40
    for number in both:
        count, size = theirs[graph.types[number]]
        assert count == counts[number], graph.types[number]
        assert abs(size - sizes[number]) <= 0.02 * sizes[number], graph.types[number]


@pytest.mark.real
def test_retained_sizes_are_what_guppy3_says_is_dominated(copy: Snapshot) -> None:
    """Within 2 % for the program's own containers; our dominator tree against Heapy's walks."""
    heap = analyse(copy)
    graph = copy.graph
    own = {}
    (main,) = [module.node for module in copy.modules if module.name == "__main__"]
    namespaces = graph.edge_target[graph.edge_start[main] : graph.edge_start[main + 1]].tolist()
    for node in namespaces:
        for edge in range(int(graph.edge_start[node]), int(graph.edge_start[node + 1])):
            own[int(graph.edge_target[edge])] = graph.strings[int(graph.edge_name[edge])]
    compared = {own[node]: (int(heap.dominators.retained[node]), size) for node, size in said(copy, "guppy3")["dominated"] if node in own}
    assert {"NUMBERS", "ROWS", "SET"} <= set(compared), compared
    for name, (mine, theirs) in compared.items():
        assert abs(mine - theirs) <= 0.02 * theirs, (name, mine, theirs)


@pytest.mark.real
def test_the_report_shows_them_side_by_side(copy: Snapshot) -> None:
    """In every format; the text stays within its columns."""
    report = diagnose([copy])
    assert report.second_opinions is not None
    row = next(row for row in report.second_opinions.types if row.type == "list")
    assert row.tracked == row.objgraph_count
    assert row.count == row.guppy3_count
    for name in FORMATS:
        text = render(report, name)
        assert "objgraph" in text
        if name == "text":
            assert max(map(len, text.splitlines())) <= 80


@pytest.mark.real
def test_a_tool_that_hangs_costs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot is whole, and says which tool did not answer."""
    monkeypatch.setattr(take_module, "PROBE_SECONDS", 6.0)
    slow = Probe("slow", "never answers", text="import time\ndef probe(objects):\n    time.sleep(600)\n")
    broken = Probe("broken", "raises", text="def probe(objects):\n    return {'half': 1 / 0}\n")
    odd = Probe("odd", "no JSON", text="def probe(objects):\n    return {'set': {1}}\n")
    large = Probe("large", "too much", text="def probe(objects):\n    return {'text': 'x' * 9_000_000}\n")
    good = Probe("good", "counts", text="def probe(objects):\n    return {'objects': len(objects)}\n")
    with Target(PROGRAM) as target:
        snapshot = take_snapshot(target.pid, probes=(broken, odd, large, good, slow))
        assert target.alive()
    found = {result.name: result for result in snapshot.probes}
    assert found["good"].data["objects"] > 10_000
    assert "ZeroDivisionError" in found["broken"].reason
    assert "plain JSON" in found["odd"].reason
    assert "larger" in found["large"].reason
    assert found["slow"].status == "failed"
    report = diagnose([snapshot])
    assert any(line.startswith("probe broken failed") for line in report.warnings)
    assert snapshot.graph.node_count > 10_000


@pytest.mark.real
def test_other_versions_skip_what_is_compiled(interpreter: Interpreter) -> None:
    """objgraph is pure Python and lent to all; guppy3 needs leakkit's own version."""
    if interpreter.minor == sys.version_info[:2] or interpreter.minor < (3, 10):
        pytest.skip("leakkit's own version, or too old for objgraph")
    with Target(PROGRAM, interpreter) as target:
        snapshot = take_snapshot(target.pid, probes=TOOLS)
    found = {result.name: result for result in snapshot.probes}
    assert found["objgraph"].status == "ok", found["objgraph"].reason
    assert found["guppy3"].status == "skipped"
    assert found["guppy3"].reason


@pytest.mark.real
def test_a_tracemalloc_of_the_targets_own_is_read() -> None:
    """Its tracebacks are joined to the objects; without one the probe is skipped."""
    probe = BUILT_IN[3:4]
    with Target("probes/library_leak.py", options=("-X", "tracemalloc=5")) as target:
        target.step(6)
        snapshot = take_snapshot(target.pid, probes=probe)
    assert [result.status for result in snapshot.probes] == ["ok"], snapshot.probes
    assert snapshot.allocations is not None
    cache = next(f for f in diagnose([snapshot]).findings if f.holder.name.endswith(("QUEUE", "CACHE")))
    assert cache.allocated_at[0].source == "tracemalloc"
    assert cache.allocated_at[0].file.endswith("library_leak.py")
    assert next(e for e in cache.evidence if e.rule == RULE).numbers["share"] > 0.95
    with Target(PROGRAM) as target:
        (result,) = take_snapshot(target.pid, probes=probe).probes
    assert (result.status, "tracemalloc" in result.reason) == ("skipped", True)


def test_third_parties_add_probes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Through entry points of a real distribution; one that cannot be loaded is a line."""
    (tmp_path / "their_probe.py").write_text("from leakkit.capture.probes import Probe\nPROBE = Probe('theirs', 'about', text='def probe(objects): return {}')\n")
    info = tmp_path / "theirs-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[leakkit.probes]\ntheirs = their_probe:PROBE\nbad = their_probe:MISSING\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert metadata.version("theirs") == "1"
    found, complaints = find_probes()
    assert "theirs" in {probe.name for probe in found}
    assert len(complaints) == 1
    assert "bad" in complaints[0]
    assert [probe.name for probe in choose(["theirs", "objgraph"], ["objgraph"])] == ["theirs"]


def test_wrong_names_are_usage_errors() -> None:
    """And memray needs a window."""
    with pytest.raises(UsageError, match="no probe"):
        choose(["nope"], [])
    with pytest.raises(UsageError, match="window"):
        choose(["memray"], [])
    assert choose([], ["memray"]) == ()


def test_a_probe_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to get it."""
    monkeypatch.setattr(probes_module.importlib.util, "find_spec", lambda name: None)
    assert "pip install" in probes_module.why_not(TOOLS[0])
