"""Puts the diagnosis together: history, ledgers, suspects, evidence, findings, verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import leakkit
from leakkit.diagnose.classify import Standing
from leakkit.diagnose.context import Context
from leakkit.diagnose.fates import with_fates
from leakkit.diagnose.findings import MAX_FINDINGS, detect, make_finding, rank_key, weigh
from leakkit.diagnose.headline import make_headline
from leakkit.diagnose.ledger import make_ledger, with_growth
from leakkit.diagnose.lookup import Lookup
from leakkit.diagnose.observations import observations
from leakkit.diagnose.observe import observe
from leakkit.diagnose.opinions import second_opinions
from leakkit.diagnose.outline import outline
from leakkit.diagnose.owner import Owners
from leakkit.diagnose.proposal import with_change
from leakkit.diagnose.verdict import doubts, verdict_of
from leakkit.model import Report, SnapshotFacts, TargetFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leakkit.diagnose.findings import Weighed
    from leakkit.diagnose.history import History, Moment
    from leakkit.patch import Sources
    from leakkit.snapshot_model import Snapshot


def _target(history: History) -> TargetFacts:
    process, collector = history.last.snapshot.process, history.last.snapshot.collector
    gc: dict[str, Any] = {
        "enabled": collector.enabled,
        "thresholds": list(collector.thresholds),
        "counts": list(collector.counts),
        "stats": [dict(row) for row in collector.stats],
        "frozen": collector.frozen,
        "regime": collector.regime,
        "long_lived_total": collector.long_lived_total,
        "long_lived_pending": collector.long_lived_pending,
    }
    return TargetFacts(process.pid, process.python, process.command, gc)


def _facts(moment: Moment) -> SnapshotFacts:
    snapshot = moment.snapshot
    return SnapshotFacts(
        snapshot.file,
        snapshot.capture.taken_at,
        snapshot.memory.rss,
        snapshot.graph.node_count,
        snapshot.graph.edge_count,
        moment.figures.total,
        moment.figures.garbage,
        snapshot.capture.pause_seconds,
        snapshot.capture.capture_seconds,
    )


def _warnings(history: History, why_not: Sequence[str]) -> tuple[str, ...]:
    found = [*history.warnings, *why_not]
    for moment in history.moments:
        found += moment.snapshot.warnings
        if not moment.snapshot.capture.complete:
            found.append(f"the snapshot of {moment.snapshot.capture.taken_at} is incomplete: sizes are lower bounds")
        found += [f"garbage of {moment.snapshot.capture.taken_at} is not known: {reason}" for reason in moment.reasons]
    found += [f"probe {p.name} {p.status}: {p.reason}" for p in history.last.snapshot.probes if p.status != "ok"]
    memory = history.last.snapshot.memory
    if memory.allocator != "glibc" or memory.malloc_in_use is None:
        found.append(f"allocator {memory.allocator}: free and native memory cannot be told apart")
    if memory.swap:
        found.append(f"{memory.swap:,} bytes are swapped out and not part of resident memory")
    regime = history.last.snapshot.collector.regime
    if regime != "generational":
        found.append(f"the collector is {regime}: generations do not mean what they mean elsewhere")
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, eq=False)
class Examination:
    """What a diagnosis concludes from, before it is put into words."""

    context: Context
    weighed: tuple[Weighed, ...]
    """Every suspect with its evidence."""
    told: tuple[Weighed, ...]
    """Those that become findings, the one to fix first at the front."""


def examine(
    snapshots: Sequence[Snapshot],
    *,
    progress: Callable[[str], None] | None = None,
    material: Callable[[History], int] | None = None,
) -> Examination:
    """Look at the snapshots and weigh every suspect.

    Args:
        snapshots: one or more snapshots of one process, in any order.
        progress: called with a line before each long step.
        material: says from how many bytes on a change is told, where the usual floors are too high because
            nothing but one scenario ran between the snapshots.

    Raises:
        ValueError: there is no snapshot.
    """
    say = progress or (lambda _text: None)
    history = observe(snapshots, say)
    look = Lookup(history.heap, Owners(history.last.snapshot.process, history.last.snapshot.modules))
    context = Context(history, look, material(history) if material else None)
    weighed = weigh(context, detect(context, say))
    told = [item for item in weighed if item.standing in (Standing.PROVEN, Standing.SUSPECTED)]
    told.sort(key=lambda item: rank_key(context, item))
    return Examination(context, tuple(weighed), tuple(told[:MAX_FINDINGS]))


def diagnose(
    snapshots: Sequence[Snapshot],
    *,
    progress: Callable[[str], None] | None = None,
    sources: Sources | None = None,
) -> Report:
    """Say where the memory is, who holds it, whether it leaks and which fix pays.

    A pure function of the snapshots, and of the files that ``sources`` reads, but for ``created_at``.

    Args:
        snapshots: one or more snapshots of one process, in any order.
        progress: called with a line before each long step.
        sources: reads the target's source files, for the changes to them; none are read without it.

    Raises:
        ValueError: there is no snapshot.
    """
    return make_report(examine(snapshots, progress=progress), sources)


def make_report(examined: Examination, sources: Sources | None = None) -> Report:
    """Put what was found into words, and changes into the target's own source where ``sources`` are given."""
    context, weighed = examined.context, examined.weighed
    history = context.history
    seconds = [moment.seconds for moment in history.moments]
    ledgers = with_growth([make_ledger(m.snapshot, m.figures) for m in history.moments], seconds)
    findings = tuple(with_change(context, item, make_finding(context, item), sources) for item in examined.told)
    findings = with_fates(context, [item.suspect for item in weighed], findings)
    not_leaks = observations(context, weighed, ledgers)
    why_not = doubts(context, weighed, ledgers)
    verdict = verdict_of(weighed, why_not)
    opinions, damaged = second_opinions(history)
    disclosures = dict.fromkeys(line for m in history.moments for line in m.snapshot.capture.disclosures)
    return Report(
        leakkit_version=leakkit.__version__,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        verdict=verdict,
        headline=make_headline(context, verdict, ledgers[-1], findings, not_leaks, why_not),
        target=_target(history),
        snapshots=tuple(_facts(moment) for moment in history.moments),
        ledger=ledgers[-1],
        ledger_history=ledgers,
        findings=findings,
        not_leaks=not_leaks,
        dominators=outline(history.heap),
        disclosures=tuple(disclosures),
        warnings=_warnings(history, (*why_not, *damaged)),
        second_opinions=opinions,
    )
