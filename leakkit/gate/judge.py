"""Holds a measured check against the budgets, the suppressions and the baseline.

The rule has said whether the scenario grows; here is decided whether that growth is new and more than was allowed.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from leakkit.gate.baseline import counted, spread
from leakkit.gate.model import Accepted, AcceptedBy, Broken, Metric, Outcome
from leakkit.gate.suppress import find_suppression, stale_suppressions

if TYPE_CHECKING:
    from leakkit.gate.baseline import Baseline, Known
    from leakkit.gate.budgets import Budgets, Limit, Policy
    from leakkit.gate.model import Check, GateReport, Growth
    from leakkit.model import Finding

BYTE_METRICS: Final = (Metric.BYTES, Metric.GARBAGE_BYTES, Metric.NATIVE, Metric.RSS, Metric.USS)
MEMORY_METRICS: Final = (*BYTE_METRICS, Metric.OBJECTS, Metric.GARBAGE_OBJECTS, Metric.BLOCKS)
"""What a budget in bytes speaks for: open files and threads are no memory."""
_COARSE: Final = (Metric.RSS, Metric.USS, Metric.BLOCKS, Metric.NATIVE)
"""Shadows of the objects and bytes: they may or may not show the same growth from run to run."""
UPDATE: Final = "leakkit gate … --update"


@dataclass
class _Judgement:
    """What is being put together for one check."""

    accepted: list[Accepted] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Budgets that could not be held against anything."""


def judge(report: GateReport, policy: Policy, baseline: Baseline | None, *, today: date | None = None) -> GateReport:
    """All checks of a run judged, and what is stale in the configuration as warnings.

    Args:
        report: as measured.
        policy: the project's ``[tool.leakkit]``.
        baseline: None when the project has none.
        today: for suppressions that expire; by default the day in UTC.
    """
    day = today or datetime.now(UTC).date()
    checks = tuple(judge_check(check, policy, baseline, today=day) for check in report.checks)
    stale = stale_suppressions(policy.suppressions, checks, day)
    return replace(report, checks=checks, warnings=(*report.warnings, *stale))


def judge_check(check: Check, policy: Policy, baseline: Baseline | None, *, today: date | None = None) -> Check:
    """One check judged; one that could not be measured stays so."""
    if check.outcome == Outcome.UNMEASURED:
        return check
    day = today or datetime.now(UTC).date()
    budgets = policy.budgets_for(check.subject)
    known = baseline.subjects.get(check.subject) if baseline else None
    found = _Judgement()
    _accept(found, check, policy, known, day)
    excuse = _excuse(found, check, budgets, known) if check.outcome == Outcome.REGRESSION else None
    if check.outcome == Outcome.REGRESSION and excuse is None and baseline is not None:
        _new_findings(found, check)
    _hold(found, "retained", budgets.retained, check.retained_bytes, known.retained_bytes if known else None)
    _hold(found, "peak", budgets.peak, check.peak_bytes, known.peak_bytes if known else None)
    _gone(found, check, known)
    return _put_together(check, found, excuse)


def _accept(found: _Judgement, check: Check, policy: Policy, known: Known | None, day: date) -> None:
    """Let known and suppressed findings pass."""
    for finding in check.findings:
        suppression = find_suppression(policy.suppressions, check, finding, day)
        if suppression is not None:
            until = f" until {suppression.expires}" if suppression.expires else ""
            found.accepted.append(Accepted(finding.fingerprint, AcceptedBy.SUPPRESSION, suppression.reason))
            found.notes.append(f"suppressed{until}: {finding.title} ({suppression.reason})")
        elif known is not None and known.finding(finding.fingerprint):
            found.accepted.append(Accepted(finding.fingerprint, AcceptedBy.BASELINE, "in the baseline"))
            found.notes.append(f"known: {finding.title} (fingerprint {finding.fingerprint} is in the baseline)")


def _excuse(found: _Judgement, check: Check, budgets: Budgets, known: Known | None) -> str | None:
    """Why growth that the rule has proven is let pass, or None."""
    grown = [growth for growth in check.growths if growth.regressed]
    by_print = {one.fingerprint: one for one in found.accepted}
    relevant = counted(check.findings)
    new = [finding for finding in relevant if finding.fingerprint not in by_print]
    ways = {by_print[f.fingerprint].by for f in relevant if f.fingerprint in by_print}
    if not new and ways == {AcceptedBy.SUPPRESSION}:
        return "everything that grows is suppressed"
    if budgets.growth_per_call is not None and (
        allowed := _within_budget(found, grown, budgets.growth_per_call, known)
    ):
        return allowed
    if len(new) > (budgets.findings or 0):
        return None
    if new:
        return f"{len(new)} new finding{'s' * (len(new) > 1)}, {budgets.findings} allowed"
    if known is None or not grown or _grows_more(found, grown, known):
        return None
    return "it grows as in the baseline"


def _within_budget(found: _Judgement, grown: list[Growth], limit: Limit, known: Known | None) -> str | None:
    """Whether all growth is memory and each kind of bytes stays below the limit."""
    if not grown or any(growth.metric not in MEMORY_METRICS for growth in grown):
        return None
    sizes = [growth for growth in grown if growth.metric in BYTE_METRICS]
    for growth in sizes:
        base = known.growth.get(growth.metric) if known else None
        most, measured = limit.resolve(base.median if base else None), statistics.median(growth.per_call)
        if most is None or measured > most:
            message = f"{growth.metric.value} grow by {measured:,.0f} B a call, the budget is {limit.text}"
            if most is None:
                message += " of a baseline that has none"
            found.broken.append(Broken("growth-per-call", most, measured, message))
    if found.broken or not sizes:
        return None
    return f"growth is within the budget of {limit.text} a call"


def _grows_more(found: _Judgement, grown: list[Growth], known: Known) -> bool:
    """Whether something grows that the baseline does not know, or faster than it says."""
    before = len(found.broken)
    fine = any(metric not in _COARSE for metric in known.growth)
    for growth in grown:
        base, measured = known.growth.get(growth.metric), spread(growth).median
        if base is None:
            if growth.metric in _COARSE and fine:
                continue
            message = f"{growth.metric.value} grow by {_number(measured)} a call, which the baseline does not know"
            found.broken.append(Broken("growth-per-call", 0.0, measured, message))
        elif measured > base.highest:
            message = (
                f"{growth.metric.value} grow by {_number(measured)} a call, {_number(base.median)} in the baseline"
            )
            found.broken.append(Broken("growth-per-call", base.highest, measured, message))
    return len(found.broken) > before


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _new_findings(found: _Judgement, check: Check) -> None:
    passing = {one.fingerprint for one in found.accepted}
    for finding in counted(check.findings):
        if finding.fingerprint not in passing:
            message = f"new finding {finding.fingerprint}: {finding.title}"
            found.broken.append(Broken("new-finding", None, None, message))


def _hold(found: _Judgement, name: str, limit: Limit | None, measured: int | None, base: float | None) -> None:
    """Hold one figure against its budget; a budget that cannot be held is never passed over."""
    if limit is None:
        return
    most = limit.resolve(base)
    if measured is None:
        found.missing.append(f"the budget {name} = {limit.text} could not be held: {name} was not measured")
    elif most is None:
        found.missing.append(f"the budget {name} = {limit.text} needs a baseline: write it with {UPDATE}")
    elif measured > most:
        message = f"{name} is {measured:,} B, the budget is {limit.text}"
        if limit.share is not None:
            message += f" above {base:,.0f} B in the baseline"
        found.broken.append(Broken(name, most, float(measured), message))


def _gone(found: _Judgement, check: Check, known: Known | None) -> None:
    here = {finding.fingerprint for finding in check.findings}
    for one in known.findings if known else ():
        if one.fingerprint not in here:
            found.notes.append(f"gone: {one.holder} (fingerprint {one.fingerprint}); take it out with {UPDATE}")


def _put_together(check: Check, found: _Judgement, excuse: str | None) -> Check:
    regressed = bool(found.broken) or (check.outcome == Outcome.REGRESSION and excuse is None)
    outcome, headline = Outcome.PASS, check.headline
    if regressed:
        outcome = Outcome.REGRESSION
        if check.outcome == Outcome.PASS or excuse is not None:
            headline = found.broken[0].message
    elif found.missing:
        outcome, headline = Outcome.UNMEASURED, found.missing[0]
    elif excuse is not None:
        headline = f"let pass, {excuse}: {check.headline}"
    return replace(
        check,
        outcome=outcome,
        headline=headline,
        accepted=tuple(found.accepted),
        broken=(*check.broken, *found.broken),
        notes=(*check.notes, *found.notes, *found.missing),
    )


def failing_findings(check: Check) -> tuple[Finding, ...]:
    """The findings for which a failing check fails, the most important first; the others are only told."""
    return tuple(finding for finding in counted(check.findings) if check.acceptance(finding) is None)
