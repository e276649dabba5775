"""What every rule may look at besides the suspect itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leakkit.diagnose.constants import (
    GROWTH_SNAPSHOTS,
    MATERIAL_FLOOR,
    MATERIAL_SHARE,
    NATIVE_FLOOR,
    RECLAIMABLE_FLOOR,
    RECLAIMABLE_SHARE,
)

if TYPE_CHECKING:
    from leakkit.diagnose.history import History
    from leakkit.diagnose.lookup import Lookup
    from leakkit.diagnose.suspect import Suspect
    from leakkit.snapshot_model import CollectorState


@dataclass(frozen=True)
class Context:
    """The snapshots side by side and the newest heap's names."""

    history: History
    look: Lookup
    material: int | None = None
    """Bytes from which a change is told; None for what is worth a person's time in a running service."""
    stacks_by_place: dict[tuple[str, str, int], list[int]] = field(default_factory=dict, repr=False)
    """Recorded stacks by the place of their allocation, filled on first use: see ``diagnose/allocated.py``."""

    @property
    def rss(self) -> int:
        """Resident bytes in the newest snapshot."""
        return self.history.last.snapshot.memory.rss

    @property
    def floor(self) -> int:
        """Growth below this many bytes is not reported."""
        if self.material is not None:
            return self.material
        return max(MATERIAL_FLOOR, int(MATERIAL_SHARE * self.rss))

    @property
    def reclaimable_floor(self) -> int:
        """Reclaimable memory below this many bytes is not reported."""
        if self.material is not None:
            return self.material
        return max(RECLAIMABLE_FLOOR, int(RECLAIMABLE_SHARE * self.rss))

    @property
    def native_floor(self) -> int:
        """Growth that no object explains is not reported below this many bytes."""
        if self.material is None:
            return NATIVE_FLOOR
        # What the allocators and containers add to objects that grow is of the order of the objects themselves.
        moments = self.history.moments
        return max(self.material, moments[-1].figures.total - moments[0].figures.total)

    @property
    def collector(self) -> CollectorState:
        """The collector in the newest snapshot."""
        return self.history.last.snapshot.collector

    @property
    def enough(self) -> bool:
        """Whether there are snapshots enough to call something growing."""
        return self.history.count >= GROWTH_SNAPSHOTS

    def full_collections(self) -> int | None:
        """Full collections between the first and the newest snapshot; None when it is not known."""
        stats = [m.snapshot.collector.stats for m in self.history.moments]
        if len(stats) < 2 or any(not s for s in stats):
            return None
        return int(stats[-1][-1].get("collections", 0)) - int(stats[0][-1].get("collections", 0))

    def rate(self, suspect: Suspect) -> float | None:
        """Growth of a suspect in bytes per second."""
        return self.history.rate(suspect.sizes)
