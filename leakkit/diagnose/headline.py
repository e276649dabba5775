"""The paragraph that one can paste into a ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.units import in_bytes, in_seconds
from leakkit.model import LedgerPartId, Retention, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.diagnose.context import Context
    from leakkit.model import Finding, Ledger, Observation

_CLASS = {
    Retention.YOUNG_SURVIVOR: "dead objects that wait for a full collection (young-survivor retention)",
    Retention.LONG_LIVED: "reachable objects (long-lived retention)",
    Retention.OFF_HEAP: "memory that no Python object accounts for (off-heap)",
}

_LARGEST = {
    LedgerPartId.LIVE_OBJECTS: "live objects",
    LedgerPartId.GARBAGE: "garbage",
    LedgerPartId.ALLOCATOR_FREE: "free memory inside the allocators",
    LedgerPartId.NATIVE: "native memory",
    LedgerPartId.FILE_MAPPED: "mapped files",
    LedgerPartId.STACKS: "stacks",
    LedgerPartId.UNEXPLAINED: "memory that could not be explained",
}


def _span(context: Context) -> str:
    history = context.history
    if history.count == 1:
        return "one snapshot"
    return f"{history.count} snapshots over {in_seconds(history.span)}"


def _process(context: Context, ledger: Ledger) -> str:
    snapshot = context.history.last.snapshot
    return f"{snapshot.process.command or 'the process'} (pid {snapshot.process.pid}) uses {in_bytes(ledger.rss_bytes)}"


def _leading(finding: Finding) -> str:
    where = f", {finding.holder.file}:{finding.holder.line}" if finding.holder.file and finding.holder.line else ""
    rate = finding.growth_bytes_per_second or 0.0
    growth = f", growing by {in_bytes(rate)}/s" if rate > 0 and finding.fix.saving_bytes_per_second else ""
    saving = f"saves about {in_bytes(finding.fix.saving_bytes)}" if finding.fix.saving_bytes else "stops the growth"
    if finding.fix.saving_bytes and finding.fix.saving_bytes_per_second:
        saving += f" and stops {in_bytes(finding.fix.saving_bytes_per_second)}/s of growth"
    return (
        f"{in_bytes(finding.size_bytes)} of it are {_CLASS[finding.retention]}{growth}, held "
        f"by {finding.holder.name}{where}. "
        f"Fix `{finding.fix.id}`: {finding.fix.how}. It {saving}; price: {finding.fix.price}."
    )


def _suspicion(context: Context, finding: Finding) -> str:
    if context.enough and (finding.growth_bytes_per_second or 0) > 0:
        return "Suspected, since its growth may have been that of a moment: take more snapshots. "
    if context.enough:
        return "Suspected, since it is large but does not grow: "
    return "Suspected, since there are too few snapshots to see growth: "


def make_headline(
    context: Context,
    verdict: Verdict,
    ledger: Ledger,
    findings: Sequence[Finding],
    not_leaks: Sequence[Observation],
    doubts: Sequence[str],
) -> str:
    """What leaks, how much, who holds it, which fix, what it saves; or why nothing is said to leak."""
    start = f"{_process(context, ledger)}, seen in {_span(context)}."
    if verdict in (Verdict.LEAK, Verdict.SUSPECT) and findings:
        more = len(findings) - 1
        rest = f" {more} more finding{'s' if more > 1 else ''} below." if more else ""
        lead = "" if verdict == Verdict.LEAK else _suspicion(context, findings[0])
        return f"{start} {lead}{_leading(findings[0])}{rest}"
    largest = max(ledger.parts, key=lambda part: part.bytes)
    most = f"Most of it, {in_bytes(largest.bytes)}, is {_LARGEST[largest.id]}."
    if verdict == Verdict.INCONCLUSIVE:
        return f"{start} Whether it leaks cannot be said: {'; '.join(doubts)}. {most}"
    seen = f" {not_leaks[0].title}: {not_leaks[0].why}." if not_leaks else ""
    return f"{start} Nothing grows and nothing large is reclaimable: no leak found. {most}{seen}"
