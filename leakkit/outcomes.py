"""What experiments say: on paper (``whatif``), in a live process (``try``), before and after a change (``verify``).

Sizes are bytes, rates bytes per second, times seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leakkit.model import FixId, TypeCount


@dataclass(frozen=True)
class StillHeld:
    """One way in which data stays reachable after an experiment."""

    path_text: str
    bytes: int
    count: int


@dataclass(frozen=True)
class WhatIf:
    """What an experiment on paper frees; sizes are bytes, RSS is not predicted by it."""

    question: str
    references: int
    """How many references, and roots, were cut."""
    freed_bytes: int
    freed_count: int
    hoped_bytes: int
    """What hangs below the cut references, whoever else holds it."""
    types: tuple[TypeCount, ...]
    """Of what is freed, the largest first."""
    still_held: tuple[StillHeld, ...]
    """The next holders, when less is freed than was hoped for; the weightiest first."""
    notes: tuple[str, ...] = ()


class Delivery(StrEnum):
    """Whether a change did what was predicted."""

    DELIVERED = "delivered"
    PARTLY = "partly"
    NOT = "not"
    INCONCLUSIVE = "inconclusive"
    """The side before the change did not grow and had nothing to give back: there is nothing to compare."""


class Yardstick(StrEnum):
    """By what a finding is judged before and after a change."""

    GROWTH = "growth"
    """Bytes a second (Theil-Sen slope)."""
    LEVEL = "level"
    """Bytes held, where it does not grow."""


@dataclass(frozen=True)
class VerifiedFinding:
    """One finding before and after a change; sizes are bytes, rates bytes per second."""

    fingerprint: str
    title: str
    fix: FixId
    verdict: Delivery
    yardstick: Yardstick | None
    """None when neither says anything."""
    growth_before: float
    growth_after: float
    size_before: int
    """In the newest snapshot before the change."""
    size_after: int
    """Median over the snapshots after the change; 0 when it is not found any more."""
    predicted: float | None
    """Bytes a second, or bytes, by the yardstick; None when the diagnosis made no prediction."""
    measured: float
    ratio: float | None
    """Predicted by measured; None when either is unknown or nothing was saved."""
    reason: str
    is_new: bool = False
    """Not there before the change."""


@dataclass(frozen=True)
class SideFacts:
    """One side of a comparison."""

    snapshots: int
    seconds: float
    """From its first to its last snapshot."""
    rss_bytes: int
    """Median."""
    rss_growth: float
    """Bytes a second (Theil-Sen slope)."""
    floor_bytes: int
    """What is smaller than this is not reported."""


@dataclass(frozen=True)
class Verification:
    """Whether a change delivered what the diagnosis before it predicted."""

    verdict: Delivery
    reason: str
    yardstick: Yardstick | None
    predicted: float | None
    """Of all findings judged by the yardstick: bytes a second, or bytes."""
    measured_rss: float | None
    """By how much resident memory (its growth, or its median) is less than before: a measure of its own."""
    ratio: float | None
    """Predicted by measured in resident memory; None when either is unknown or nothing was saved."""
    before: SideFacts
    after: SideFacts
    findings: tuple[VerifiedFinding, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class TriedFigure:
    """One prediction beside its measurement; the prediction is a range."""

    name: str
    unit: str
    """``bytes``, ``objects`` or ``seconds``."""
    predicted_least: float
    predicted_most: float
    measured: float
    ratio: float | None
    """The middle of the prediction by the measurement; None when either is nothing."""


@dataclass(frozen=True)
class Tried:
    """What applying a fix to a running process did."""

    pid: int
    fix: FixId
    method: str
    """The way in."""
    figures: tuple[TriedFigure, ...]
    notes: tuple[str, ...]
