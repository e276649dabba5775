"""The answer in one word, and the doubts that keep leakkit from giving one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.classify import Standing
from leakkit.diagnose.constants import GROWTH_SNAPSHOTS
from leakkit.diagnose.units import in_bytes
from leakkit.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.findings import Weighed
    from leakkit.model import Ledger

UNEXPLAINED_GROWTH = 0.2
"""Resident memory that grew by this share with no finding to explain it leaves the verdict open."""


def doubts(context: Context, weighed: Sequence[Weighed], ledgers: Sequence[Ledger]) -> tuple[str, ...]:
    """What keeps the evidence from saying yes or no, each with what to capture next."""
    found = []
    last = context.history.last
    if last.reasons:
        found.append(f"garbage could not be told from live objects ({'; '.join(last.reasons)}): take another snapshot")
    sizes = [ledger.rss_bytes for ledger in ledgers]
    imported = context.history.grows([len(m.snapshot.modules) for m in context.history.moments])
    explained = imported or any(w.standing in (Standing.PROVEN, Standing.SUSPECTED, Standing.HARMLESS) for w in weighed)
    grew = sizes[-1] - sizes[0]
    if (
        len(sizes) >= GROWTH_SNAPSHOTS
        and context.history.grows(sizes)
        and grew >= max(UNEXPLAINED_GROWTH * sizes[0], context.reclaimable_floor)
        and not explained
    ):
        found.append(
            f"resident memory grew by {in_bytes(grew)} in every interval but nothing found "
            "explains it: capture over a longer time"
        )
    return tuple(found)


def verdict_of(weighed: Sequence[Weighed], why_not: Sequence[str]) -> Verdict:
    """Leak when something is proven, suspect when something is suspected, inconclusive when doubts remain."""
    standings = {item.standing for item in weighed}
    if Standing.PROVEN in standings:
        return Verdict.LEAK
    if Standing.SUSPECTED in standings:
        return Verdict.SUSPECT
    return Verdict.INCONCLUSIVE if why_not else Verdict.CLEAN
