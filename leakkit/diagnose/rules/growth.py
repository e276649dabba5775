"""Evidence from how a holder's contents change over the snapshots."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.diagnose.constants import FADING_INTERVALS, FADING_RATIO, GROWTH_SNAPSHOTS, SURVIVAL_SHARE
from leakkit.diagnose.history import ITEM_KINDS
from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import in_bytes, in_seconds
from leakkit.model import Evidence
from leakkit.snapshot_model import EDGE_KIND_MASK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect
    from leakkit.snapshot_model import HeapGraph

OVER_TIME = (SuspectKind.GROWTH, SuspectKind.C_HELD, SuspectKind.INTERNED, SuspectKind.NATIVE)

STARTED_SHARE = 0.5
"""Growth is as old as the process when, run backwards, it was zero in the first half of its life."""

BYTES_PER_MODULE = 150_000
"""The code, constants and classes of a large module."""

MIN_OLD_ENTRIES = 3
"""Fewer old entries than this say nothing about survival."""


def grows_every_interval(suspect: Suspect, context: Context) -> Evidence | None:
    """Its contents grow in each interval between the snapshots (at least three)."""
    if suspect.kind not in OVER_TIME or not context.enough or not context.history.grows(suspect.sizes):
        return None
    rate = context.rate(suspect) or 0.0
    series = " → ".join(in_bytes(size) for size in suspect.sizes)
    numbers = {"bytes_per_second": rate, "first_bytes": suspect.sizes[0], "last_bytes": suspect.sizes[-1]}
    entries = ""
    if suspect.counts[-1] > suspect.counts[0]:
        entries = f", {suspect.counts[0]:,} → {suspect.counts[-1]:,} entries"
        numbers |= {"first_count": suspect.counts[0], "last_count": suspect.counts[-1]}
    reason = f"it grows in each of {context.history.count - 1} intervals: {series}{entries}"
    return Evidence("grows-every-interval", "leak", reason, numbers)


def too_few_snapshots(suspect: Suspect, context: Context) -> Evidence | None:
    """One snapshot shows size only, and two are monotonic by construction."""
    if suspect.kind not in (*OVER_TIME, SuspectKind.LARGE) or context.history.count >= GROWTH_SNAPSHOTS:
        return None
    count = context.history.count
    reason = f"{'one snapshot shows' if count == 1 else 'two snapshots show'} size but no trend; growth needs three"
    return Evidence("too-few-snapshots", "inconclusive", reason, {"snapshots": count})


def _survivors(suspect: Suspect, context: Context) -> tuple[int, int] | None:
    """(entries of the first snapshot, how many of them are entries still); None when that cannot be told."""
    history = context.history
    container = suspect.facts.get("container", -1)
    if suspect.kind != SuspectKind.GROWTH or not context.enough or container < 0:
        return None
    first, old = history.moments[0].graph, history.all_rows(0)
    was = survived = 0
    for node in suspect.nodes:
        row = int(old[node])
        if row < 0:
            continue
        before = _values(first, row)
        now = _values(history.last.graph, node)
        now_addresses = set(history.last.graph.address[now].tolist())
        was += len(before)
        survived += sum(int(address) in now_addresses for address in first.address[before])
    return (was, survived) if was >= MIN_OLD_ENTRIES else None


def _values(graph: HeapGraph, node: int) -> NDArray[Any]:
    edges = slice(int(graph.edge_start[node]), int(graph.edge_start[node + 1]))
    wanted = np.isin(graph.edge_kind[edges] & EDGE_KIND_MASK, ITEM_KINDS)
    return np.asarray(np.unique(graph.edge_target[edges][wanted]))


def entries_survive(suspect: Suspect, context: Context) -> Evidence | None:
    """The entries of the first snapshot are all still there: nothing is ever taken out."""
    found = _survivors(suspect, context)
    if found is None or found[1] < SURVIVAL_SHARE * found[0]:
        return None
    was, survived = found
    reason = f"{survived:,} of the {was:,} entries of the first snapshot are still there: nothing takes them out"
    return Evidence("entries-survive", "leak", reason, {"first_entries": was, "surviving": survived})


def entries_turn_over(suspect: Suspect, context: Context) -> Evidence | None:
    """Most entries of the first snapshot are gone: entries expire or are evicted."""
    found = _survivors(suspect, context)
    if found is None or found[1] >= SURVIVAL_SHARE * found[0]:
        return None
    was, survived = found
    reason = f"only {survived:,} of the {was:,} entries of the first snapshot are still there: entries expire"
    return Evidence("entries-turn-over", "not-a-leak", reason, {"first_entries": was, "surviving": survived})


def _fading_rates(suspect: Suspect, context: Context) -> tuple[float, ...]:
    """Bytes per second in each interval when they fall to a fraction, by bytes and by time; else empty."""
    if suspect.kind not in OVER_TIME or not context.enough:
        return ()
    times = [moment.seconds for moment in context.history.moments]
    gains = [b - a for a, b in itertools.pairwise(suspect.sizes)]
    rates = [gain / max(b - a, 1e-9) for gain, (a, b) in zip(gains, itertools.pairwise(times), strict=True)]
    for values in (gains, rates):
        falling = all(b <= a for a, b in itertools.pairwise(values))
        if values[0] <= 0 or not falling or values[-1] >= FADING_RATIO * values[0]:
            return ()
    return tuple(rates)


def growth_fades(suspect: Suspect, context: Context) -> Evidence | None:
    """Interval after interval brings less, the last a fraction of what the first one brought: a ceiling is near."""
    rates = _fading_rates(suspect, context)
    if len(rates) < FADING_INTERVALS:
        return None
    reason = f"growth fades from {in_bytes(rates[0])}/s to {in_bytes(rates[-1])}/s: it approaches a ceiling"
    return Evidence("growth-fades", "not-a-leak", reason, {"first_rate": rates[0], "last_rate": rates[-1]})


def growth_may_fade(suspect: Suspect, context: Context) -> Evidence | None:
    """Two intervals of which the second brought little: a ceiling, or just less work meanwhile."""
    rates = _fading_rates(suspect, context)
    if not rates or len(rates) >= FADING_INTERVALS:
        return None
    reason = (
        f"growth fell from {in_bytes(rates[0])}/s to {in_bytes(rates[-1])}/s: a ceiling or just less work, "
        "which two intervals cannot tell; take more snapshots"
    )
    return Evidence("growth-may-fade", "inconclusive", reason, {"first_rate": rates[0], "last_rate": rates[-1]})


def bounding_node(suspect: Suspect, context: Context) -> int:
    """The object near a growing container that declares a limit for it (a cache, a deque); -1 when there is none."""
    table, look = context.look.bounds, context.look
    links = look.chain(int(suspect.facts.get("container", -1))) if "container" in suspect.facts else ()
    nodes = (link.node for link in reversed(links[-4:]))
    return next((node for node in nodes if node in table and table[node][0] >= 0), -1)


def _bound(suspect: Suspect, context: Context) -> tuple[int, int, str] | None:
    """(limit, entries now, label) that the holder declares; None when it declares none."""
    node = bounding_node(suspect, context)
    if node < 0:
        return None
    limit, used, label = context.look.bounds[node]
    per_holder = suspect.counts[-1] // max(len(suspect.nodes), 1)
    return limit, used if used > 0 else per_holder, label


def below_its_bound(suspect: Suspect, context: Context) -> Evidence | None:
    """It declares a limit and is below it: it is filling, not leaking."""
    found = _bound(suspect, context)
    if found is None or found[1] >= found[0]:
        return None
    limit, used, label = found
    rate = (suspect.counts[-1] - suspect.counts[0]) / context.history.span if context.history.span else 0.0
    full_bytes = suspect.size * limit / max(used, 1)
    numbers: dict[str, float] = {"limit": limit, "used": used, "bytes_when_full": full_bytes}
    when = ""
    if rate > 0:
        numbers["seconds_until_full"] = (limit - used) * len(suspect.nodes) / rate
        when = f" in {in_seconds(numbers['seconds_until_full'])} at this rate"
    reason = (
        f"it declares {label} {limit:,} and holds {used:,}: it is filling and will be "
        f"full{when}, at {in_bytes(full_bytes)}"
    )
    return Evidence("below-its-bound", "not-a-leak", reason, numbers)


def at_its_bound(suspect: Suspect, context: Context) -> Evidence | None:
    """It declares a limit and has reached it: it grows no further."""
    found = _bound(suspect, context)
    if found is None or not found[0] <= found[1] <= 1.1 * found[0] + 1:
        return None
    reason = f"it declares {found[2]} {found[0]:,} and has reached it"
    return Evidence("at-its-bound", "not-a-leak", reason, {"limit": found[0], "used": found[1]})


def declared_unbounded(suspect: Suspect, context: Context) -> Evidence | None:
    """It is a cache that was told to have no limit."""
    look = context.look
    if "container" not in suspect.facts:
        return None
    for link in reversed(look.chain(int(suspect.facts["container"]))[-4:]):
        found = look.bounds.get(link.node)
        if found is not None and found[0] < 0:
            return Evidence("declared-unbounded", "leak", f"its {found[2]} is None: nothing is ever evicted", {})
    return None


def since_the_start(suspect: Suspect, context: Context) -> Evidence | None:
    """Whether the growth, run backwards at its rate, began with the process or only a moment ago."""
    if suspect.kind not in OVER_TIME or not context.enough:
        return None
    rate = context.rate(suspect)
    age = _age(context)
    if not rate or rate <= 0 or age is None or age < 2 * context.history.span:
        return None
    filled_in = suspect.size / rate
    numbers = {"process_seconds": age, "seconds_to_fill": filled_in}
    if filled_in < STARTED_SHARE * age:
        reason = (
            f"at this rate it was empty {in_seconds(filled_in)} ago, but the process runs for {in_seconds(age)}: "
            "it may be a batch or a burst"
        )
        return Evidence("since-the-start", "inconclusive", reason, numbers)
    return Evidence(
        "since-the-start", "leak", f"at this rate it has grown for {in_seconds(min(filled_in, age))}", numbers
    )


def _age(context: Context) -> float | None:
    """Seconds from the start of the process to the newest snapshot."""
    snapshot = context.history.last.snapshot
    try:
        start = datetime.fromisoformat(snapshot.process.started_at)
        return (datetime.fromisoformat(snapshot.capture.taken_at) - start).total_seconds()
    except (ValueError, TypeError):
        return None


def modules_are_imported(suspect: Suspect, context: Context) -> Evidence | None:
    """It grows only as modules are imported, by what a module weighs: imports end by themselves."""
    if suspect.kind not in OVER_TIME:
        return None
    imported = [len(moment.snapshot.modules) for moment in context.history.moments]
    added = imported[-1] - imported[0]
    gained = suspect.sizes[-1] - suspect.sizes[0]
    if not context.history.grows(imported) or gained > BYTES_PER_MODULE * added:
        return None
    reason = f"{added} modules were imported in step with it: code and tables stay, and imports end by themselves"
    return Evidence("modules-are-imported", "not-a-leak", reason, {"imported": added, "bytes": gained})
