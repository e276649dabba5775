"""A snapshot made ready for questions: garbage first, then live graph, roots, paths and dominators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from leakkit.heap import kernels
from leakkit.heap.dominators import DominatorTree, build_dominators
from leakkit.heap.garbage import Garbage, find_garbage, strong_references
from leakkit.heap.paths import RetainingTree, build_retaining_tree, edge_costs
from leakkit.heap.steps import Steps, classify, frame_labels
from leakkit.snapshot_model import EDGE_KIND_MASK, EdgeKind, NodeFlag, RootKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from leakkit.heap.kernels import Csr
    from leakkit.snapshot_model import I32, U8, HeapGraph, Snapshot

    Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AllRoots:
    """The explicit roots of the snapshot, in its order, then the C_HELD ones that the garbage step found."""

    node: I32
    kind: U8
    name: I32
    """String id; 0 for C_HELD roots."""
    frame: I32
    """Row of ``Snapshot.frames`` for THREAD roots, else -1."""

    def rows_of(self, kind: RootKind) -> I32:
        """The rows of one kind."""
        return np.flatnonzero(self.kind == kind).astype(np.int32)


class Heap:
    """One snapshot with everything that can be asked about it; the heavy parts are made when first asked for.

    Attributes:
        snapshot: the snapshot.
        source: the source row of each reference.
        strong: the retaining references (all but WEAK ones and the agent's own).
        garbage: what is dead.
        live: rows that are neither dead nor the agent's.
        roots: where reachability starts.
    """

    def __init__(self, snapshot: Snapshot, progress: Callable[[str], None] | None = None) -> None:
        self.snapshot = snapshot
        self._say = progress or (lambda _text: None)
        graph = snapshot.graph
        self.source: I32 = kernels.edge_sources(graph.edge_start)
        self.strong: Csr = strong_references(graph)
        self.garbage: Garbage = find_garbage(snapshot, strong=self.strong, progress=progress)
        self.live: Mask = ~self.garbage.dead & ((graph.flags & NodeFlag.AGENT) == 0)
        self.roots: AllRoots = _all_roots(snapshot, self.garbage, self.live)

    @property
    def graph(self) -> HeapGraph:
        """The snapshot's columns."""
        return self.snapshot.graph

    @cached_property
    def tree(self) -> RetainingTree:
        """The best path from a root to each live object."""
        self._say("finding the path to each object")
        return build_retaining_tree(self)

    @cached_property
    def dominators(self) -> DominatorTree:
        """Dominators and exact retained sizes of the live objects."""
        self._say("computing dominators and retained sizes")
        return build_dominators(self)

    @cached_property
    def incoming(self) -> Csr:
        """Who refers to whom: the strong references turned round; ``edge`` is the row of the reference."""
        return kernels.transpose(self.strong)

    @cached_property
    def edge_costs(self) -> U8:
        """What each reference costs on a path."""
        return edge_costs(self)

    @cached_property
    def steps(self) -> Steps:
        """What kind of step the last reference of each object's path is."""
        return classify(self, self.tree)

    @cached_property
    def frame_labels(self) -> I32:
        """String id of the function that each object is a frame, coroutine or generator of, or 0."""
        return frame_labels(self)

    @cached_property
    def function_names(self) -> dict[int, str]:
        """Row of each Python function to its qualified name."""
        table = self.snapshot.functions
        pairs = zip(table.node.tolist(), table.name.tolist(), strict=True)
        return {node: self.string(name) for node, name in pairs if node >= 0}

    @cached_property
    def class_names(self) -> dict[int, str]:
        """Row of each class object to its type name."""
        pairs = zip(self.graph.types, self.graph.type_node.tolist(), strict=True)
        return {node: name for name, node in pairs if node >= 0}

    @cached_property
    def string_ids(self) -> dict[str, int]:
        """String to its id."""
        return {text: number for number, text in enumerate(self.graph.strings)}

    @cached_property
    def is_class(self) -> Mask:
        """Rows that are class objects."""
        mask = np.zeros(self.graph.node_count, np.bool_)
        nodes = self.graph.type_node
        mask[nodes[nodes >= 0]] = True
        return mask | self.has_type("type")

    def has_type(self, *names: str) -> Mask:
        """Rows whose exact type has one of the names."""
        wanted = np.array([name in names for name in self.graph.types], np.bool_)
        return kernels.look_up(wanted, self.graph.type_id)

    def type_name(self, node: int) -> str:
        """Name of a row's type."""
        return self.graph.types[int(self.graph.type_id[node])]

    def string(self, number: int) -> str:
        """Text of a string id."""
        return self.graph.strings[number]

    def edge_kind(self, edge: int) -> EdgeKind:
        """Kind of a reference without the EXTRA bit."""
        return EdgeKind(int(self.graph.edge_kind[edge]) & EDGE_KIND_MASK)


def _all_roots(snapshot: Snapshot, garbage: Garbage, live: Mask) -> AllRoots:
    explicit = snapshot.roots
    ok = (explicit.node >= 0) & (explicit.node < len(live))
    ok[ok] = live[explicit.node[ok]]
    held = np.flatnonzero(garbage.held_outside).astype(np.int32)
    # Bigger objects first: of two paths of one length, the one from the weightier holder says more.
    held = held[np.argsort(-snapshot.graph.size[held], kind="stable")]
    return AllRoots(
        np.concatenate((explicit.node[ok], held)).astype(np.int32),
        np.concatenate((explicit.kind[ok], np.full(len(held), RootKind.C_HELD))).astype(np.uint8),
        np.concatenate((explicit.name[ok], np.zeros(len(held)))).astype(np.int32),
        np.concatenate((explicit.frame[ok], np.full(len(held), -1))).astype(np.int32),
    )


def analyse(snapshot: Snapshot, progress: Callable[[str], None] | None = None) -> Heap:
    """Read a snapshot's heap: finds the garbage at once, the rest when it is asked for.

    Args:
        snapshot: the heap.
        progress: called with a line before each long step.
    """
    return Heap(snapshot, progress)
