"""Before and after a change: slopes, verdicts, and what must not be called delivered."""

from __future__ import annotations

import itertools
import random
import statistics

import pytest
from heap_dump import Dump
from hypothesis import given, settings
from hypothesis import strategies as st

from leakkit.diagnose.slopes import rises, slope
from leakkit.diagnose.verify import verify
from leakkit.errors import UsageError
from leakkit.outcomes import Delivery, Yardstick


def side(growth: dict[str, int], *, start: int = 20, mapped: int = 0, snapshots: int = 3, views: int = 0, pid: int = 1):
    """Snapshots 30 s apart of lists ``app.NAME`` that gain so many entries of 100 kB between them."""
    d = Dump(pid=pid)
    app = d.module("app", file="/srv/app.py")
    lists = {name: d.list(*(d.bytes(100_000) for _ in range(start))) for name in growth}
    for name, one in lists.items():
        app[name] = one
    app["VIEWS"] = d.list(*(d.view(d.bytes(1_000_000), extent=64) for _ in range(views)))
    taken = []
    for number in range(snapshots):
        if number:
            for name, more in growth.items():
                lists[name].append(*(d.bytes(100_000) for _ in range(more)))
        total = sum(o.size for o in d.objects)
        rss = total + 20_000_000
        taken.append(d.snapshot(rss=rss + mapped * number, memory={"anonymous": rss - 10_000_000, "file_mapped": 9_000_000 + mapped * number}))
    return taken


def test_delivered() -> None:
    """The list that grew stays: delivered, with growth, prediction and resident memory agreeing."""
    found = verify(side({"LOG": 30}), side({"LOG": 0}))
    (row,) = found.findings
    assert (found.verdict, row.verdict, row.yardstick) == (Delivery.DELIVERED, Delivery.DELIVERED, Yardstick.GROWTH)
    assert row.growth_before == pytest.approx(30 * 100_041 / 30, rel=0.01)
    assert row.growth_after == 0
    assert row.ratio == pytest.approx(1, abs=0.02)
    assert found.ratio == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("after", "verdict"), [(3, Delivery.DELIVERED), (15, Delivery.PARTLY), (29, Delivery.NOT), (40, Delivery.NOT)])
def test_graded_by_what_is_left(after: int, verdict: Delivery) -> None:
    """A tenth, a half, nearly all and more than all of the growth left."""
    found = verify(side({"LOG": 30}), side({"LOG": after}))
    assert (found.verdict, found.findings[0].verdict) == (verdict, verdict)


def test_a_leak_that_moved_is_not_delivered() -> None:
    """The list is gone and another one grows instead: its finding is new, and the whole is not delivered."""
    found = verify(side({"LOG": 30}), side({"HISTORY": 30}))
    assert found.verdict == Delivery.NOT
    assert [row.is_new for row in found.findings] == [False, True]
    assert found.findings[0].verdict == Delivery.DELIVERED


def test_resident_memory_contradicts() -> None:
    """No object grows after the change, but resident memory does (mapped files) at the same pace: partly."""
    found = verify(side({"LOG": 30}), side({"LOG": 0}, mapped=3_000_000))
    assert found.findings[0].verdict == Delivery.DELIVERED
    assert found.verdict == Delivery.PARTLY
    assert "resident memory still grows" in found.reason


def test_nothing_grew_before() -> None:
    """Without growth or reclaimable memory before the change nothing can be verified."""
    for after in (side({"LOG": 0}), side({"LOG": 30})):
        assert verify(side({"LOG": 0}), after).verdict == Delivery.INCONCLUSIVE


@pytest.mark.parametrize(("left", "verdict"), [(0, Delivery.DELIVERED), (10, Delivery.PARTLY), (20, Delivery.NOT)])
def test_memory_given_back_at_once(left: int, verdict: Delivery) -> None:
    """Views pin buffers and do not grow: judged by their level, in objects and in resident memory."""
    found = verify(side({}, views=20), side({}, views=left))
    (row,) = found.findings
    assert (found.verdict, row.verdict, row.yardstick) == (verdict, verdict, Yardstick.LEVEL)
    if not left:
        assert row.ratio == pytest.approx(1, abs=0.02)
        assert found.ratio == pytest.approx(1, abs=0.02)


def test_one_finding_only() -> None:
    """``finding=`` judges one of several; another that goes on does not count."""
    old, new = side({"LOG": 60, "HISTORY": 20}), side({"LOG": 0, "HISTORY": 20})
    assert verify(old, new).verdict == Delivery.PARTLY
    assert verify(old, new, finding=1).findings[0].verdict == Delivery.DELIVERED
    assert verify(old, new, finding=2).verdict == Delivery.NOT
    with pytest.raises(UsageError):
        verify(old, new, finding=3)


@pytest.mark.parametrize("short", [0, 1])
def test_two_snapshots_are_refused(short: int) -> None:
    sides = [side({"LOG": 30}), side({"LOG": 30})]
    sides[short] = sides[short][:2]
    with pytest.raises(UsageError, match=f"2 snapshots {('before', 'after')[short]}"):
        verify(*sides)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(-(10**9), 10**9)), min_size=2, max_size=9, unique_by=lambda p: p[0]))
def test_slope_is_the_median_of_pairs(points) -> None:
    """Theil-Sen by its definition, whatever the order of the points' values."""
    points.sort()
    seconds, values = [float(t) for t, _ in points], [float(v) for _, v in points]
    by_hand = sorted((b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2))
    assert slope(seconds, values) == pytest.approx(statistics.median(by_hand))


def test_one_odd_snapshot_does_not_turn_the_slope() -> None:
    """A burst in one of five snapshots moves least squares by far, and this slope hardly."""
    rng = random.Random(3)
    seconds = [0.0, 10.0, 20.0, 30.0, 40.0]
    values = [1e6 * t + rng.uniform(-1e5, 1e5) for t in seconds]
    values[1] += 200e6
    assert slope(seconds, values) == pytest.approx(1e6, rel=0.5)
    assert rises(seconds, values, 1e6)
    assert not rises(seconds, [5.0, 4.0, 6.0, 4.0, 5.0], 0.5)
