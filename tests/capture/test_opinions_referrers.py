"""Heapy's partition by referrers in the copy, beside leakkit's own figures for the same kinds."""

from __future__ import annotations

import sys

import pytest
from report_schema import validate
from support import Target

from leakkit.capture import take as take_module
from leakkit.capture.probes import BUILT_IN
from leakkit.capture.take import take_snapshot
from leakkit.diagnose import diagnose
from leakkit.model import ReferrerOpinion, Report, SecondOpinions
from leakkit.report import FORMATS, render
from leakkit.snapshot_model import Snapshot

PROGRAM = "probes/held.py"
GUPPY = BUILT_IN[2:3]
PLAIN = "dict of __main__.Plain" if sys.version_info < (3, 13) else "__main__.Plain, dict of __main__.Plain"
"""An attribute that lies in its instance: from 3.13 on Heapy meets it there and in the dict that it has made for it."""
KNOWN = {"__main__.Item": 20_000, "__main__.Shelf": 9_000, "__main__.Holder": 9_000, PLAIN: 7_000}
"""Objects by the kind of what alone refers to them: floats, instances, dicts, strings."""


def taken(*args: str) -> Snapshot:
    with Target(PROGRAM, args=args) as target:
        snapshot = take_snapshot(target.pid, probes=GUPPY)
        assert target.alive()
        assert not target.stderr.strip()
    (result,) = snapshot.probes
    assert result.status == "ok", result.reason
    return snapshot


def opinions(report: Report) -> SecondOpinions:
    assert report.second_opinions is not None
    return report.second_opinions


def rows(report: Report) -> dict[str, ReferrerOpinion]:
    return {row.referrers: row for row in opinions(report).referrers}


@pytest.fixture(scope="module")
def report() -> Report:
    """Of one copy that guppy3 looked at."""
    return diagnose([taken()])


@pytest.mark.real
def test_known_referrers_hold_exactly_what_they_hold(report: Report) -> None:
    """Slots, a subclass of list, and attributes that lie in the instance: in Heapy's figures and in leakkit's."""
    found = rows(report)
    for kind, count in KNOWN.items():
        assert (found[kind].guppy3_count, found[kind].count) == (count, count), found[kind]
        assert found[kind].guppy3_bytes == found[kind].bytes


@pytest.mark.real
def test_what_lists_hold_is_nearly_the_same(report: Report) -> None:
    """The instances, and what else of the process hangs in lists."""
    row = rows(report)["list"]
    assert row.count is not None
    assert 27_000 <= row.guppy3_count <= 28_500
    assert abs(row.count - row.guppy3_count) <= 0.02 * row.guppy3_count


@pytest.mark.real
def test_rows_are_few_and_the_largest_first(report: Report) -> None:
    """And a note says how far the tools agree."""
    found = opinions(report).referrers
    assert 0 < len(found) <= 8
    assert [row.guppy3_bytes for row in found] == sorted((row.guppy3_bytes for row in found), reverse=True)
    assert any("sets of referrers' kinds" in note for note in opinions(report).notes)


@pytest.mark.real
def test_every_format_draws_it(report: Report) -> None:
    """The text within its columns, JSON after its contract."""
    for name in FORMATS:
        text = render(report, name)
        assert "Holder" in text
        assert "9,000" in text or name == "json"
        if name == "text":
            assert max(map(len, text.splitlines())) <= 80
    row = next(row for row in validate(report)["second_opinions"]["referrers"] if row["referrers"] == "__main__.Holder")
    assert (row["guppy3_count"], row["count"]) == (9_000, 9_000)


@pytest.mark.real
def test_of_a_large_heap_the_types_that_weigh_most_are_asked() -> None:
    """As many as go into the bound; it says so, and leakkit's figures are of the same objects."""
    report = diagnose([taken("230000")])
    found = rows(report)
    assert "__main__.Item" not in found
    for kind in ("__main__.Shelf", "__main__.Holder", PLAIN):
        assert (found[kind].guppy3_count, found[kind].count) == (KNOWN[kind], KNOWN[kind])
    (note,) = [note for note in opinions(report).notes if "weigh most" in note]
    assert note.endswith("left out: float")


@pytest.mark.real
def test_of_a_huge_heap_nothing_is_asked() -> None:
    """Heapy would note the referrers of all of it first; its other figures are there."""
    report = diagnose([taken("1000000")])
    assert opinions(report).referrers == ()
    assert any("up to 1,000,000 objects" in note for note in opinions(report).notes)
    row = next(row for row in opinions(report).types if row.type == "float")
    assert row.guppy3_count == row.count


@pytest.mark.real
def test_what_was_said_before_it_hangs_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time runs out among the referrers: the counts by type count."""
    monkeypatch.setattr(take_module, "PROBE_SECONDS", 6.0)
    with Target("probes/slow_names.py") as target:
        snapshot = take_snapshot(target.pid, probes=GUPPY)
        assert target.alive()
    report = diagnose([snapshot])
    row = next(row for row in opinions(report).types if row.type == "__main__.Row")
    assert (row.count, row.guppy3_count) == (3_000, 3_000)
    assert opinions(report).referrers == ()
    assert any("the time for the tools was over" in note for note in opinions(report).notes)
