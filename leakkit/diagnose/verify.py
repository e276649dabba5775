"""Keeps score: growth and size of each finding before and after a change, beside what was predicted."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.diagnose.engine import examine
from leakkit.diagnose.findings import finding_fingerprint, make_finding
from leakkit.diagnose.slopes import rises, slope
from leakkit.diagnose.units import in_bytes
from leakkit.errors import UsageError
from leakkit.outcomes import Delivery, SideFacts, Verification, VerifiedFinding, Yardstick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leakkit.diagnose.engine import Examination
    from leakkit.diagnose.findings import Weighed
    from leakkit.model import Finding
    from leakkit.snapshot_model import Snapshot

FEWEST = 3
"""Snapshots a side: two are monotonic by construction."""
DELIVERED_SHARE = 0.8
"""A change delivers when it takes away so much of what was predicted (1 / 1.25)."""
PARTLY_SHARE = 0.2
"""Below this share nothing to speak of has changed."""
RSS_SHARE = 0.5
"""Resident memory that still grows at this share of its earlier pace contradicts a finding that is gone."""
SPAN_FACTOR = 3.0
"""Sides whose length differs by more than this are compared with a warning."""


@dataclass(frozen=True, eq=False)
class _Side:
    """One side's snapshots, examined."""

    examined: Examination
    seconds: tuple[float, ...]
    facts: SideFacts
    by_fingerprint: dict[str, Weighed]

    def told(self) -> list[tuple[Weighed, Finding]]:
        """The findings, each with what it was made from."""
        return [(item, make_finding(self.examined.context, item)) for item in self.examined.told]


def verify(
    before: Sequence[Snapshot],
    after: Sequence[Snapshot],
    *,
    finding: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Verification:
    """Compare the snapshots before a change with those after it.

    Args:
        before: three or more snapshots of one process, in any order.
        after: the same, of the changed program under the same load.
        finding: judge only the finding of that number (from 1) of the report before the change.
        progress: called with a line before each long step.

    Raises:
        UsageError: too few snapshots on a side, or no such finding.
    """
    old, new = _examine(before, "before", progress), _examine(after, "after", progress)
    told = old.told()
    if finding is not None:
        if not 1 <= finding <= len(told):
            message = f"there is no finding {finding} before the change: the report has {len(told)}"
            raise UsageError(message, "see them with: leakkit diagnose BEFORE...")
        told = [told[finding - 1]]
    rows = [_compare(item, found, old, new) for item, found in told]
    if finding is None:
        rows += _new_ones(old, new)
    verdict, reason, yardstick = _overall(rows, old, new)
    known = [row.predicted for row in rows if row.yardstick == yardstick and row.predicted is not None]
    predicted = sum(known) if yardstick and known else None
    measured = None
    if yardstick == Yardstick.GROWTH:
        measured = old.facts.rss_growth - new.facts.rss_growth
    elif yardstick == Yardstick.LEVEL:
        measured = float(old.facts.rss_bytes - new.facts.rss_bytes)
    ratio = _ratio(predicted or 0.0, measured or 0.0)
    sides, warnings = (old.facts, new.facts), _warnings(old, new)
    return Verification(verdict, reason, yardstick, predicted, measured, ratio, *sides, tuple(rows), warnings)


def _examine(snapshots: Sequence[Snapshot], name: str, progress: Callable[[str], None] | None) -> _Side:
    if len(snapshots) < FEWEST:
        raise UsageError(
            f"{len(snapshots)} snapshot{'' if len(snapshots) == 1 else 's'} {name} the change: growth needs three",
            "take them with: leakkit snapshot PID --count 3 --every 30s",
        )
    examined = examine(snapshots, progress=progress)
    history = examined.context.history
    seconds = tuple(moment.seconds for moment in history.moments)
    rss = [moment.snapshot.memory.rss for moment in history.moments]
    facts = SideFacts(
        history.count, history.span, int(statistics.median(rss)), slope(seconds, rss), examined.context.floor
    )
    # Of two suspects with one fingerprint the weightier one comes first and stays.
    known = {finding_fingerprint(item): item for item in reversed(examined.weighed)}
    return _Side(examined, seconds, facts, known)


def _compare(item: Weighed, found: Finding, old: _Side, new: _Side) -> VerifiedFinding:
    sizes = item.suspect.sizes
    later = new.by_fingerprint.get(found.fingerprint)
    after = later.suspect.sizes if later is not None else (0,) * len(new.seconds)
    growth, growth_after = slope(old.seconds, sizes), slope(new.seconds, after)
    if not rises(new.seconds, after, new.facts.floor_bytes):
        growth_after = min(growth_after, 0.0)
    size_after = int(statistics.median(after))
    gone = "" if later is not None else f"; after the change it is below {in_bytes(new.facts.floor_bytes)}"
    if rises(old.seconds, sizes, old.facts.floor_bytes):
        yardstick: Yardstick | None = Yardstick.GROWTH
        predicted = found.fix.saving_bytes_per_second or growth
        measured = growth - max(growth_after, 0.0)
        verdict = _graded(measured / growth)
        reason = f"growth {in_bytes(growth)}/s before, {in_bytes(max(growth_after, 0.0))}/s after{gone}"
    elif found.fix.saving_bytes and found.fix.saving_bytes >= old.facts.floor_bytes:
        yardstick, predicted = Yardstick.LEVEL, float(found.fix.saving_bytes)
        measured = float(sizes[-1] - size_after)
        verdict = _graded(measured / predicted)
        reason = f"it does not grow; {in_bytes(sizes[-1])} before, {in_bytes(size_after)} after{gone}"
    else:
        yardstick, predicted, measured, verdict = None, 0.0, 0.0, Delivery.INCONCLUSIVE
        reason = "before the change it neither grew nor had memory to give back"
    return VerifiedFinding(
        found.fingerprint, found.title, found.fix.id, verdict, yardstick, growth, growth_after,
        sizes[-1], size_after, predicted if yardstick else None, measured, _ratio(predicted, measured), reason,
    )  # fmt: skip


def _graded(share: float) -> Delivery:
    if share >= DELIVERED_SHARE:
        return Delivery.DELIVERED
    return Delivery.PARTLY if share >= PARTLY_SHARE else Delivery.NOT


def _ratio(predicted: float, measured: float) -> float | None:
    return round(predicted / measured, 3) if predicted > 0 and measured > 0 else None


def _new_ones(old: _Side, new: _Side) -> list[VerifiedFinding]:
    """What grows after the change and was not there before: a leak that has moved is not gone."""
    rows = []
    for item, found in new.told():
        sizes = item.suspect.sizes
        if found.fingerprint in old.by_fingerprint or not rises(new.seconds, sizes, new.facts.floor_bytes):
            continue
        growth = slope(new.seconds, sizes)
        rows.append(
            VerifiedFinding(
                found.fingerprint,
                found.title,
                found.fix.id,
                Delivery.NOT,
                Yardstick.GROWTH,
                0.0,
                growth,
                0,
                sizes[-1],
                None,
                -growth,
                None,
                f"new: grows by {in_bytes(growth)}/s",
                is_new=True,
            )
        )
    return rows


def _overall(rows: Sequence[VerifiedFinding], old: _Side, new: _Side) -> tuple[Delivery, str, Yardstick | None]:
    """The whole: growth where anything grew, else what was given back at once."""
    grew = [row for row in rows if row.yardstick == Yardstick.GROWTH]
    if any(not row.is_new for row in grew):
        total = sum(max(row.growth_before, 0.0) for row in grew)
        left = sum(max(row.growth_after, 0.0) for row in grew)
        verdict, reason = _graded(1 - left / total), f"growth {in_bytes(total)}/s before, {in_bytes(left)}/s after"
        return *_with_rss(verdict, reason, old, new), Yardstick.GROWTH
    level = [row for row in rows if row.yardstick == Yardstick.LEVEL]
    if level:
        predicted, measured = sum(row.predicted or 0.0 for row in level), sum(row.measured for row in level)
        reason = f"{in_bytes(predicted)} predicted, {in_bytes(measured)} measured"
        return _graded(measured / predicted), reason, Yardstick.LEVEL
    if grew:
        return Delivery.INCONCLUSIVE, "nothing grew before the change, and something grows after it", None
    return Delivery.INCONCLUSIVE, "before the change nothing grew and nothing large could be given back", None


def _with_rss(verdict: Delivery, reason: str, old: _Side, new: _Side) -> tuple[Delivery, str]:
    """Holders that are gone do not count while resident memory goes on growing."""
    was, now = old.facts.rss_growth, new.facts.rss_growth
    material = now * new.facts.seconds >= new.facts.floor_bytes
    if verdict == Delivery.DELIVERED and was > 0 and material and now > RSS_SHARE * was:
        rate = f"{in_bytes(now)}/s (before {in_bytes(was)}/s)"
        return Delivery.PARTLY, f"{reason}; but resident memory still grows by {rate}"
    return verdict, reason


def _warnings(old: _Side, new: _Side) -> tuple[str, ...]:
    found = ["rates are comparable only under the same load on both sides, which snapshots cannot show"]
    longer, shorter = sorted((old.facts.seconds, new.facts.seconds), reverse=True)
    if longer > SPAN_FACTOR * max(shorter, 1e-9):
        found.append(f"the sides cover {old.facts.seconds:.0f} s and {new.facts.seconds:.0f} s: take both alike")
    for name, side in (("before", old), ("after", new)):
        found += [f"{name}: {text}" for text in side.examined.context.history.warnings]
    return tuple(found)
