"""Compressed graphs and what a search of them finds: the records that both sorts of kernel share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leakkit.snapshot_model import I32, I64


@dataclass(frozen=True, eq=False)
class Csr:
    """A graph in compressed rows: ``target[start[v]:start[v + 1]]`` are the successors of v."""

    start: I64
    target: I32
    edge: I32
    """The caller's number of each edge."""

    @property
    def node_count(self) -> int:
        """How many rows."""
        return len(self.start) - 1

    def successors(self, node: int) -> I32:
        """The targets of one row."""
        return self.target[self.start[node] : self.start[node + 1]]

    def edges(self, node: int) -> I32:
        """The caller's numbers of one row's edges."""
        return self.edge[self.start[node] : self.start[node + 1]]


@dataclass(frozen=True, eq=False)
class ShortestTree:
    """Cheapest ways from the seeds; all columns are -1 where nothing leads."""

    parent: I32
    """The row before each row; -1 at seeds."""
    edge: I32
    """The caller's number of the edge from there; -1 at seeds."""
    seed: I32
    """Number, in the list of seeds, of the seed that a row hangs off."""
    distance: I32
    """Summed cost."""
    hops: I32
    """Number of edges from the seed."""
