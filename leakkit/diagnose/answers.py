"""What other tools said, out of a snapshot file, as typed records: a file is hostile input, its answers too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from leakkit.snapshot_model import Snapshot

Answer = TypeVar("Answer")
_DAMAGE = (KeyError, TypeError, ValueError, AttributeError, IndexError)
_LARGEST = 1 << 53
"""No count or size is larger; floats hold them all exactly."""
_MOST_ROWS, _MOST_KINDS = 8, 12
_LONGEST = 200


@dataclass(frozen=True)
class Objgraph:
    """objgraph's answer."""

    counts: dict[str, int]
    """Tracked objects by the type's name without its module."""
    chains: int
    """Large containers that it searched a chain for."""
    reached: int
    """For how many of them it found one from a module."""


@dataclass(frozen=True)
class Referred:
    """A row of Heapy's partition by referrers."""

    text: str
    """Heapy's words for the kinds of the referrers."""
    kinds: frozenset[tuple[bool, str]] | None
    """Each kind as (dict of such an object, type); None where they are too many, or have no name here."""
    count: int
    bytes: int


@dataclass(frozen=True)
class Heapy:
    """guppy3's answer."""

    types: dict[str, tuple[int, int]]
    """Objects and bytes by type."""
    dominated: tuple[tuple[int, int], ...]
    """Node and the bytes that it dominates."""
    referred: tuple[Referred, ...] = ()
    """The largest kinds of its partition by referrers."""
    kinds: int = 0
    """How many sets of kinds it has."""
    objects: int = 0
    """How many objects it was asked for."""
    left_out: tuple[str, ...] = ()
    """Types whose objects it leaves out; the empty name stands for one that has none here."""
    reason: str = ""
    """Why there is no such partition."""


@dataclass(frozen=True)
class Answers:
    """What the tools said in one snapshot; None of a tool that was not asked or could not answer."""

    objgraph: Objgraph | None
    guppy3: Heapy | None
    complaints: tuple[str, ...]
    """A line for each answer that is damaged."""


def answers_of(snapshot: Snapshot) -> Answers:
    """The answers of a snapshot; one that is damaged is a complaint, not an error."""
    complaints: list[str] = []
    said = {result.name: result.data for result in snapshot.probes if result.status == "ok"}

    def one(name: str, make: Callable[[dict[str, Any], int], Answer]) -> Answer | None:
        if name not in said:
            return None
        try:
            return make(said[name], snapshot.graph.node_count)
        except _DAMAGE as error:
            complaints.append(f"probe {name} failed: its answer is damaged: {type(error).__name__}")
            return None

    objgraph, guppy = one("objgraph", _objgraph), one("guppy3", _guppy3)
    return Answers(objgraph, guppy, tuple(complaints))


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError(value)
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(value)
    return value


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError(value)
    return value


def _objgraph(data: dict[str, Any], _nodes: int) -> Objgraph:
    chains = [chain["reaches_module"] is True for chain in _list(data["chains"])]
    return Objgraph({name: _whole(count) for name, count in data["counts"].items()}, len(chains), sum(chains))


def _guppy3(data: dict[str, Any], nodes: int) -> Heapy:
    types = {name: (_whole(count), _whole(size)) for name, (count, size) in data["types"].items()}
    dominated = tuple((_whole(node), _whole(size)) for node, size in _list(data["dominated"]))
    if any(node >= nodes for node, _ in dominated):
        raise ValueError(nodes)
    said = data.get("referrers")
    if said is None:
        return Heapy(types, dominated)
    rows = tuple(_referred(*row) for row in _list(said["rows"])[:_MOST_ROWS])
    left_out = tuple(_text(name) for name in _list(said["left_out"]))
    reason = _text(said["reason"])[:_LONGEST]
    return Heapy(types, dominated, rows, _whole(said["kinds"]), _whole(said["objects"]), left_out, reason)


def _referred(text: Any, kinds: Any, count: Any, size: Any) -> Referred:
    known = None
    if kinds is not None:
        known = frozenset((owned is True, _text(name)) for owned, name in _list(kinds)[:_MOST_KINDS])
    return Referred(_text(text)[:_LONGEST], known, _whole(count), _whole(size))
