"""What each reference of a retaining path means to a person, as columns.

``app`` → ``__dict__`` → the dict → key ``CACHE`` → the dict is one step to a person: ``.CACHE``.  This module
gives every object of a :class:`~leakkit.heap.paths.RetainingTree` the code of its last reference; references
inside namespaces and closures are ``SKIP`` and vanish from the text.  ``naming`` puts one path into words,
``growth`` counts all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import kernels
from leakkit.native import columns, loaded
from leakkit.snapshot_model import EDGE_KIND_MASK, EdgeKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.heap.analysis import Heap
    from leakkit.heap.paths import RetainingTree
    from leakkit.snapshot_model import I32, U8

    Mask = NDArray[np.bool_]

SMALL_DICT = 16
"""A dict with more entries than this is data: its keys do not name anything."""


class StepKind(IntEnum):
    """How a path goes on from one object to the next."""

    ROOT = 0
    """The first object of a path."""
    SKIP = 1
    """Plumbing: to a ``__dict__``, into a cell, to a closure tuple or the defaults."""
    GLOBAL = 2
    """``.name`` of a module."""
    CLASS_ATTRIBUTE = 3
    """``.name`` of a class."""
    ATTRIBUTE = 4
    """``.name`` of an instance or of a C-level member."""
    KEY = 5
    """``['name']``: entry of a small dict."""
    ENTRY = 6
    """``['*']``: entry of a dict that is data, or whose key has no name."""
    ELEMENT = 7
    """``[*]``: element of a list, tuple, deque or set."""
    LOCAL = 8
    """``local 'name'`` of a frame, coroutine or generator."""
    CLOSURE = 9
    """``().<closure> name`` of a function."""
    DEFAULT = 10
    """``(default name)`` of a function."""
    DICT_KEY = 11
    """The key object of a dict's entry."""
    TYPE = 12
    """From an instance to its class."""
    INTERNAL = 13
    """A reference of C code without a name."""
    FRAME = 14
    """Into a suspended frame by a reference that says nothing (a task's ``_coro``, ``cr_await``)."""


NAMESPACE_NAMES = ("__dict__",)
PLUMBING_NAMES = ("__dict__", "cell_contents", "__closure__", "__defaults__", "__kwdefaults__")
FRAME_NAMES = (
    "_coro",
    "cr_await",
    "gi_yieldfrom",
    "ag_await",
    "cr_frame",
    "gi_frame",
    "ag_frame",
    "f_back",
    "tb_frame",
)


@dataclass(frozen=True, eq=False)
class Steps:
    """One row an object; meaningless (SKIP) for objects that are not live."""

    code: U8
    """:class:`StepKind`."""
    name: I32
    """String id of the step's name, or 0."""
    label: I32
    """String id of the function that an object is a frame, coroutine or generator of, or 0."""
    entries: I32
    """For dicts, how many entries have a key that is named or not; else 0."""


def namespaces(heap: Heap) -> Mask:
    """Dicts that are the ``__dict__`` of something: their keys are attribute names."""
    graph = heap.graph
    wanted = np.zeros(len(graph.strings), np.bool_)
    for name in NAMESPACE_NAMES:
        if (number := heap.string_ids.get(name)) is not None:
            wanted[number] = True
    owner = heap.is_class | heap.has_type("module")
    mask = kernels.mark_targets(graph, wanted, (EdgeKind.INTERNAL, EdgeKind.ATTRIBUTE), owner)
    return mask & heap.has_type("dict")


def classify(heap: Heap, tree: RetainingTree) -> Steps:
    """The last step of each object's path."""
    graph = heap.graph
    entries = kernels.entries(graph)
    if loaded():
        code, name = _classify_compiled(heap, tree, entries)
    else:
        code, name = _classify_plain(heap, tree, entries)
    is_dict = heap.has_type("dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter")
    return Steps(code, name, heap.frame_labels, entries * is_dict)


def _classify_compiled(heap: Heap, tree: RetainingTree, entries: I32) -> tuple[U8, I32]:
    """(code, name) of each row in one pass; the numbers of roles and words are those of ``native.columns.steps``."""
    graph = heap.graph
    by_type = np.zeros(len(graph.types), np.uint8)
    for role, name in ((4, "module"), (8, "cell"), (16, "frame")):
        by_type[[i for i, text in enumerate(graph.types) if text == name]] = role
    role_of = kernels.look_up(by_type, graph.type_id)
    role_of |= heap.is_class.view(np.uint8) << 1
    role_of |= namespaces(heap).view(np.uint8)
    word = np.zeros(len(graph.strings), np.uint8)
    for bit, names in ((1, PLUMBING_NAMES), (2, FRAME_NAMES)):
        word[[heap.string_ids[name] for name in names if name in heap.string_ids]] |= bit
    where, references = (tree.parent, tree.parent_edge, tree.hops), (graph.edge_kind, graph.edge_name)
    label = heap.frame_labels
    return columns.steps(where, references, _codes_by_kind(), role_of, word, entries, label, SMALL_DICT)


def _classify_plain(heap: Heap, tree: RetainingTree, entries: I32) -> tuple[U8, I32]:
    graph, n = heap.graph, heap.graph.node_count
    namespace = namespaces(heap)
    code, name = np.full(n, StepKind.SKIP, np.uint8), np.zeros(n, np.int32)
    below = np.flatnonzero(tree.parent >= 0)
    edge, parent = tree.parent_edge[below], tree.parent[below]
    kind = graph.edge_kind[edge] & EDGE_KIND_MASK
    names = graph.edge_name[edge]
    by_kind = _codes_by_kind()
    codes = by_kind[kind]
    codes[(codes == StepKind.ATTRIBUTE) & (names == 0)] = StepKind.INTERNAL
    in_namespace = namespace[parent] & (codes == StepKind.KEY)
    codes[(codes == StepKind.KEY) & ~in_namespace & (entries[parent] > SMALL_DICT)] = StepKind.ENTRY
    owner = tree.parent[parent[in_namespace]]
    codes[in_namespace] = _by_owner(heap, owner)
    label = heap.frame_labels
    plumbing = _among(heap, names, PLUMBING_NAMES) & ((codes == StepKind.ATTRIBUTE) | (codes == StepKind.INTERNAL))
    owners = heap.is_class | heap.has_type("module")
    into_namespace = namespace[below] & (codes == StepKind.INTERNAL) & owners[parent]
    into_cell = heap.has_type("cell")[parent]
    # Up to 3.10 a coroutine or generator keeps its locals in a frame object of its own.
    into_frame = heap.has_type("frame")[below] & (label[parent] > 0) & ~heap.has_type("frame")[parent]
    codes[plumbing | into_namespace | into_cell | into_frame] = StepKind.SKIP
    vague = (codes == StepKind.INTERNAL) | _among(heap, names, FRAME_NAMES)
    codes[vague & (label[below] > 0) & (codes != StepKind.SKIP)] = StepKind.FRAME
    names = np.where(np.isin(codes, _NAMED), names, 0)
    code[below], name[below] = codes, names
    code[(tree.parent < 0) & (tree.hops == 0)] = StepKind.ROOT
    return code, name


_NAMED = (
    StepKind.GLOBAL,
    StepKind.CLASS_ATTRIBUTE,
    StepKind.ATTRIBUTE,
    StepKind.KEY,
    StepKind.LOCAL,
    StepKind.CLOSURE,
    StepKind.DEFAULT,
)


def _codes_by_kind() -> U8:
    codes = np.full(EDGE_KIND_MASK + 1, StepKind.INTERNAL, np.uint8)
    for kind, code in (
        (EdgeKind.ATTRIBUTE, StepKind.ATTRIBUTE),
        (EdgeKind.KEY, StepKind.KEY),
        (EdgeKind.VALUE, StepKind.ENTRY),
        (EdgeKind.DICT_KEY, StepKind.DICT_KEY),
        (EdgeKind.INDEX, StepKind.ELEMENT),
        (EdgeKind.ITEM, StepKind.ELEMENT),
        (EdgeKind.LOCAL, StepKind.LOCAL),
        (EdgeKind.CELL, StepKind.CLOSURE),
        (EdgeKind.DEFAULT, StepKind.DEFAULT),
        (EdgeKind.TYPE, StepKind.TYPE),
        (EdgeKind.BASE, StepKind.ATTRIBUTE),
    ):
        codes[kind] = code
    return codes


def _by_owner(heap: Heap, owner: I32) -> U8:
    """GLOBAL, CLASS_ATTRIBUTE or ATTRIBUTE, by whose namespace it is."""
    codes = np.full(len(owner), StepKind.ATTRIBUTE, np.uint8)
    known = np.maximum(owner, 0)
    codes[(owner >= 0) & heap.is_class[known]] = StepKind.CLASS_ATTRIBUTE
    # A namespace that is a root itself can only be a module's (``sys.modules`` entries, builtins).
    codes[(owner < 0) | heap.has_type("module")[known]] = StepKind.GLOBAL
    return codes


def frame_labels(heap: Heap) -> I32:
    """String id of the function that each object is a frame, coroutine or generator of, or 0."""
    frames = heap.snapshot.frames
    label = np.zeros(heap.graph.node_count, np.int32)
    known = (frames.node >= 0) & (frames.node < heap.graph.node_count)
    label[frames.node[known]] = frames.function[known]
    return label


def _among(heap: Heap, names: I32, wanted: tuple[str, ...]) -> Mask:
    table = np.zeros(len(heap.graph.strings), np.bool_)
    for text in wanted:
        if (number := heap.string_ids.get(text)) is not None:
            table[number] = True
    found: Mask = table[names]
    return found
