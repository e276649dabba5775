"""objgraph's growth over several copies of one target, beside leakkit's own counts."""

from __future__ import annotations

import gc

import objgraph
import pytest
from report_schema import validate
from support import Interpreter, Target

from leakkit.capture.probes import BUILT_IN
from leakkit.capture.take import take_series, take_snapshot
from leakkit.diagnose import diagnose
from leakkit.diagnose.opinion_growth import risen
from leakkit.model import GrowthOpinion, Report
from leakkit.report import FORMATS, render
from leakkit.snapshot_model import Snapshot

PROGRAM = "probes/growing.py"
OBJGRAPH = BUILT_IN[1:2]
A_STEP = 321
"""Instances that the target leaks with each step."""


def series(steps: int = 2, interpreter: Interpreter | None = None) -> list[Snapshot]:
    """A snapshot before the first step and after each."""
    with Target(PROGRAM, interpreter) as target:
        found = [take_snapshot(target.pid, probes=OBJGRAPH)]
        for _ in range(steps):
            target.step()
            found.append(take_snapshot(target.pid, probes=OBJGRAPH))
        assert target.alive()
    return found


@pytest.fixture(scope="module")
def report() -> Report:
    """Of three snapshots that objgraph looked at."""
    return diagnose(series())


def rows(report: Report) -> dict[str, GrowthOpinion]:
    assert report.second_opinions is not None
    return {row.type: row for row in report.second_opinions.growth}


@pytest.mark.real
def test_a_leak_grows_by_exactly_what_was_made(report: Report) -> None:
    """In objgraph's counts and in leakkit's; it is the first row."""
    assert report.second_opinions is not None
    assert report.second_opinions.growth[0] == GrowthOpinion("__main__.Leaf", 2 * A_STEP, 2 * A_STEP, 2 * A_STEP, 2, 2)
    assert len(report.second_opinions.growth) <= 10
    sizes = [max(row.growth, row.objgraph_growth) for row in report.second_opinions.growth]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.real
def test_only_what_lies_above_all_before_is_growth(report: Report) -> None:
    """900, 500, 700 is no growth; 0, 150, 0 is what objgraph said once."""
    found = rows(report)
    assert "__main__.Tide" not in found
    assert found["__main__.Wave"] == GrowthOpinion("__main__.Wave", 0, 150, 150, 1, 2)
    for row in found.values():
        assert row.growth == row.objgraph_growth, row


@pytest.mark.real
def test_every_format_draws_it(report: Report) -> None:
    """The text within its columns, JSON after its contract."""
    for name in FORMATS:
        text = render(report, name)
        assert "Leaf" in text
        assert "642" in text
        assert "objgraph" in text
        if name == "text":
            assert max(map(len, text.splitlines())) <= 80
            assert "2 of 2" in text
    assert validate(report)["second_opinions"]["growth"][0]["objgraph_growth"] == 2 * A_STEP


@pytest.mark.real
def test_snapshots_without_an_answer_are_passed_over() -> None:
    """Two of three are compared; one alone is not."""
    snapshots = series()
    with Target(PROGRAM) as target:
        without = take_snapshot(target.pid)
    assert without.probes == ()
    assert rows(diagnose(snapshots[::2]))["__main__.Leaf"].intervals == 1
    alone = diagnose(snapshots[2:]).second_opinions
    assert alone is not None
    assert alone.growth == ()


@pytest.mark.real
def test_a_series_asks_objgraph_each_time_and_guppy3_at_its_end() -> None:
    """And for chains only at its end; then growth is there without more ado."""
    with Target(PROGRAM) as target:
        found = []
        for snapshot in take_series(target.pid, count=3, every=0.1, probes=BUILT_IN[1:3]):
            found.append(snapshot)
            target.step()
    assert [[result.name for result in snapshot.probes] for snapshot in found] == [["objgraph"], ["objgraph"], ["objgraph", "guppy3"]]
    assert [bool(snapshot.probes[0].data["chains"]) for snapshot in found] == [False, False, True]
    assert rows(diagnose(found))["__main__.Leaf"].objgraph_growth == 2 * A_STEP


@pytest.mark.real
def test_growth_is_the_same_on_every_version(interpreter: Interpreter) -> None:
    """objgraph is pure Python and lent to all."""
    row = rows(diagnose(series(1, interpreter)))["__main__.Leaf"]
    assert (row.growth, row.objgraph_growth) == (A_STEP, A_STEP)


class Up:
    pass


class Down:
    pass


def test_the_rule_is_that_of_objgraph() -> None:
    """Its own ``growth`` and the rule here, told of the same objects, say the same."""
    numbers = [(5, 9), (7, 3), (7, 8), (4, 12), (11, 12)]
    peaks: dict[str, int] = {}
    counts, said = [], {"Up": (0, 0), "Down": (0, 0)}
    for up, down in numbers:
        kept = [Up() for _ in range(up)], [Down() for _ in range(down)]
        counts.append(objgraph.typestats(filter=lambda item: type(item) in (Up, Down)))
        for name, _, rise in objgraph.growth(peak_stats=peaks, filter=lambda item: type(item) in (Up, Down)):
            if len(counts) > 1:
                said[name] = said[name][0] + rise, said[name][1] + 1
        del kept
        gc.collect()
    assert risen(counts) == said
    assert said == {"Up": (6, 2), "Down": (3, 1)}
