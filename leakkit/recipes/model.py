"""What a recipe is and what running one of its variants measured; sizes are bytes, times seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from leakkit.model import Report

RATIO_BOUNDS: Final = (0.8, 1.25)
"""Predicted by measured lies between these where a prediction is good."""

GROWTH_LEFT: Final = 0.2
"""Growth is gone when the fixed program grows by at most this share of what the leaky one grows by."""


class Promise(StrEnum):
    """What a fix delivers in a variant."""

    MEMORY = "memory"
    """It gives memory back at once: the fixed program is smaller by what was predicted."""
    GROWTH = "growth"
    """It stops growth: what is lost already stays until the process ends."""


@dataclass(frozen=True)
class Variant:
    """One leak and its repair."""

    fix: str
    name: str
    title: str
    text: str
    promise: Promise
    needs: tuple[str, ...]
    """Distributions that its programs import, as pip names them."""
    operations: int
    """Operations a round."""
    files: dict[str, str]
    """Its programs: name to text; a ``load.py`` among them means that the others are servers."""

    @property
    def id(self) -> str:
        """``fix/name``."""
        return f"{self.fix}/{self.name}"


@dataclass(frozen=True)
class Recipe:
    """One fix: what it means, and leaks that it repairs."""

    fix: str
    title: str
    text: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Run:
    """One program under the load of all rounds."""

    report: Report
    first: int
    """Memory of the program and its children at the first snapshot."""
    last: int
    """The same at the last snapshot."""
    span: float
    """Seconds between these."""
    cpu: float
    """CPU seconds of the program and its children during the rounds."""
    median: float
    """Of an operation, in the last round."""
    worst: float
    """Longest operation of all rounds."""
    pause: float | None
    """Longest collection; None where the program cannot tell."""

    @property
    def growth(self) -> int:
        """Bytes gained between the first and the last snapshot."""
        return self.last - self.first


@dataclass(frozen=True)
class Score:
    """What the diagnosis of the leaky program promised, beside what the fixed one delivered."""

    variant: Variant
    leaky: Run
    fixed: Run

    @property
    def found(self) -> str:
        """Fix of the first finding, or empty."""
        findings = self.leaky.report.findings
        return findings[0].fix.id.value if findings else ""

    @property
    def predicted(self) -> int | None:
        """Bytes that the first finding promised to save: at once, or of growth over the measured span."""
        if not self.leaky.report.findings:
            return None
        fix = self.leaky.report.findings[0].fix
        if self.variant.promise == Promise.MEMORY:
            return fix.saving_bytes
        rate = fix.saving_bytes_per_second
        return None if rate is None else int(rate * self.leaky.span)

    @property
    def measured(self) -> int:
        """Bytes by which the fixed program is smaller, or grew less over the span."""
        if self.variant.promise == Promise.MEMORY:
            return self.leaky.last - self.fixed.last
        return self.leaky.growth - self.fixed.growth

    @property
    def ratio(self) -> float | None:
        """Predicted by measured; None when there is none."""
        if self.predicted is None or self.measured <= 0:
            return None
        return self.predicted / self.measured

    @property
    def failures(self) -> tuple[str, ...]:
        """Why the recipe did not deliver, a line each; empty when it did."""
        found = []
        if self.found != self.variant.fix:
            found.append(f"the leaky program is diagnosed as {self.found or 'nothing'}, not {self.variant.fix}")
        verdict = self.fixed.report.verdict.value
        if verdict != "clean":
            found.append(f"the fixed program does not come out clean: {verdict}")
        low, high = RATIO_BOUNDS
        if self.ratio is None:
            found.append("there is no saving, or none was predicted")
        elif not low <= self.ratio <= high:
            found.append(f"predicted by measured is {self.ratio:.2f}, not within {low} to {high}")
        if self.fixed.growth > GROWTH_LEFT * max(self.leaky.growth, self.measured):
            found.append(f"the fixed program still grows: {self.fixed.growth:,} bytes")
        return tuple(found)

    @property
    def delivered(self) -> bool:
        """Whether the recipe kept what the finding promised."""
        return not self.failures
