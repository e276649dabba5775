"""Answers of other tools that are not what they should be: from the target they are a failed probe, from a file a warning."""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_schema import validate
from support import Target

from leakkit import store
from leakkit.capture.handover import Handover, Request
from leakkit.capture.probes import BUILT_IN, ended, results
from leakkit.capture.processes import read_process
from leakkit.capture.second import named
from leakkit.capture.take import take_snapshot
from leakkit.diagnose import diagnose
from leakkit.errors import CaptureFailed
from leakkit.probe_model import ProbeResult
from leakkit.report import FORMATS, render
from leakkit.snapshot_model import Snapshot

JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from([-1, 1 << 63, 1 << 70, 10**400, float("inf"), float("nan")]), st.text(max_size=9),
    st.lists(st.integers(), max_size=3), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2), st.just([[[[]]]]), st.just([["x", [["y", {}]], "z", None]]),
)
"""Any JSON, and what Python's reader takes besides."""


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """One that both tools looked at."""
    with Target("probes/growing.py") as target:
        found = take_snapshot(target.pid, probes=BUILT_IN[1:3])
    assert [result.status for result in found.probes] == ["ok", "ok"]
    return found


def places(data: Any, depth: int = 5) -> list[tuple[Any, ...]]:
    """Paths to the parts of an answer, the first ones of each list and dict."""
    if depth == 0:
        return [()]
    steps = list(data)[:3] if isinstance(data, dict) else range(min(len(data), 2)) if isinstance(data, list) else ()
    return [(), *((step, *rest) for step in steps for rest in places(data[step], depth - 1))]


def damaged(data: dict[str, Any], place: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    """The answer with junk in one place, or without it where the junk is None and the place has a name."""
    found = copy.deepcopy(data)
    at: Any = found
    for step in place[:-1]:
        at = at[step]
    if junk is None and isinstance(at, dict):
        del at[place[-1]]
    else:
        at[place[-1]] = junk
    return found


def raw(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """The answers as the agent says them: types and objects by address."""
    graph = snapshot.graph
    known = [int(graph.address[node]) for node in graph.type_node.tolist() if node >= 0][:2]
    some = [int(address) for address in graph.address[:2].tolist()]
    rows = [["dict of app.Row, list", [[True, known[0]], [False, known[1]]], 7, 300], ["dict (no owner)", [[True, 0]], 3, 30], ["many", None, 3, 20]]
    return {
        "objgraph": {"counts": {"dict": 4, "list": 3}, "chains": [{"address": some[0], "reaches_module": True, "chain": [[some[1], "dict"]]}]},
        "guppy3": {
            "types": [[known[0], 5, 400], [known[1], 2, 80]],
            "dominated": [[some[0], 100]],
            "referrers": {"rows": rows, "kinds": 9, "objects": 12, "left_out": known, "reason": ""},
        },
    }


@pytest.mark.real
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_from_the_target_it_is_a_failed_probe(snapshot: Snapshot, data: st.DataObject) -> None:
    """Whatever stands in whatever place: a result, and a diagnosis that draws."""
    name = data.draw(st.sampled_from(["objgraph", "guppy3"]))
    answer = raw(snapshot)[name]
    place = data.draw(st.sampled_from([place for place in places(answer) if place]))
    answer = damaged(answer, place, data.draw(JUNK))
    result = named(ProbeResult(name, "ok", "", answer), snapshot.graph)
    assert result.status in ("ok", "failed")
    if result.status == "failed":
        assert "damaged" in result.reason
        assert result.data == {}


@pytest.mark.real
def test_whole_answers_are_understood(snapshot: Snapshot) -> None:
    """What the junk above is put into is no junk itself."""
    for name, answer in raw(snapshot).items():
        result = named(ProbeResult(name, "ok", "", answer), snapshot.graph)
        assert result.status == "ok", result.reason
    first = result.data["referrers"]["rows"][0]
    assert [owned for owned, _ in first[1]] == [True, False]
    assert all(kind for _, kind in first[1])
    assert result.data["referrers"]["rows"][2][1] is None


@pytest.mark.real
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_from_a_file_it_is_a_warning(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Through a file that was written with it, in one of two snapshots; the report is drawn in every format."""
    number = data.draw(st.integers(0, 1))
    result = snapshot.probes[number]
    place = data.draw(st.sampled_from([place for place in places(result.data) if place]))
    bad = replace(result, data=damaged(result.data, place, data.draw(JUNK)))
    probes = tuple(bad if other is result else other for other in snapshot.probes)
    file = tmp_path_factory.mktemp("damaged") / "a.leak"
    store.write(replace(snapshot, probes=probes), file)
    later = replace(snapshot, capture=replace(snapshot.capture, taken_at="2099-01-01T00:00:00Z", monotonic=snapshot.capture.monotonic + 9))
    report = diagnose(data.draw(st.permutations([store.read(file), later])))
    for name in FORMATS:
        assert render(report, name)
    assert report.second_opinions is not None
    validate(report)


@pytest.mark.real
def test_the_warning_says_which_tool(snapshot: Snapshot, tmp_path: Path) -> None:
    """The other one's figures are there."""
    bad = replace(snapshot.probes[0], data={"counts": {"dict": -1}, "chains": []})
    store.write(replace(snapshot, probes=(bad, snapshot.probes[1])), tmp_path / "a.leak")
    report = diagnose([store.read(tmp_path / "a.leak")])
    assert any(line.startswith("probe objgraph failed: its answer is damaged") for line in report.warnings)
    assert report.second_opinions is not None
    assert report.second_opinions.referrers
    assert all(row.objgraph_count is None for row in report.second_opinions.types)


@pytest.mark.real
def test_snapshots_of_before_have_no_referrers(snapshot: Snapshot) -> None:
    """They are no damage."""
    old = {key: value for key, value in snapshot.probes[1].data.items() if key != "referrers"}
    report = diagnose([replace(snapshot, probes=(replace(snapshot.probes[1], data=old),))])
    assert report.second_opinions is not None
    assert report.second_opinions.referrers == ()
    assert not any("referrers" in note for note in report.second_opinions.notes)
    assert not any("damaged" in line for line in report.warnings)


def test_nesting_without_end_is_damage() -> None:
    """What a hostile target writes in the agent's place."""
    with Handover(read_process(os.getpid()), {}, Request(False, 1.0, 1.0, 0.8)) as handover:
        (handover.folder / "second.json").write_text("[" * 500_000)
        with pytest.raises(CaptureFailed, match="damaged"):
            handover.read_json("second.json")


def test_a_tool_that_has_more_to_say_has_not_ended() -> None:
    """What it has said by then counts."""
    probe = BUILT_IN[2:3]
    said = {"guppy3": {"status": "ok", "reason": "", "data": {"types": []}, "more": True}}
    assert not ended(None, probe)
    assert not ended({}, probe)
    assert not ended(said, probe)
    assert ended({"guppy3": {**said["guppy3"], "more": False}}, probe)
    assert ended({"guppy3": 7}, probe)
    assert results(said, probe) == (ProbeResult("guppy3", "ok", "", {"types": []}),)
