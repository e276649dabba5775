"""Which of the five fixes, why, how in the target's own names, and why not the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.advice import how_to_drop, location
from leakkit.diagnose.owner import APPLICATION
from leakkit.diagnose.price import price_of
from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import in_bytes
from leakkit.model import Alternative, Fix, FixId, HolderKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect
    from leakkit.model import Evidence

TITLES = {
    FixId.COLLECT: "break the cycle, or collect at chosen moments",
    FixId.DROP: "stop holding the data",
    FixId.COPY: "copy the fragment instead of keeping a view",
    FixId.ISOLATE: "move the work to something that ends",
    FixId.HIBERNATE: "shed state while idle",
}


def choose(suspect: Suspect, rules: set[str]) -> FixId:
    """The fix that the evidence calls for."""
    if suspect.kind == SuspectKind.GARBAGE:
        return FixId.COLLECT
    if suspect.kind == SuspectKind.VIEWS:
        return FixId.COPY
    if suspect.kind == SuspectKind.IDLE_FRAMES:
        return FixId.HIBERNATE if suspect.place.owner == APPLICATION else FixId.ISOLATE
    if suspect.kind == SuspectKind.SLACK:
        return FixId.ISOLATE if suspect.facts["pinned"] else FixId.HIBERNATE
    if suspect.kind == SuspectKind.NATIVE:
        return FixId.ISOLATE
    if suspect.kind == SuspectKind.C_HELD:
        return FixId.ISOLATE if suspect.place.holder.kind == HolderKind.C_HELD else FixId.DROP
    return FixId.HIBERNATE if "idle-threads-keep" in rules else FixId.DROP


def _variables(suspect: Suspect) -> str:
    return ", ".join(f"`{name}`" for name, _, _ in suspect.facts["variables"])


def _function(suspect: Suspect) -> str:
    return suspect.place.holder.name.partition(" local ")[0]


def _collect_texts(suspect: Suspect, rules: set[str]) -> tuple[str, str]:
    text = suspect.place.path_text
    if suspect.place.holder.kind == HolderKind.FROZEN:
        why = "these objects died after gc.freeze() had hidden them from every collection"
        how = (
            "call gc.collect() right before gc.freeze(), and freeze once at start-up while no request is open; "
            "gc.unfreeze() and gc.collect() give the memory back now"
        )
        return why, how
    if "collector-disabled" in rules:
        why = "they are dead, but in reference cycles, and the collector that would free them is switched off"
        how = (
            f"call gc.enable(), or gc.collect() at chosen moments; or break the cycle {text} (a "
            "weakref for the way back)"
        )
        return why, how
    why = "they are dead, but in reference cycles, and outlived the young collections; no full collection has come yet"
    how = (
        f"break the cycle {text}{location(suspect.place.holder)}: make the way back a weakref, "
        "or delete it when the work is "
        "done; or call gc.collect() after each large piece of work or at idle"
    )
    return why, how


def _frame_texts(suspect: Suspect, fix: FixId, rules: set[str]) -> tuple[str, str]:
    holder, frames = suspect.place.holder, suspect.counts[-1]
    names = _variables(suspect)
    at = f"{holder.file}:{holder.line}" if holder.file else "where it waits"
    why = (
        f"{frames:,} suspended frames of {_function(suspect)} wait and their locals alone hold "
        f"{in_bytes(suspect.saving)}"
    )
    if fix == FixId.HIBERNATE:
        how = (
            f"{names} in {_function(suspect)} stay in the suspended frame while it waits at {at}: delete them (`del`) "
            "before that wait, or build them in a helper function that returns only the answer"
        )
    else:
        how = (
            f"{_function(suspect)} at {at} is code of "
            f"{suspect.place.owner.removeprefix('library:')} and holds {names} while it "
            "waits: run the work in a one-off task or process that replies and ends, or close what is idle"
        )
    if "frames-accumulate" in rules:
        how += "; their number grows: if they should have ended by now, give the wait a timeout or cancel them"
    return why, how


def _native_texts(suspect: Suspect) -> tuple[str, str]:
    how = (
        "recycle the worker processes (gunicorn --max-requests, ProcessPoolExecutor(max_tasks_per_child=...), "
        "multiprocessing maxtasksperchild); "
    )
    name = suspect.place.holder.name
    if not suspect.facts["named"]:
        why = "memory in use grows and no Python object accounts for it: C code allocates it and does not free it"
        return why, how + "leakkit diagnose PID --for 60s --allocations --native names the C library: close its handles"
    why = f"memory in use grows and no Python object accounts for it: {name} allocates it and does not free it"
    return why, how + f"try another version of {name}, or close what the application opens with it"


def _texts(suspect: Suspect, fix: FixId, kind: HolderKind, rules: set[str]) -> tuple[str, str]:
    """(why, how) of the fix."""
    holder = suspect.place.holder
    if suspect.kind == SuspectKind.GARBAGE:
        return _collect_texts(suspect, rules)
    if suspect.kind == SuspectKind.IDLE_FRAMES:
        return _frame_texts(suspect, fix, rules)
    if suspect.kind == SuspectKind.VIEWS:
        shown = in_bytes(int(suspect.facts["fragments"]))
        types = ", ".join(suspect.facts["view_types"])
        why = f"{types} objects that show {shown} keep {in_bytes(int(suspect.facts['buffer_bytes']))} of buffers alive"
        return why, f"store a copy in `{holder.name}`{location(holder)}: {_copy_call(suspect)}"
    if suspect.kind == SuspectKind.SLACK:
        why = "the program freed this memory, but the allocators keep it because live blocks share its pages or arenas"
        if suspect.facts["pinned"]:
            return why, (
                "a trim gives little back, since a few live objects pin each pymalloc arena: after "
                "the burst drop these "
                "objects or rebuild them (copy what is kept, let the originals go), then the arenas are returned; or "
                "build the burst in a worker process that ends"
            )
        how = (
            "at idle, after gc.collect(), call ctypes.CDLL(None).malloc_trim(0); with many threads start with "
            "MALLOC_ARENA_MAX=2; build large short-lived data in a worker process that ends"
        )
        return why, how
    if suspect.kind == SuspectKind.NATIVE:
        return _native_texts(suspect)
    if suspect.kind == SuspectKind.C_HELD and kind == HolderKind.C_HELD:
        why = f"C code holds {suspect.counts[-1]:,} {holder.name} objects with references that no Python code can drop"
        how = (
            f"close or release {holder.name} objects through the extension that got them; if it never gives them back, "
            "run that work in a process that is recycled (max_tasks_per_child)"
        )
        return why, how
    if fix == FixId.HIBERNATE:
        why = f"{suspect.counts[-1]:,} threads keep {in_bytes(suspect.saving)} in `{holder.name}`, most of them waiting"
        return why, how_to_drop(suspect, kind, rules)
    return _drop_why(suspect, kind), how_to_drop(suspect, kind, rules)


def _drop_why(suspect: Suspect, kind: HolderKind) -> str:
    if kind == HolderKind.INTERNED:
        return "strings made from input are interned, and the interpreter's table keeps them"
    entries = suspect.counts[-1]
    if entries > 1:
        return f"`{suspect.place.holder.name}` holds {entries:,} entries, all reachable; nothing takes them out"
    return f"what `{suspect.place.holder.name}` holds is reachable and grows; nothing takes it out"


def _copy_call(suspect: Suspect) -> str:
    types = " ".join(suspect.facts["view_types"])
    calls = []
    if "numpy" in types or "ndarray" in types:
        calls.append("array[a:b].copy() (pandas: frame[...].copy())")
    if "memoryview" in types:
        calls.append("bytes(view[a:b])")
    if "Match" in types:
        calls.append("match.group() or match.groups() instead of the match")
    if "object tree" in suspect.facts["buffer_types"]:
        calls.append("str(text) instead of the tree's own string")
    return "; ".join(calls or ["bytes() or .copy() of the fragment"])


def make_fix(
    suspect: Suspect, kind: HolderKind, evidence: Sequence[Evidence], context: Context
) -> tuple[Fix, tuple[Alternative, ...]]:
    """The recommended fix and the others with why not."""
    rules = {item.rule for item in evidence}
    fix_id = choose(suspect, rules)
    why, how = _texts(suspect, fix_id, kind, rules)
    rate = context.rate(suspect)
    removed = rate if rate is not None and rate > 0 and context.history.grows(suspect.sizes) else None
    fix = Fix(
        fix_id,
        TITLES[fix_id],
        why,
        how,
        suspect.saving if suspect.facts.get("saving_known", True) else None,
        price_of(fix_id, suspect, context),
        fix_id.value,
        removed,
    )
    return fix, alternatives(suspect, fix_id)


def alternatives(suspect: Suspect, chosen: FixId) -> tuple[Alternative, ...]:
    """Every other fix and why it is not the first choice here."""
    found = [_alternative(suspect, fix) for fix in FixId if fix != chosen]
    return tuple(found)


def _alternative(suspect: Suspect, fix: FixId) -> Alternative:
    dead = suspect.kind == SuspectKind.GARBAGE
    off_heap = suspect.kind in (SuspectKind.SLACK, SuspectKind.NATIVE)
    if fix == FixId.COLLECT:
        why = "frees nothing by itself: no garbage is in it" if off_heap else "frees nothing: every object is reachable"
        return Alternative(fix.value, why, 0)
    if fix == FixId.DROP:
        if dead:
            return Alternative(fix.value, "nothing holds these objects any more: there is no reference to drop", 0)
        if off_heap:
            return Alternative(fix.value, "no Python object holds this memory", 0)
        return Alternative(fix.value, "possible where the data need not be kept at all", suspect.saving)
    if fix == FixId.COPY:
        return Alternative(fix.value, "no small view pins a large buffer here", 0)
    if fix == FixId.ISOLATE:
        saving = suspect.saving
        why = "works too, but moves the work elsewhere instead of repairing it"
        if suspect.kind == SuspectKind.IDLE_FRAMES:
            why = "a helper task that returns only the answer frees the same, with more change to the code"
        return Alternative(fix.value, why, saving)
    if suspect.kind == SuspectKind.SLACK:
        why = "a trim at idle gives little back: live objects share the pages"
        return Alternative(fix.value, why, int(suspect.facts["returnable"]))
    if suspect.kind == SuspectKind.NATIVE:
        return Alternative(fix.value, "the memory is in use: a trim gives nothing back", 0)
    if dead:
        return Alternative(fix.value, "collecting at idle works too, but waits for a quiet moment", suspect.saving)
    return Alternative(fix.value, "no idle frame or free allocator memory is the cause", 0)
