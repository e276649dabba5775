"""The objects that are referred to by objects of certain kinds and no others, as Heapy partitions a heap.

A kind is a type, or the dict of an object of a type: Python 3.11 keeps attributes beside the instance and makes no dict
for them, which Heapy has made before it looks, so an attribute that lies there counts as one of the dict.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import kernels
from leakkit.snapshot_model import EDGE_EXTRA, EDGE_KIND_MASK, EdgeKind, NodeFlag, RootKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import I32, I64

    Mask = NDArray[np.bool_]
    Kind = tuple[bool, str]
    """Whether it is the dict of such an object, and the type's name; ``(True, "")`` is a dict that nobody owns."""

_DESCRIPTORS = ("member_descriptor", "getset_descriptor", "_collections._tuplegetter")
"""What a class has for attributes that are no entries of a dict."""


def referred_by(heap: Heap, kinds: Sequence[frozenset[Kind]]) -> Iterator[Mask]:
    """For each set of kinds: which objects have referrers of exactly these kinds.

    References that Heapy does not follow (keys of dicts, weak references) do not count, nor do those of the agent.
    """
    if not kinds:
        return
    agent = (heap.graph.flags & NodeFlag.AGENT) != 0
    numbers = {name: number for number, name in reversed(list(enumerate(heap.graph.types)))}
    wanted = {numbers[name] for kind in kinds for _, name in kind if name in numbers}
    label, target = _referrers(heap, wanted, numbers)
    for kind in kinds:
        chosen = [_label(one, numbers, len(heap.graph.types)) for one in kind]
        mask = ~agent
        mask[target[~np.isin(label, chosen)]] = False
        for one in chosen:
            has = np.zeros(len(mask), np.bool_)
            has[target[label == one]] = True
            mask &= has
        yield mask


def _label(kind: Kind, numbers: dict[str, int], types: int) -> int:
    """The number of a kind: types as they are, then the dicts of their objects, then dicts that nobody owns."""
    is_dict, name = kind
    if is_dict and not name:
        return 2 * types
    return numbers.get(name, -1 - 2 * types) + types * is_dict


def _referrers(heap: Heap, wanted: set[int], numbers: dict[str, int]) -> tuple[I64, I32]:
    """Of each reference that Heapy follows: the kind of its source, and its target.

    Args:
        heap: the analysed heap.
        wanted: types whose attributes are told apart.
        numbers: type by name.
    """
    graph, source, types = heap.graph, heap.source, len(heap.graph.types)
    dicts, own_dict = heap.has_type("dict"), _is(heap, "__dict__") & (graph.edge_target >= 0)
    own_dict &= kernels.look_up(dicts, np.maximum(graph.edge_target, 0))
    opened = heap.is_class | heap.has_type("code")
    seen = ((graph.edge_kind & EDGE_EXTRA) == 0) | kernels.look_up(opened, source) | own_dict
    seen &= kernels.look_up(_reached(heap), source) & (graph.edge_target >= 0)
    of_node = np.array([numbers[name] for name in graph.types], np.int64)[graph.type_id]
    label = of_node.copy()
    label[dicts] = 2 * types
    label[graph.edge_target[own_dict]] = types + of_node[source[own_dict]]
    label, inline = label[source], seen & _inline(heap, of_node, own_dict, wanted)
    in_dict = types + of_node[source[inline]]
    if not _visits_both(heap):
        label[inline] = in_dict
        return label[seen], graph.edge_target[seen]
    rows = np.concatenate((np.flatnonzero(seen), np.flatnonzero(inline)))
    return np.concatenate((label[seen], in_dict)), graph.edge_target[rows]


def _reached(heap: Heap) -> Mask:
    """What Heapy finds: it starts at the interpreter, and does not know what only C code holds."""
    seeds = heap.roots.node[heap.roots.kind != RootKind.C_HELD]
    return kernels.reach(heap.strong, seeds)


def _visits_both(heap: Heap) -> bool:
    """Whether attributes that lie in an instance are visited there and in the dict that Heapy has made for them."""
    found = re.match(r"3\.(\d{1,3})", heap.snapshot.process.python)
    return found is not None and int(found[1]) >= 13


def _inline(heap: Heap, of_node: I64, own_dict: Mask, wanted: set[int]) -> Mask:
    """Which references are attributes that lie in the instance and are no slots or C members."""
    graph = heap.graph
    found = np.zeros(graph.edge_count, np.bool_)
    without = np.ones(graph.node_count, np.bool_)
    if not _visits_both(heap):
        without[heap.source[own_dict]] = False
    attribute = (graph.edge_kind & EDGE_KIND_MASK) == EdgeKind.ATTRIBUTE
    for number in wanted:
        mine = attribute & kernels.look_up(without & (of_node == number), heap.source)
        if mine.any() and (fixed := _fixed_names(heap, number)) is not None:
            found |= mine & ~np.isin(graph.edge_name, fixed)
    return found


def _is(heap: Heap, name: str) -> Mask:
    """Which references are attributes of that name."""
    graph = heap.graph
    number = heap.string_ids.get(name, -1)
    found: Mask = ((graph.edge_kind & EDGE_KIND_MASK) == EdgeKind.ATTRIBUTE) & (graph.edge_name == number)
    return found


def _fixed_names(heap: Heap, number: int) -> list[int] | None:
    """Attributes that objects of a type keep in slots and C members; None of a type whose mro is not known."""
    graph, descriptors = heap.graph, heap.has_type(*_DESCRIPTORS)
    orders = _follow(heap, int(graph.type_node[number]), "__mro__")
    if not orders:
        return None
    names = [heap.string_ids["__dict__"]] if "__dict__" in heap.string_ids else []
    for base in graph.edge_target[_edges(heap, orders[0])].tolist():
        for space in _follow(heap, base, "__dict__"):
            edges = _edges(heap, space)
            names += graph.edge_name[edges][descriptors[graph.edge_target[edges]]].tolist()
    return names


def _edges(heap: Heap, node: int) -> slice:
    """The rows of an object's references."""
    return slice(int(heap.graph.edge_start[node]), int(heap.graph.edge_start[node + 1])) if node >= 0 else slice(0)


def _follow(heap: Heap, node: int, name: str) -> list[int]:
    """Where an object's attribute of that name leads to."""
    edges = _edges(heap, node)
    number = heap.string_ids.get(name, -1)
    mine = (heap.graph.edge_kind[edges] & EDGE_KIND_MASK) == EdgeKind.ATTRIBUTE
    found: list[int] = heap.graph.edge_target[edges][mine & (heap.graph.edge_name[edges] == number)].tolist()
    return found
