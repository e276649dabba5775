"""What a diagnosis says: the frozen record that ``diagnose`` makes and ``report`` renders.

The fields are those of ``report/report.schema.json``, with its units: bytes, per second of wall time, ISO 8601 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The answer in one word; the contract says when each applies."""

    LEAK = "leak"
    SUSPECT = "suspect"
    CLEAN = "clean"
    INCONCLUSIVE = "inconclusive"


class Retention(StrEnum):
    """Why memory is still there."""

    YOUNG_SURVIVOR = "young-survivor"
    LONG_LIVED = "long-lived"
    OFF_HEAP = "off-heap"


class HolderKind(StrEnum):
    """What keeps the memory."""

    MODULE_GLOBAL = "module-global"
    CLASS_ATTRIBUTE = "class-attribute"
    INSTANCE_ATTRIBUTE = "instance-attribute"
    CACHE = "cache"
    CLOSURE = "closure"
    SUSPENDED_FRAME = "suspended-frame"
    RUNNING_FRAME = "running-frame"
    THREAD_LOCAL = "thread-local"
    CONTEXT_VARIABLE = "context-variable"
    CALLBACK_REGISTRY = "callback-registry"
    EXCEPTION_TRACEBACK = "exception-traceback"
    VIEW = "view"
    CYCLE = "cycle"
    FROZEN = "frozen"
    INTERNED = "interned"
    C_HELD = "c-held"
    ALLOCATOR_SLACK = "allocator-slack"
    NATIVE_ALLOCATION = "native-allocation"
    UNKNOWN = "unknown"


class FixId(StrEnum):
    """The five fixes."""

    COLLECT = "collect"
    DROP = "drop"
    COPY = "copy"
    ISOLATE = "isolate"
    HIBERNATE = "hibernate"


class LedgerPartId(StrEnum):
    """The parts of resident memory, in the order in which they are shown."""

    LIVE_OBJECTS = "live-objects"
    GARBAGE = "garbage"
    ALLOCATOR_FREE = "allocator-free"
    NATIVE = "native"
    FILE_MAPPED = "file-mapped"
    STACKS = "stacks"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class LedgerPart:
    """One line of the ledger."""

    id: LedgerPartId
    bytes: int
    growth_bytes_per_second: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Ledger:
    """Where every byte of resident memory goes; the parts add up to ``rss_bytes``."""

    rss_bytes: int
    parts: tuple[LedgerPart, ...]
    taken_at: str = ""

    def part(self, part_id: LedgerPartId) -> LedgerPart:
        """The line of that id.

        Raises:
            KeyError: the ledger has no such line.
        """
        for part in self.parts:
            if part.id == part_id:
                return part
        raise KeyError(part_id)


@dataclass(frozen=True)
class TypeCount:
    """Objects of one type inside a finding."""

    name: str
    count: int
    bytes: int


@dataclass(frozen=True)
class Holder:
    """Who keeps the memory."""

    kind: HolderKind
    name: str
    file: str | None = None
    line: int | None = None
    bound: int | None = None


@dataclass(frozen=True)
class PathStep:
    """One reference on the way from a root: ``edge`` leads from the step before to an object of ``type``."""

    type: str
    edge: str
    count: int | None = None
    suspect: bool = False


@dataclass(frozen=True)
class AllocationSite:
    """Where memory was allocated, if a tracer ran; ``stack`` is the heaviest one, innermost frame first."""

    file: str
    line: int
    function: str
    bytes: int
    source: str | None = None
    stack: tuple[str, ...] = ()
    fate: str = ""
    """What became of all that was allocated there: so much dead, by which cycle; so much alive, by whom."""


@dataclass(frozen=True)
class Evidence:
    """One reason for or against a conclusion."""

    rule: str
    favours: str
    reason: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Snippet:
    """A change to the target's source, as whole lines with the file's own indentation."""

    file: str
    line: int
    """Where the change is."""
    first_line: int
    """Number of the first line of ``before``."""
    before: str
    after: str
    note: str = ""
    """What to know or choose."""


@dataclass(frozen=True)
class Fix:
    """The recommended fix."""

    id: FixId
    title: str
    why: str
    how: str
    saving_bytes: int | None
    price: str
    recipe: str
    saving_bytes_per_second: float | None = None
    snippet: Snippet | None = None
    """The change in the target's own source, where that could be read and the change is plain."""


@dataclass(frozen=True)
class Alternative:
    """A fix that was considered and why it is not the first choice."""

    id: str
    why: str
    saving_bytes: int | None = None


@dataclass(frozen=True)
class Finding:
    """A group of memory with one cause."""

    fingerprint: str
    retention: Retention
    confidence: float
    title: str
    size_bytes: int
    count: int
    growth_bytes_per_second: float | None
    growth_count_per_second: float | None
    types: tuple[TypeCount, ...]
    holder: Holder
    path_text: str
    path: tuple[PathStep, ...]
    allocated_at: tuple[AllocationSite, ...]
    owner: str
    evidence: tuple[Evidence, ...]
    fix: Fix
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class Observation:
    """Something large that is explained and is not a leak (a filling bounded cache, steady data)."""

    title: str
    size_bytes: int
    why: str
    path_text: str = ""


@dataclass(frozen=True)
class TreeNode:
    """A node of the dominator tree, for drawing; children are the largest ones, the rest is folded."""

    label: str
    type: str
    bytes: int
    count: int
    children: tuple[TreeNode, ...] = ()


@dataclass(frozen=True)
class TargetFacts:
    """The process that was diagnosed."""

    pid: int | None
    python: str
    command: str
    gc: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SnapshotFacts:
    """One snapshot's figures."""

    file: str | None
    taken_at: str
    rss_bytes: int
    objects: int
    references: int
    heap_bytes: int
    garbage_bytes: int
    pause_seconds: float
    capture_seconds: float


@dataclass(frozen=True)
class TypeOpinion:
    """What several tools say of one type; None where a tool was not asked or does not know the type."""

    type: str
    count: int
    tracked: int
    """How many of them the collector tracks: objgraph sees no others."""
    bytes: int
    objgraph_count: int | None
    guppy3_count: int | None
    guppy3_bytes: int | None


@dataclass(frozen=True)
class GrowthOpinion:
    """How the tracked objects of one type rise over several snapshots, by objgraph's rule.

    A snapshot adds by how much its count lies above the highest one before it.
    """

    type: str
    tracked: int
    """leakkit's count in the newest of these snapshots."""
    growth: int
    """Objects, of leakkit's counts, over all snapshots."""
    objgraph_growth: int
    """Objects, of objgraph's counts, over all snapshots."""
    rises: int
    """In how many intervals objgraph's count rises."""
    intervals: int
    """How many there are."""


@dataclass(frozen=True)
class ReferrerOpinion:
    """Objects that are referred to by objects of certain kinds and of no others: a row of Heapy's ``byrcs``."""

    referrers: str
    """Heapy's words for the kinds: ``dict of app.Row, list``."""
    guppy3_count: int
    guppy3_bytes: int
    count: int | None
    """leakkit's own figure for the same kinds; None where it cannot be computed from the graph."""
    bytes: int | None


@dataclass(frozen=True)
class SecondOpinions:
    """Other tools' figures beside leakkit's: of the newest heap, the largest first, and of growth over several."""

    types: tuple[TypeOpinion, ...]
    notes: tuple[str, ...]
    """How far they agree, and why they do not."""
    growth: tuple[GrowthOpinion, ...] = ()
    """Types that grow by objgraph's rule, the fastest first; empty unless it was asked in several snapshots."""
    referrers: tuple[ReferrerOpinion, ...] = ()
    """Heapy's partition by the kinds of referrers, the largest first."""


@dataclass(frozen=True)
class Report:
    """The whole answer."""

    leakkit_version: str
    created_at: str
    verdict: Verdict
    headline: str
    target: TargetFacts
    snapshots: tuple[SnapshotFacts, ...]
    ledger: Ledger
    ledger_history: tuple[Ledger, ...]
    """One ledger a snapshot, oldest first."""
    findings: tuple[Finding, ...]
    not_leaks: tuple[Observation, ...]
    dominators: TreeNode
    disclosures: tuple[str, ...]
    """What taking the snapshots did to the target."""
    warnings: tuple[str, ...]
    second_opinions: SecondOpinions | None = None
