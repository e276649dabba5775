"""Where the memory of a finding was allocated: stacks that a tracer recorded, joined to the objects it retains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.owner import APPLICATION, STDLIB
from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import in_bytes
from leakkit.model import AllocationSite, Evidence, Retention
from leakkit.probe_model import C_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.owner import Owners
    from leakkit.diagnose.suspect import Suspect
    from leakkit.probe_model import Allocations

    Frame = tuple[str, str, int]

MAX_SITES = 8
MAX_FRAMES = 20
LEAST_SHARE = 0.001
"""A site with less of a finding's bytes is not shown."""
RULE = "allocation-stacks"
_NOWHERE: Frame = ("(no Python frame)", "", 0)


def allocated(
    context: Context, suspect: Suspect, retention: Retention
) -> tuple[tuple[AllocationSite, ...], tuple[Evidence, ...]]:
    """The sites that allocated a suspect's bytes, heaviest first, and a line that says how many bytes that explains.

    Nothing when no allocations were recorded, or when the suspect is memory that was freed.
    """
    found = context.history.last.snapshot.allocations
    if found is None or suspect.kind in (SuspectKind.SLACK, SuspectKind.INTERNED):
        return (), ()
    rows = found.node < 0 if suspect.mask is None else (found.node >= 0) & suspect.mask[found.node]
    if not rows.any():
        return (), (_evidence(context, found, suspect, (), retention),)
    sites = _sites(context, found, rows)
    least = LEAST_SHARE * sum(site.bytes for site in sites)
    shown = tuple(site for site in sites if site.file and site.bytes >= least)[:MAX_SITES]
    return shown, (_evidence(context, found, suspect, sites, retention),)


def _sites(context: Context, found: Allocations, rows: NDArray[np.bool_]) -> tuple[AllocationSite, ...]:
    """Stacks grouped by the frame that a reader would call the place of the allocation."""
    weight = np.bincount(found.stack[rows], weights=found.bytes[rows], minlength=found.stack_count)
    sites = []
    for (function, file, line), all_stacks in stacks_by_place(context, found).items():
        stacks = [stack for stack in all_stacks if weight[stack]]
        if not stacks:
            continue
        heaviest = max(stacks, key=lambda stack: weight[stack])
        told = tuple(_frame_text(frame) for frame in found.frames_of(heaviest)[:MAX_FRAMES])
        size = int(sum(weight[stack] for stack in stacks))
        sites.append(AllocationSite(file, line, function, size, found.facts.source, told))
    return tuple(sorted(sites, key=lambda site: (-site.bytes, site.file, site.line)))


def _frame_text(frame: Frame) -> str:
    function, file, line = frame
    if file.startswith(C_FILE):
        return f"{function} (C{file.removeprefix(C_FILE)})"
    return f"{function} {file}:{line}"


def stacks_by_place(context: Context, found: Allocations) -> dict[Frame, list[int]]:
    """All recorded stacks, grouped by the frame that a reader would call the place of the allocation."""
    known = context.stacks_by_place
    if not known:
        kind_of = _kinds(found, context.look.owners)
        for stack in range(found.stack_count):
            known.setdefault(place_of(found.frames_of(stack), kind_of), []).append(stack)
    return known


def _all_of(context: Context, found: Allocations, site: AllocationSite) -> int:
    """Bytes that a site allocated and that are still there, whoever holds them, dead or alive."""
    stacks = stacks_by_place(context, found)[site.function, site.file, site.line]
    return int(found.bytes[np.isin(found.stack, stacks)].sum())


def _kinds(found: Allocations, owners: Owners) -> dict[str, str]:
    """Whose code each file of the stacks is."""
    files = {found.strings[number] for number in np.unique(found.frame_file).tolist()}
    return {file: C_FILE if file.startswith(C_FILE) else owners.of_file(file) for file in files}


def place_of(frames: Sequence[Frame], kind_of: dict[str, str]) -> Frame:
    """The innermost frame of the application, of a library where there is none, or of the standard library.

    Args:
        frames: innermost first.
        kind_of: whose code each file is.
    """
    kinds = [kind_of[file] for _, file, _ in frames]
    for wanted in (
        lambda kind: kind == APPLICATION,
        lambda kind: kind not in (STDLIB, C_FILE),
        lambda kind: kind == STDLIB,
    ):
        for frame, kind in zip(frames, kinds, strict=True):
            if wanted(kind):
                return frame
    return _NOWHERE


def covered(found: Allocations, mask: NDArray[np.bool_], size: NDArray[np.int64]) -> int:
    """Bytes of the masked objects that have a stack; of no object more than its own size."""
    known = np.zeros(len(size), np.int64)
    rows = found.node >= 0
    np.add.at(known, found.node[rows], found.bytes[rows])
    return int(np.minimum(known, size)[mask].sum())


def _evidence(
    context: Context, found: Allocations, suspect: Suspect, sites: Sequence[AllocationSite], retention: Retention
) -> Evidence:
    graph, window = context.history.last.graph, found.facts
    total = suspect.size if suspect.mask is None else int(graph.size[suspect.mask].sum())
    known = sum(site.bytes for site in sites) if suspect.mask is None else covered(found, suspect.mask, graph.size)
    share = min(known / total, 1.0) if total else 0.0
    what = "dead" if retention == Retention.YOUNG_SURVIVOR else "retained"
    when = f"were allocated in the {window.seconds:.3g} s that were recorded"
    if window.source == "tracemalloc":
        when = "have a traceback of the target's own tracemalloc"
    reason = f"{share:.0%} of the {what} bytes {when}"
    reason = reason.replace("%", " %")
    if sites:
        first = sites[0]
        reason += f", {in_bytes(first.bytes)} of it by {first.function} ({_place(first)})"
        whole = _all_of(context, found, first)
        here = min(first.bytes / whole, 1.0) if whole else 0.0
        reason += f" ({here:.0%} of what is left of its allocations)".replace("%", " %")
    if len(sites) > 1:
        reason += f" and the rest at {len(sites) - 1} more place{'s' if len(sites) > 2 else ''}"
    numbers = {"covered_bytes": float(known), "total_bytes": float(total), "share": round(share, 4)}
    grown = suspect.sizes[-1] - suspect.sizes[0]
    if len(suspect.sizes) > 1 and 0 < grown <= total:
        numbers["share_of_growth"] = round(min(known / grown, 1.0), 4)
        reason += f"; that is {numbers['share_of_growth']:.0%} of what it grew".replace("%", " %")
    return Evidence(RULE, retention.value, reason, numbers | {"window_seconds": window.seconds})


def _place(site: AllocationSite) -> str:
    return f"{site.file.rpartition('/')[2]}:{site.line}" if site.file else "C code"
