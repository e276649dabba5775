"""What is large or growing and explained: the report says so, instead of leaving a person to wonder."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from leakkit.diagnose.classify import Standing
from leakkit.diagnose.constants import STEADY_SHARE
from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import in_bytes
from leakkit.model import Observation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.findings import Weighed
    from leakkit.model import Ledger

SAWTOOTH_DROP = 0.1
"""A fall of resident memory by this share between two snapshots makes a sawtooth."""

FLAT_SHARE = 0.02
"""Resident memory that ends within this share of an earlier snapshot is flat."""

REFUTING = ("not-a-leak",)


def of_suspect(context: Context, weighed: Weighed) -> Observation:
    """A harmless suspect in words."""
    suspect = weighed.suspect
    name, size = suspect.place.holder.name, in_bytes(suspect.size)
    reasons = [item.reason for item in weighed.evidence if item.favours in REFUTING]
    if suspect.kind == SuspectKind.LARGE:
        title = f"{name} holds {size} and does not grow"
        why = reasons[0] if reasons else "steady data: " + " → ".join(in_bytes(s) for s in suspect.sizes)
        return Observation(title, suspect.size, why, suspect.place.path_text)
    if suspect.kind == SuspectKind.SLACK:
        title = f"the allocators keep {size} free"
        why = reasons[0] if reasons else "freed memory kept for the next burst; it does not grow"
        return Observation(title, suspect.size, why, suspect.place.path_text)
    if suspect.kind == SuspectKind.IDLE_FRAMES:
        return Observation(
            f"{name} holds {size} while it waits", suspect.size, "; ".join(reasons), suspect.place.path_text
        )
    rules = {item.rule for item in weighed.evidence}
    state = "is filling up to its limit" if "below-its-bound" in rules else "grew, but is not a leak"
    return Observation(f"{name} {state} ({size})", suspect.size, "; ".join(reasons), suspect.place.path_text)


def _imports(context: Context, sizes: Sequence[int]) -> list[Observation]:
    """Modules imported between the snapshots while resident memory grew."""
    counts = [len(moment.snapshot.modules) for moment in context.history.moments]
    if counts[-1] <= counts[0] or sizes[-1] <= sizes[0]:
        return []
    added = counts[-1] - counts[0]
    why = f"{added} modules were imported between the snapshots: code and tables stay, and imports end by themselves"
    return [Observation("modules were imported", sizes[-1] - sizes[0], why)]


def _resident(context: Context, ledgers: Sequence[Ledger]) -> list[Observation]:
    sizes = [ledger.rss_bytes for ledger in ledgers]
    found = _imports(context, sizes)
    if found or len(sizes) < 3:
        return found
    series = " → ".join(in_bytes(size) for size in sizes)
    if any(b < (1 - SAWTOOTH_DROP) * a for a, b in itertools.pairwise(sizes)):
        return [Observation("resident memory rises and falls", sizes[-1], f"sawtooth: {series}")]
    if sizes[-1] <= (1 + FLAT_SHARE) * sizes[-2] and sizes[-2] > (1 + FLAT_SHARE) * sizes[0]:
        return [Observation("resident memory grew and then stayed", sizes[-1], f"warm-up: {series}")]
    return []


def observations(context: Context, weighed: Sequence[Weighed], ledgers: Sequence[Ledger]) -> tuple[Observation, ...]:
    """Everything explained that is worth a line, largest first."""
    found = [
        of_suspect(context, item)
        for item in weighed
        if item.standing == Standing.HARMLESS
        and (item.suspect.kind != SuspectKind.LARGE or item.suspect.size >= STEADY_SHARE * context.rss)
    ]
    found.sort(key=lambda o: -o.size_bytes)
    if all(item.standing == Standing.HARMLESS for item in weighed):
        # With a finding the course of resident memory is explained by it.
        found += _resident(context, ledgers)
    return tuple(found)
