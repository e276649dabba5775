"""Evidence about dead objects: that they are dead, and why nobody collected them yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import counted, in_bytes, in_seconds
from leakkit.model import Evidence, HolderKind, Retention

if TYPE_CHECKING:
    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect

DEFAULT_THRESHOLD = 2000
"""The largest default of threshold 0 (700 up to 3.12, 2000 from 3.13)."""

FLOAT_SHARE = 0.1
"""Garbage of this share of resident memory in every snapshot is more than the float of a healthy collector."""

FULL_SHARE = 4
"""A full collection waits until the survivors pending exceed a quarter of the old generation."""


def dead_on_paper(suspect: Suspect, context: Context) -> Evidence | None:
    """Trial deletion: all references to these objects come from among themselves."""
    if suspect.kind != SuspectKind.GARBAGE:
        return None
    by_generation = suspect.facts["by_generation"]
    where = ", ".join(f"{in_bytes(size)} in {name}" for name, size in by_generation.items() if size)
    reason = f"no root reaches them; every reference to them comes from among themselves ({where})"
    return Evidence("dead-on-paper", Retention.YOUNG_SURVIVOR, reason, {"bytes": suspect.size})


def collector_disabled(suspect: Suspect, context: Context) -> Evidence | None:
    """The collector is switched off."""
    if suspect.kind != SuspectKind.GARBAGE or context.collector.enabled:
        return None
    return Evidence(
        "collector-disabled", "collect", "the collector is disabled (gc.disable): nothing collects them", {}
    )


def frozen_objects(suspect: Suspect, context: Context) -> Evidence | None:
    """The dead objects are in the permanent generation, which no collection looks at."""
    if suspect.place.holder.kind != HolderKind.FROZEN:
        return None
    reason = (
        f"{in_bytes(suspect.size)} died after gc.freeze() had put them into the permanent generation "
        f"({context.collector.frozen:,} frozen objects): no collection looks at them, not even gc.collect()"
    )
    return Evidence("frozen-objects", HolderKind.FROZEN, reason, {"frozen": context.collector.frozen})


def collector_waits(suspect: Suspect, context: Context) -> Evidence | None:
    """When the next full collection is due: the quarter rule, the thresholds, and the rate of new survivors."""
    state = context.collector
    if suspect.kind != SuspectKind.GARBAGE or not state.enabled or suspect.place.holder.kind == HolderKind.FROZEN:
        return None
    if state.regime == "generational" and state.thresholds and state.thresholds[0] > DEFAULT_THRESHOLD:
        reason = f"the collector's thresholds are raised to {state.thresholds}: even young collections are rare"
        return Evidence("collector-waits", "collect", reason, {"threshold0": state.thresholds[0]})
    total, pending = state.long_lived_total, state.long_lived_pending
    if state.regime != "generational" or total is None or pending is None:
        return None
    needed = max(total // FULL_SHARE - pending, 0)
    by_count = _until_due(state.thresholds, state.counts)
    if needed > by_count:
        reason = (
            f"a full collection waits until pending survivors exceed a quarter of the old generation: {pending:,} "
            f"pending, {total:,} old, {needed:,} to go{_when(context, needed)}"
        )
    else:
        reason = (
            f"a full collection comes only after many young ones (thresholds {'/'.join(map(str, state.thresholds))}): "
            f"about {by_count:,} net new containers to go; {pending:,} survivors are pending"
        )
    numbers: dict[str, float] = {"pending": pending, "total": total, "needed": needed, "until_due": by_count}
    return Evidence("collector-waits", "collect", reason, numbers)


def _until_due(thresholds: tuple[int, ...], counts: tuple[int, ...]) -> int:
    """Net new containers until the counts call for a full collection (``gc_collect_generations``, gcmodule.c)."""
    if len(thresholds) < 3 or len(counts) < 3:
        return 0
    young, middle, old = (threshold + 1 for threshold in thresholds[:3])
    return max((old - counts[2]) * middle * young - counts[1] * young - counts[0], 0)


def _when(context: Context, needed: int) -> str:
    """Forecast from the rate at which pending survivors rose, if no full collection came between."""
    if context.history.count < 2 or context.full_collections() != 0 or not needed:
        return ""
    pending = [m.snapshot.collector.long_lived_pending for m in context.history.moments]
    first, last = pending[0], pending[-1]
    if first is None or last is None or last <= first:
        return ""
    return f", at this rate in {in_seconds(needed * context.history.span / (last - first))}"


def no_full_collection(suspect: Suspect, context: Context) -> Evidence | None:
    """No full collection ran between the first and the newest snapshot."""
    runs = context.full_collections()
    if suspect.kind != SuspectKind.GARBAGE or runs is None:
        return None
    if runs:
        reason = f"{counted(runs, 'full collection')} ran within {in_seconds(context.history.span)}"
        return Evidence("no-full-collection", "not-a-leak", reason, {"full_collections": runs})
    reason = f"no full collection ran within {in_seconds(context.history.span)}"
    return Evidence("no-full-collection", "collect", reason, {"full_collections": 0})


def _float(suspect: Suspect, context: Context) -> bool:
    """Whether each snapshot showed a tenth of resident memory as garbage, collections or not."""
    sizes = [moment.snapshot.memory.rss for moment in context.history.moments]
    return all(dead >= FLOAT_SHARE * rss for dead, rss in zip(suspect.sizes, sizes, strict=True))


def stays_between_snapshots(suspect: Suspect, context: Context) -> Evidence | None:
    """The same dead objects, or more, or always much of it, were there in the snapshots before."""
    if suspect.kind != SuspectKind.GARBAGE or context.history.count < 2:
        return None
    stayed = int(suspect.facts["stayed_bytes"])
    if not (stayed >= suspect.size // 4 or context.history.grows(suspect.sizes) or _float(suspect, context)):
        return None
    series = " → ".join(in_bytes(size) for size in suspect.sizes)
    reason = f"garbage over the snapshots: {series}; {in_bytes(stayed)} of it were dead in the snapshot before"
    return Evidence("stays-between-snapshots", "leak", reason, {"stayed_bytes": stayed})


def payload_not_counted(suspect: Suspect, context: Context) -> Evidence | None:
    """Few containers hold much payload, and only containers count for the collector."""
    if suspect.kind != SuspectKind.GARBAGE:
        return None
    containers, payload = int(suspect.facts["tracked"]), int(suspect.facts["payload_bytes"])
    if payload < suspect.size // 2:
        return None
    reason = (
        f"{in_bytes(payload)} of payload hang off {containers:,} containers; the collector counts containers, not bytes"
    )
    return Evidence("payload-not-counted", "collect", reason, {"containers": containers, "payload_bytes": payload})


def has_finalizers(suspect: Suspect, context: Context) -> Evidence | None:
    """Some of the dead objects have finalizers that could bring them back."""
    if suspect.kind != SuspectKind.GARBAGE or not (suspect.facts["finalizers"] or suspect.facts["legacy"]):
        return None
    if suspect.facts["legacy"]:
        reason = "some types have a legacy tp_del: the collector moves them to gc.garbage instead of freeing them"
        return Evidence("has-finalizers", "not-collect-alone", reason, {})
    return Evidence(
        "has-finalizers", "inconclusive", "some have __del__: if it stores self, they come back to life", {}
    )


def passing_garbage(suspect: Suspect, context: Context) -> Evidence | None:
    """Garbage that was not there before and does not grow: it is between two collections."""
    if suspect.kind != SuspectKind.GARBAGE or context.history.count < 2:
        return None
    stayed = int(suspect.facts["stayed_bytes"])
    if stayed >= suspect.size // 4 or context.history.grows(suspect.sizes) or _float(suspect, context):
        return None
    reason = f"only {in_bytes(stayed)} of it were dead in the snapshot before: the collector keeps up"
    return Evidence("passing-garbage", "not-a-leak", reason, {"stayed_bytes": stayed})
