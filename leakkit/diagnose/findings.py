"""From suspects to findings: detect, weigh, tell apart what overlaps, rank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.allocated import allocated
from leakkit.diagnose.c_held import c_held, registrations
from leakkit.diagnose.classify import Standing, confidence, holder_kind, retention_of, standing
from leakkit.diagnose.constants import SINGLE_FLOOR, SINGLE_SHARE, STEADY_SHARE
from leakkit.diagnose.dead import dead_groups
from leakkit.diagnose.fingerprint import fingerprint
from leakkit.diagnose.frames import idle_frames
from leakkit.diagnose.growth import growing_containers
from leakkit.diagnose.holders import growth_suspects
from leakkit.diagnose.large import large_holders
from leakkit.diagnose.off_heap import interned, native, slack
from leakkit.diagnose.recommend import make_fix
from leakkit.diagnose.rules import collect
from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.titles import title_of
from leakkit.diagnose.views import pinned_buffers, tree_strings
from leakkit.heap.summary import types_of
from leakkit.model import Finding, HolderKind, TypeCount

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect
    from leakkit.model import Evidence

OWN_SHARE = 0.3
"""A suspect whose memory lies mostly in an earlier one is not told again unless this share is its own."""

INSIDE_SHARE = 0.5
"""A local that grows explains an idle frame when it holds this share of what the frame pins."""

HORIZON = 3600.0
"""Findings are ranked by the bytes that fixing them saves within this many seconds: growth first, then size."""

MAX_FINDINGS = 12
MAX_TYPES = 8


@dataclass(frozen=True, eq=False)
class Weighed:
    """A suspect with its evidence and what that makes of it."""

    suspect: Suspect
    evidence: tuple[Evidence, ...]
    standing: Standing


def detect(context: Context, progress: Callable[[str], None]) -> list[Suspect]:
    """Every suspect of every detector; those that explain how memory is pinned come first."""
    history, look = context.history, context.look
    progress("looking for idle frames and views")
    frames = idle_frames(history, look, context.reclaimable_floor)
    views = pinned_buffers(history, look, context.reclaimable_floor)
    views += tree_strings(history, look, context.reclaimable_floor)
    progress("looking for what grows")
    growing = growing_containers(history, look) if history.count > 1 else []
    growth = growth_suspects(history, look, growing, context.floor)
    frames = [frame for frame in frames if not _grows_inside(frame, growth)]
    floor = context.floor if history.count > 1 else single_floor(context)
    held = [*registrations(history, look, floor), *c_held(history, look, growing, floor)]
    progress("looking at garbage and free memory")
    dead = dead_groups(history, look, context.reclaimable_floor)
    off_heap = interned(history, context.native_floor) or native(history, look.owners, context.native_floor)
    large = large_holders(history, look, min(single_floor(context), int(STEADY_SHARE * context.rss)))
    return [*frames, *views, *growth, *held, *dead, *off_heap, *slack(history), *large]


def single_floor(context: Context) -> int:
    """Bytes from which a holder is worth a word though nothing is known about its growth."""
    return max(SINGLE_FLOOR, int(SINGLE_SHARE * context.rss))


def _grows_inside(frame: Suspect, growth: Sequence[Suspect]) -> bool:
    """Whether what an idle frame pins is a container that grows inside it: then the growth is the finding."""
    return any(
        g.place.holder.kind == HolderKind.SUSPENDED_FRAME
        and g.place.holder.name.partition(" local ")[0] == frame.place.holder.name.partition(" local ")[0]
        and g.saving >= INSIDE_SHARE * frame.saving
        for g in growth
    )


def weigh(context: Context, suspects: Sequence[Suspect]) -> list[Weighed]:
    """Apply the rules to each suspect; leave out what overlaps an earlier one or is not worth a word."""
    taken: NDArray[np.bool_] = np.zeros(context.history.last.graph.node_count, np.bool_)
    weighed = []
    for suspect in _by_priority(suspects):
        own = _own_bytes(context, suspect, taken)
        if own is not None and own < max(OWN_SHARE * suspect.saving, context.floor):
            continue
        evidence = collect(suspect, context)
        result = standing(suspect, evidence, context)
        if result == Standing.NOTHING:
            continue
        if suspect.mask is not None:
            taken |= suspect.mask
        weighed.append(Weighed(suspect, evidence, result))
    return weighed


def _by_priority(suspects: Sequence[Suspect]) -> list[Suspect]:
    """Mechanisms first (frames, views), then growth by what it gained, then what is merely large."""
    order = {SuspectKind.IDLE_FRAMES: 0, SuspectKind.VIEWS: 0, SuspectKind.LARGE: 2}
    return sorted(suspects, key=lambda s: (order.get(s.kind, 1), s.sizes[0] - s.sizes[-1], -s.saving))


def _own_bytes(context: Context, suspect: Suspect, taken: NDArray[np.bool_]) -> int | None:
    if suspect.mask is None:
        return None
    return int(context.history.last.graph.size[suspect.mask & ~taken].sum())


def rank_key(context: Context, weighed: Weighed) -> tuple[bool, bool, float]:
    """Proven ones first, slack last, then by the bytes that the fix saves within the horizon."""
    suspect = weighed.suspect
    rate = max(context.rate(suspect) or 0.0, 0.0) if context.history.grows(suspect.sizes) else 0.0
    # Slack is what earlier garbage or bursts left behind: repair those first.
    behind = suspect.kind == SuspectKind.SLACK
    return weighed.standing != Standing.PROVEN, behind, -(suspect.saving + HORIZON * rate)


def make_finding(context: Context, weighed: Weighed) -> Finding:
    """The finding that a weighed suspect becomes."""
    suspect, evidence = weighed.suspect, weighed.evidence
    kind, place = holder_kind(suspect, evidence), suspect.place
    fix, others = make_fix(suspect, kind, evidence, context)
    retention = retention_of(suspect)
    history = context.history
    path = place.steps
    sites, stacks = allocated(context, suspect, retention)
    return Finding(
        fingerprint=finding_fingerprint(weighed),
        retention=retention,
        confidence=confidence(evidence),
        title=title_of(suspect, kind),
        size_bytes=suspect.size,
        count=suspect.counts[-1],
        growth_bytes_per_second=history.rate(suspect.sizes),
        growth_count_per_second=history.rate(suspect.counts),
        types=_types(context, suspect),
        holder=replace(place.holder, kind=kind),
        path_text=place.path_text,
        path=path,
        allocated_at=sites,
        owner=place.owner,
        evidence=(*evidence, *stacks),
        fix=fix,
        alternatives=others,
    )


def finding_fingerprint(weighed: Weighed) -> str:
    """The name of the finding that a suspect becomes: the same in every run."""
    suspect = weighed.suspect
    kind = holder_kind(suspect, weighed.evidence)
    return fingerprint(retention_of(suspect).value, kind.value, suspect.place.shape, _stable_name(suspect))


def _stable_name(suspect: Suspect) -> str:
    """The holder's name where it is the same in every run: cycles and C-held groups are named by their shape."""
    return "" if suspect.kind == SuspectKind.GARBAGE else suspect.place.holder.name


def _types(context: Context, suspect: Suspect) -> tuple[TypeCount, ...]:
    if suspect.mask is None:
        return ()
    rows = types_of(context.look.heap, suspect.mask, MAX_TYPES)
    return tuple(TypeCount(row.name, row.count, row.bytes) for row in rows)
