"""Kernels over the columns of references; ``kind`` is uint8, ``name`` and ``target`` int32, ``start`` int64."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.native.library import call, check, column, graph_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def edge_costs(kind: Array, name: Array, mask: int, attribute: int, by_kind: Array, by_name: Array) -> Array:
    """The cost of each reference: by its name where that has one, else by its kind, uint8."""
    cost = np.empty(len(kind), np.uint8)
    kind, name = check(kind, np.uint8), check(name, np.int32, len(kind))
    by_kind, by_name = column(by_kind, np.uint8, 128), column(by_name, np.uint8)
    call("lk_edge_costs", kind, name, len(kind), mask & 0x7F, attribute, by_kind, by_name, len(by_name), cost)
    return cost


def count_kinds(start: Array, kind: Array, wanted: Array) -> Array:
    """How many references of the wanted kinds (a mask over byte values) leave each row, int32."""
    count = np.empty(len(start) - 1, np.int32)
    # No target is read: the kinds only lend the length.
    graph = graph_of(start, np.empty(len(kind), np.int32))
    call("lk_count_kinds", graph, check(kind, np.uint8), column(wanted, np.uint8, 256), count)
    return count


def mark_targets(
    start: Array, target: Array, kind: Array, name: Array, by_name: Array, vague: Array, owner: Array
) -> Array:
    """Mask of the targets of references with a marked name, or without one from an owner by a vague kind."""
    marked = np.empty(len(start) - 1, np.bool_)
    call(
        "lk_mark_targets",
        graph_of(start, target),
        check(kind, np.uint8, len(target)),
        check(name, np.int32, len(target)),
        column(by_name, np.uint8),
        len(by_name),
        column(vague, np.uint8, 256),
        column(owner, np.uint8, len(start) - 1),
        marked,
    )
    return marked


def look_up(table: Array, index: Array) -> Array:
    """``table[index]`` for a mask or a column of bytes."""
    found = np.empty(len(index), table.dtype)
    call("lk_look_up", column(table, np.uint8), len(table), check(index, np.int32), len(index), found)
    return found


def count_unknown(start: Array, target: Array, kind: Array, extra: int, agent: Array) -> int:
    """How many references of rows that are not ``agent`` lead out of the graph, those of ``extra`` kinds left out."""
    found = np.zeros(1, np.int64)
    kind, agent = check(kind, np.uint8, len(target)), column(agent, np.uint8, len(start) - 1)
    call("lk_count_unknown", graph_of(start, target), kind, extra, agent, found)
    return int(found[0])


class _Tree(ctypes.Structure):
    """``LkTree`` of kernels/steps.c."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("rows", "edges", "words")),
        *((name, ctypes.c_void_p) for name in ("parent", "parent_edge", "hops", "kind", "name")),
        *((name, ctypes.c_void_p) for name in ("code", "role", "word", "entries", "label")),
        ("small", ctypes.c_int64),
    )


def steps(
    tree: tuple[Array, Array, Array],
    references: tuple[Array, Array],
    code: Array,
    role: Array,
    word: Array,
    entries: Array,
    label: Array,
    small: int,
) -> tuple[Array, Array]:
    """(step, name) of each row's last reference.

    Args:
        tree: parent, parent's edge and hops of each row, int32.
        references: kind (uint8) and name (int32) of each reference.
        code: the step of each of 128 kinds.
        role: bits of each row: 1 namespace, 2 class, 4 module, 8 cell, 16 frame.
        word: bits of each string: 1 plumbing, 2 says that a frame follows.
        entries: how many entries each row has, int32.
        label: string of the function that each row is a frame of, or 0, int32.
        small: a dict with more entries is data.
    """
    n, m = len(role), len(references[0])
    columns = [check(c, np.int32, n) for c in tree]
    columns += [check(references[0], np.uint8), check(references[1], np.int32, m), check(code, np.uint8, 128)]
    columns += [check(role, np.uint8), check(word, np.uint8), check(entries, np.int32, n), check(label, np.int32, n)]
    found, name = np.empty(n, np.uint8), np.empty(n, np.int32)
    call("lk_steps", _Tree(n, m, len(word), *(c.ctypes.data for c in columns), small), found, name)
    return found, name
