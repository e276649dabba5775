"""Evidence from what a holder is and what its entries are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.constants import CALLABLE_SHARE, TRACEBACK_SHARE
from leakkit.diagnose.holders import callable_share, entry_targets, next_holders
from leakkit.diagnose.lookup import CALLABLE_TYPES
from leakkit.diagnose.owner import APPLICATION, STDLIB
from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import counted, in_bytes
from leakkit.model import Evidence, HolderKind

if TYPE_CHECKING:
    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect

FUTURE_TYPES = frozenset(
    {
        "_asyncio.Task",
        "_asyncio.Future",
        "asyncio.futures.Future",
        "asyncio.tasks.Task",
        "concurrent.futures._base.Future",
    }
)

HELD = (SuspectKind.GROWTH, SuspectKind.LARGE)
"""Suspects with one holder whose entries can be looked at."""

OTHERS_SHARE = 0.2
"""Another holder is worth a word when it keeps at least this share of the data."""

MIN_CLASSES = 10
"""So many new classes between the first and the newest snapshot are made by a program, not by imports."""


def entries_are_callable(suspect: Suspect, context: Context) -> Evidence | None:
    """Most entries can be called: it is a registry of callbacks that are never unregistered."""
    share = float(suspect.facts.get("callable_share", 0.0))
    if suspect.facts.get("in_step"):
        share = callable_share(context.history, context.look, suspect.facts["edges"])
    if suspect.facts.get("c_held_type") in CALLABLE_TYPES:
        share = 1.0
    if suspect.kind not in (*HELD, SuspectKind.C_HELD) or share < CALLABLE_SHARE:
        return None
    reason = f"{share:.0%} of its entries are functions, bound methods or handlers: callbacks that nobody unregisters"
    return Evidence("entries-are-callable", HolderKind.CALLBACK_REGISTRY, reason, {"callable_share": share})


def standard_registry(suspect: Suspect, context: Context) -> Evidence | None:
    """It is one of the standard library's own registries."""
    place = suspect.place
    if place.holder.kind != HolderKind.CALLBACK_REGISTRY or place.owner != STDLIB:
        return None
    reason = (
        f"{place.holder.name} belongs to the standard library: what is registered there stays until it is taken out"
    )
    return Evidence("standard-registry", HolderKind.CALLBACK_REGISTRY, reason, {})


def finished_work(suspect: Suspect, context: Context) -> Evidence | None:
    """Its entries are tasks or futures that are done: their results are kept with them."""
    if suspect.kind not in HELD or "edges" not in suspect.facts:
        return None
    look = context.look
    entries = entry_targets(context.history, suspect.facts["edges"])
    futures = [n for n in entries if look.type_of(n) in FUTURE_TYPES or look.bases(look.type_of(n)) & FUTURE_TYPES]
    if not entries or len(futures) < CALLABLE_SHARE * len(entries):
        return None
    states = {task.node: task.state for task in look.heap.snapshot.tasks}
    done = sum(states.get(node, "done") != "pending" for node in futures)
    if done < CALLABLE_SHARE * len(futures):
        return None
    reason = f"{done / len(entries):.0%} of its entries are tasks or futures that are finished and still referenced"
    return Evidence("finished-work", "drop", reason, {"finished_share": done / len(entries)})


def tracebacks_keep_frames(suspect: Suspect, context: Context) -> Evidence | None:
    """Most of what it keeps hangs off the tracebacks of kept exceptions."""
    held = int(suspect.facts.get("traceback_bytes", 0))
    if suspect.kind not in HELD or held < TRACEBACK_SHARE * max(suspect.saving, 1):
        return None
    reason = f"{in_bytes(held)} of it are frames and their locals that kept tracebacks hold"
    return Evidence("tracebacks-keep-frames", HolderKind.EXCEPTION_TRACEBACK, reason, {"traceback_bytes": held})


def caches_instances(suspect: Suspect, context: Context) -> Evidence | None:
    """A cache on a method: its keys hold every instance on which the method was called."""
    if suspect.place.holder.kind != HolderKind.CACHE or suspect.mask is None:
        return None
    look = context.look
    class_name = suspect.place.holder.name.rpartition(".")[0]
    if class_name not in look.class_nodes:
        return None
    graph = context.history.last.graph
    type_ids = [number for number, name in enumerate(graph.types) if name == class_name]
    held = int((suspect.mask & np.isin(graph.type_id, type_ids)).sum())
    if not held:
        return None
    reason = f"it caches a method: its keys keep {counted(held, 'instance')} of {class_name} alive"
    return Evidence("caches-instances", "leak", reason, {"instances": held})


def classes_made_at_run_time(suspect: Suspect, context: Context) -> Evidence | None:
    """Type objects accumulate: classes are made for each request or document."""
    if suspect.mask is None or suspect.kind not in (SuspectKind.GROWTH, SuspectKind.GARBAGE):
        return None
    made = int((suspect.mask & context.look.heap.is_class).sum())
    if (
        made < MIN_CLASSES
        or len(context.history.last.snapshot.modules) > len(context.history.moments[0].snapshot.modules) + made
    ):
        return None
    reason = f"{made:,} classes made at run time are in it; a class weighs 1 to 3 KB and is always part of a cycle"
    return Evidence("classes-made-at-run-time", suspect.place.holder.kind, reason, {"classes": made})


def held_by_others_too(suspect: Suspect, context: Context) -> Evidence | None:
    """Cutting the named reference alone frees little: other holders have the same data."""
    if suspect.kind != SuspectKind.GROWTH:
        return None
    also = tuple(suspect.facts.get("also", ()))
    if also:
        verb = "holds" if len(also) == 1 else "hold"
        reason = f"cutting this reference alone frees next to nothing: {' and '.join(also)} {verb} the same data too"
        return Evidence("held-by-others-too", "not-this-holder-alone", reason, {"holders": 1 + len(also)})
    others = [
        (text, size)
        for text, size in next_holders(context.look, suspect)
        if size >= OTHERS_SHARE * max(suspect.saving, 1)
    ]
    if not others:
        return None
    texts = ", ".join(f"{text} ({in_bytes(size)})" for text, size in others)
    return Evidence(
        "held-by-others-too",
        "not-this-holder-alone",
        f"some of the data is also held by {texts}",
        {"holders": 1 + len(others)},
    )


def code_of_a_library(suspect: Suspect, context: Context) -> Evidence | None:
    """The holder is in code that is not the application's."""
    owner = suspect.place.owner
    if owner == APPLICATION or suspect.kind in (
        SuspectKind.SLACK,
        SuspectKind.NATIVE,
        SuspectKind.GARBAGE,
        SuspectKind.INTERNED,
    ):
        return None
    whose = "the standard library" if owner == STDLIB else owner.removeprefix("library:")
    reason = f"the holder is code of {whose}: change how the application uses it"
    return Evidence("code-of-a-library", owner, reason, {})


def held_only_by_c(suspect: Suspect, context: Context) -> Evidence | None:
    """References that no Python object and no thread accounts for."""
    if "c_held_type" not in suspect.facts:
        return None
    reason = (
        f"{counted(suspect.counts[-1], 'object')} have more references than all objects and frames together show: "
        "C code holds them (or took a reference and never gave it back)"
    )
    if suspect.facts.get("in_step"):
        reason = (
            f"each interval brought as many entries into {suspect.place.holder.name} as "
            f"{suspect.facts['c_held_type']} objects "
            "that only C code holds: they hang off these entries by references that the collector cannot see"
        )
    favours = HolderKind.C_HELD if suspect.kind == SuspectKind.C_HELD else "probably"
    return Evidence("held-only-by-c", favours, reason, {"objects": suspect.counts[-1]})
