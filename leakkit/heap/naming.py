"""Retaining paths in words: ``app.cache._sessions['*'].history[*]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.heap.steps import StepKind
from leakkit.snapshot_model import RootKind

if TYPE_CHECKING:
    from leakkit.heap.analysis import Heap
    from leakkit.heap.paths import RetainingTree
    from leakkit.heap.steps import Steps

FOLD_SPAN = 4
"""Repeats of up to so many steps are folded (``.children[*]`` again and again)."""


@dataclass(frozen=True)
class Item:
    """One step before it is put into words."""

    code: StepKind
    name: str
    """Attribute, key, local or function parameter; the root's text for ROOT; the type's name for INTERNAL."""
    type: str
    node: int = -1
    label: str = ""
    """Function whose suspended frame the object is."""
    function: str = ""
    """Qualified name, when the object is a Python function."""


@dataclass(frozen=True)
class NamedStep:
    """One step as a person sees it."""

    edge: str
    """Text of the step, e.g. ``.CACHE``, ``['*']``, `` local 'data'``; the root's text for the first one."""
    type: str
    """Type of the object that the step leads to."""
    node: int
    kind: StepKind
    name: str = ""
    """The bare name behind ``edge`` (attribute, key, variable), or empty."""


@dataclass(frozen=True)
class NamedPath:
    """A retaining path in words.

    ``text`` names this path; ``shape`` is the same for all paths of its form in any run: no addresses,
    indexes or line numbers, thread and task names without their numbers, repeats folded (``.next*``).
    """

    text: str
    steps: tuple[NamedStep, ...]
    shape: str
    nodes: tuple[int, ...]
    """Every object from the root to the end, plumbing included."""
    root_kind: RootKind | None = None
    """Kind of the root; None for an object that no root reaches."""


def name_path(heap: Heap, node: int, *, tree: RetainingTree | None = None, steps: Steps | None = None) -> NamedPath:
    """The best path to an object, in words.

    Args:
        heap: the heap.
        node: the object.
        tree: another retaining tree than the heap's own; then ``steps`` must be given too.
        steps: its steps.
    """
    tree = tree or heap.tree
    steps = steps or heap.steps
    path = tree.path(node)
    if not path:
        text = f"unreachable {heap.type_name(node)}"
        return NamedPath(text, (NamedStep(text, heap.type_name(node), node, StepKind.ROOT),), text, (node,))
    root = tree.root_of(node)
    items = items_of(heap, steps, [n for _, n in path], root_text(heap, root))
    shape_items = [
        Item(items[0].code, root_shape(heap, root), items[0].type, label=items[0].label),
        *items[1:],
    ]
    folded = _folded(items)
    return NamedPath(
        text="".join(edge for edge, _ in folded),
        steps=tuple(
            NamedStep(edge, i.type, i.node, i.code, i.name if i.code != StepKind.INTERNAL else "") for edge, i in folded
        ),
        shape="".join(edge for edge, _ in _folded(shape_items)),
        nodes=tuple(n for _, n in path),
        root_kind=RootKind(int(heap.roots.kind[root])),
    )


def items_of(heap: Heap, steps: Steps, nodes: list[int], root: str) -> list[Item]:
    """The steps of a path without its plumbing."""
    items: list[Item] = []
    for node in nodes:
        code = StepKind(int(steps.code[node])) if items else StepKind.ROOT
        if code == StepKind.SKIP:
            continue
        name = root if code == StepKind.ROOT else heap.string(int(steps.name[node]))
        label = heap.string(int(steps.label[node]))
        items.append(Item(code, name, heap.type_name(node), node, label, heap.function_names.get(node, "")))
    return items


def step_text(item: Item, before: Item | None, so_far: str) -> str:
    """One step in words.

    Args:
        item: the step.
        before: the step before it, None at the root.
        so_far: the text up to here.
    """
    text = _plain_text(item, before, so_far)
    if not item.label:
        return text
    into = f" → {item.label}()"
    return into if item.code == StepKind.FRAME else text + into


def _plain_text(item: Item, before: Item | None, so_far: str) -> str:
    if item.code in (StepKind.GLOBAL, StepKind.CLASS_ATTRIBUTE, StepKind.ATTRIBUTE):
        return f".{item.name}"
    if item.code in (StepKind.CLOSURE, StepKind.DEFAULT):
        return _function_text(item, before, so_far)
    if item.code == StepKind.LOCAL:
        return f" local '{item.name}'"
    fixed = {
        StepKind.ROOT: item.name,
        StepKind.KEY: f"['{item.name}']",
        StepKind.ENTRY: "['*']",
        StepKind.ELEMENT: "[*]",
        StepKind.DICT_KEY: ".<key>",
        StepKind.TYPE: ".__class__",
        StepKind.FRAME: ".<frame>",
    }
    return fixed.get(item.code, f".<{item.type.rpartition('.')[2]}>")


def _function_text(item: Item, before: Item | None, so_far: str) -> str:
    """A closure variable or a default value: the function by its name, unless the path just said it."""
    name = before.function if before is not None else ""
    short = name.rpartition(".")[2]
    into = "" if not name or so_far.endswith(("." + short, " " + name)) else f" → {name}"
    if item.code == StepKind.CLOSURE:
        return f"{into}().<closure> {item.name}"
    return f"{into}(default {item.name})"


def _folded(items: list[Item]) -> list[tuple[str, Item]]:
    """(text, step) of each step, with repeats folded: the last round of a repeat stands for all."""
    kept: list[Item] = []
    starred: set[int] = set()
    for item in items:
        kept.append(item)
        for span in range(1, FOLD_SPAN + 1):
            if len(kept) > 2 * span - 1 and _same(kept[-1], kept[-1 - span]) and len(kept) - 1 - span > 0:
                # The same step to the same type as ``span`` steps ago: drop the round in between.
                last = len(kept) - 1 - span
                kept[last:] = [kept[-1]]
                starred = {i for i in starred if i < last} | {last}
                break
    out: list[tuple[str, Item]] = []
    so_far = ""
    for i, item in enumerate(kept):
        text = step_text(item, kept[i - 1] if i else None, so_far) + ("*" if i in starred else "")
        so_far += text
        out.append((text, item))
    return out


def _same(one: Item, other: Item) -> bool:
    return (one.code, one.name, one.type, one.label) == (other.code, other.name, other.type, other.label)


def root_text(heap: Heap, row: int) -> str:
    """A root in words, as this run has it."""
    kind = RootKind(int(heap.roots.kind[row]))
    name = heap.string(int(heap.roots.name[row]))
    node = int(heap.roots.node[row])
    if kind == RootKind.MODULE:
        return name
    if kind == RootKind.THREAD:
        return _thread_text(heap, row, name)
    if kind == RootKind.TASK:
        named = next((t.name for t in heap.snapshot.tasks if t.node == node), name)
        return f"task '{named}'"
    if kind == RootKind.INTERPRETER:
        return f"interpreter: {name}" if name else "interpreter"
    return f"held from C: {heap.type_name(node)}"


def _thread_text(heap: Heap, row: int, variable: str) -> str:
    frames, frame = heap.snapshot.frames, int(heap.roots.frame[row])
    if frame < 0:
        return f"thread: local '{variable}'"
    thread = int(frames.thread[frame])
    known = 0 <= thread < len(heap.snapshot.threads)
    who = heap.snapshot.threads[thread].name if known else "?"
    return f"thread {who}: {heap.string(int(frames.function[frame]))}() local '{variable}'"


def root_shape(heap: Heap, row: int) -> str:
    """A root in words that are the same in every run: numbers in names are dropped."""
    if int(heap.roots.kind[row]) == RootKind.TASK:
        return "task"
    if int(heap.roots.kind[row]) == RootKind.THREAD:
        return re.sub(r"^thread (.*?):", lambda m: f"thread {re.sub('[0-9]+', '*', m[1])}:", root_text(heap, row))
    return root_text(heap, row)
