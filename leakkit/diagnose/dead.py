"""Groups garbage by the cycle that keeps it: what died and waits for a full collection, or for none at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.diagnose.lookup import DATA_TYPES
from leakkit.diagnose.owner import APPLICATION, STDLIB
from leakkit.diagnose.suspect import Place, Suspect, SuspectKind
from leakkit.heap.cycles import NO_CYCLE, OTHER_CYCLES, cycle_groups
from leakkit.heap.summary import types_of
from leakkit.model import Holder, HolderKind, PathStep
from leakkit.snapshot_model import Generation, NodeFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.history import History
    from leakkit.diagnose.lookup import Lookup
    from leakkit.heap.cycles import CycleGroup

GROUP_SHARE = 0.2
"""A form of cycle is a finding of its own when it holds this share of all garbage; smaller ones are told together."""

SAMPLE = 2000
"""Objects of a group that are searched for a function or frame with a file and line."""

GENERATIONS = {0: "generation 0", 1: "generation 1", 2: "generation 2", 3: "the permanent generation"}


def _collected(history: History) -> bool:
    """Whether a full collection ran between the two newest snapshots."""
    before, now = (moment.snapshot.collector for moment in history.moments[-2:])
    if now.regime != "generational" or not before.stats or not now.stats:
        return False
    return int(now.stats[-1].get("collections", 0)) > int(before.stats[-1].get("collections", 0))


def _stayed(history: History, mask: NDArray[Any], *, frozen: bool) -> int:
    """Bytes of these dead objects that were dead in the snapshot before already."""
    # A full collection took what was dead before, unless it was frozen: what lies there now is new.
    if history.count < 2 or (not frozen and _collected(history)):
        return 0
    nodes = np.flatnonzero(mask)
    before = history.moments[-2]
    rows = history.all_rows(history.count - 2)[nodes]
    dead = (rows >= 0) & before.dead[np.maximum(rows, 0)]
    return int(history.last.graph.size[nodes[dead]].sum())


def _sizes(history: History, saving: int, *, frozen: bool) -> tuple[int, ...]:
    """Garbage bytes a snapshot; a group's part of older garbage is taken to be what it is now."""
    totals = [m.frozen_bytes if frozen else m.figures.garbage - m.frozen_bytes for m in history.moments]
    share = saving / totals[-1] if totals[-1] else 0.0
    return (*(int(total * share) for total in totals[:-1]), saving)


def _frame_of(look: Lookup, nodes: Sequence[int]) -> tuple[str, str, int, str] | None:
    """Function, file, line and module of the first frame or function among the cycle's objects."""
    for node in nodes:
        if node in look.frame_rows:
            return look.frame_text(look.frame_rows[node])
    for node in nodes:
        found = look.function_text(node)
        if found is not None:
            return found
    return None


def _owner(look: Lookup, types: Sequence[str], file: str | None) -> str:
    """Whose cycle it is: the file of its frame or function, else the application's classes before libraries' ones."""
    if file:
        return look.owners.of_file(file)
    owners = [look.owners.of_type(name) for name in types if name not in DATA_TYPES and "." in name]
    for owner in owners:
        if owner == APPLICATION:
            return owner
    libraries = [owner for owner in owners if owner != STDLIB]
    return (libraries or owners or [APPLICATION])[0]


def _class_place(look: Lookup, name: str) -> tuple[str | None, int | None]:
    """File of a class and the first line of its methods: classes themselves know no line."""
    module = look.module_of_type(name)
    file, inside = look.owners.files.get(module), name.removeprefix(f"{module}.") + "."
    found = [look.function_text(node) for node in look.function_rows]
    lines = [text[2] for text in found if text and text[3] == module and text[1] == file and text[0].startswith(inside)]
    return file, min(lines, default=None)


def _cycle_steps(group: CycleGroup) -> tuple[PathStep, ...]:
    """Once around the shortest cycle; the reference that closes it is the one to break."""
    if not group.steps:
        return (PathStep("", group.text, None, suspect=True),)
    owners = [owner for owner, _ in group.steps]
    around = zip([*owners[1:], owners[0]], [edge for _, edge in group.steps], strict=True)
    last = len(owners) - 1
    rest = [PathStep(owner, edge or "(unnamed)", None, number == last) for number, (owner, edge) in enumerate(around)]
    return (PathStep("", owners[0]), *rest)


def _cycle_place(look: Lookup, group: CycleGroup) -> Place:
    names = [entry.name for entry in group.types]
    cycle = [look.type_of(node) for node in group.example_cycle] or names
    found = _frame_of(look, group.example_cycle)
    named = found is not None or any(owner.startswith("class ") for owner, _ in group.steps)
    telling = named or any("." in name and name not in DATA_TYPES for name in cycle)
    found = found or _frame_of(look, group.nodes[:SAMPLE].tolist())
    file, line = (found[1] or None, found[2] or None) if found else (None, None)
    if file is None:
        own = next((n for n in cycle if n not in DATA_TYPES and "." in n), "")
        file, line = _class_place(look, own) if own else (None, None)
    text = group.text
    if not telling or not group.example_cycle:
        inside = [name for name in names if "." in name and name not in DATA_TYPES] or names
        made_in = [f"functions of {found[3]}.{found[0]}"] if found else []
        text = f"{text} (with {', '.join([*inside[:2], *made_in])})"
    steps = _cycle_steps(group)
    holder = Holder(HolderKind.CYCLE, text, file, line)
    return Place(holder, _owner(look, cycle, file), text, group.shape, steps, -1, tuple(cycle))


def _suspect(history: History, look: Lookup, groups: Sequence[CycleGroup]) -> Suspect:
    """One suspect of one form of cycle, or of several small ones named after the largest."""
    nodes = np.concatenate([group.nodes for group in groups])
    mask = np.zeros(history.last.graph.node_count, np.bool_)
    mask[nodes] = True
    saving = sum(group.size_bytes for group in groups)
    by_generation: dict[str, int] = {}
    for group in groups:
        for number, size in group.by_generation.items():
            by_generation[GENERATIONS[number]] = by_generation.get(GENERATIONS[number], 0) + size
    facts = _facts(history, look, mask) | {
        "by_generation": by_generation,
        "finalizers": any(group.has_finalizer for group in groups),
        "legacy": any(group.uncollectable for group in groups),
        "forms": len(groups),
    }
    sizes = _sizes(history, saving, frozen=False)
    count = sum(group.count for group in groups)
    counts = tuple(int(count * size / max(sizes[-1], 1)) for size in sizes[:-1])
    place = _cycle_place(look, groups[0])
    return Suspect(SuspectKind.GARBAGE, place, (), (*counts, count), sizes, saving, mask, None, facts)


def _facts(history: History, look: Lookup, mask: NDArray[Any], *, frozen: bool = False) -> dict[str, Any]:
    graph = history.last.graph
    tracked = mask & ((graph.flags & NodeFlag.TRACKED) != 0)
    return {
        "stayed_bytes": _stayed(history, mask, frozen=frozen),
        "tracked": int(np.count_nonzero(tracked)),
        "payload_bytes": int(graph.size[mask & ~tracked].sum()),
        "types": types_of(look.heap, mask, 8),
    }


def _frozen(history: History, look: Lookup) -> Suspect:
    """Dead objects in the permanent generation."""
    mask = look.heap.garbage.frozen_dead
    graph = history.last.graph
    size = int(graph.size[mask].sum())
    tracked = np.flatnonzero(mask & (graph.generation == Generation.FROZEN))
    names = [entry.name for entry in types_of(look.heap, mask, 12)]
    own = [name for name in names if name not in DATA_TYPES and name not in ("str", "bytes", "bytearray", "int")]
    named = (own or names)[:3]
    file = look.owners.files.get(look.module_of_type(named[0])) if named and "." in named[0] else None
    text = f"frozen dead {', '.join(named)}"
    holder = Holder(HolderKind.FROZEN, text, file, None)
    steps = (PathStep(named[0] if named else "object", "permanent generation", None, True),)
    place = Place(
        holder,
        _owner(look, named, None),
        f"permanent generation → {', '.join(named)}",
        text,
        steps,
        -1,
        tuple(named),
    )
    facts = _facts(history, look, mask, frozen=True) | {
        "by_generation": {GENERATIONS[3]: size},
        "finalizers": False,
        "legacy": False,
        "forms": 1,
    }
    sizes = _sizes(history, size, frozen=True)
    heads = len(tracked)
    counts = tuple(int(heads * s / max(size, 1)) for s in sizes[:-1])
    return Suspect(SuspectKind.GARBAGE, place, (), (*counts, heads), sizes, size, mask, None, facts)


def dead_groups(history: History, look: Lookup, floor: int) -> list[Suspect]:
    """Suspects for garbage of at least ``floor`` bytes; none when the garbage set cannot be trusted."""
    garbage = look.heap.garbage
    if not garbage.trustworthy:
        return []
    suspects = []
    if garbage.frozen_bytes >= floor:
        suspects.append(_frozen(history, look))
    if garbage.bytes < floor:
        return suspects
    groups = cycle_groups(look.heap)
    real = [g for g in groups if g.shape not in (OTHER_CYCLES, NO_CYCLE)] or list(groups)
    large = [g for g in real if g.size_bytes >= max(GROUP_SHARE * garbage.bytes, floor)]
    small = [g for g in groups if g not in large]
    suspects += [_suspect(history, look, [group]) for group in large]
    if sum(g.size_bytes for g in small) >= floor:
        suspects.append(_suspect(history, look, small))
    return suspects
