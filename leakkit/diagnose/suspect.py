"""What the detectors hand to the rules: memory with one holder, before anything is concluded from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leakkit.model import Holder, PathStep


class SuspectKind(StrEnum):
    """Which detector found it."""

    GROWTH = "growth"
    IDLE_FRAMES = "idle-frames"
    VIEWS = "views"
    GARBAGE = "garbage"
    C_HELD = "c-held"
    INTERNED = "interned"
    SLACK = "slack"
    NATIVE = "native"
    LARGE = "large"


@dataclass(frozen=True)
class Place:
    """Where memory is held: the holder and the way to it."""

    holder: Holder
    owner: str
    path_text: str
    shape: str
    """The path without indexes and variable keys."""
    steps: tuple[PathStep, ...] = ()
    owner_node: int = -1
    """The object that has the holding attribute, frame or cell; -1 when there is none."""
    types: tuple[str, ...] = ()
    """Types on the way from the root to the holder."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """Memory with one holder; series have one value a snapshot, oldest first."""

    kind: SuspectKind
    place: Place
    nodes: tuple[int, ...]
    """The holding containers, frames or views in the newest heap."""
    counts: tuple[int, ...]
    """Entries, frames, buffers or groups."""
    sizes: tuple[int, ...]
    """Bytes retained."""
    saving: int
    """What-if result: bytes that go when the holding references are cut."""
    mask: NDArray[Any] | None = None
    """Objects of the newest heap that would be freed; None for what is off the heap."""
    cut: NDArray[Any] | None = None
    """Numbers of the references that were cut on paper."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the detector measured beyond this, for the rules."""

    @property
    def size(self) -> int:
        """Bytes in the newest snapshot."""
        return self.sizes[-1]
