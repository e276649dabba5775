"""What a gate says: the frozen record that a measurement makes and that the outputs render.

Sizes are bytes, times are seconds, counts of work are calls (or requests) of the scenario.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - gate/wire.py reads the fields' types at run time

from leakkit.model import Finding  # noqa: TC001


class Outcome(StrEnum):
    """The answer for one subject; never a silent pass."""

    PASS = "pass"  # noqa: S105 - no password
    REGRESSION = "regression"
    UNMEASURED = "unmeasured"


class Metric(StrEnum):
    """What is counted after each round, when the scenario has settled."""

    OBJECTS = "objects"
    BYTES = "bytes"
    GARBAGE_OBJECTS = "garbage-objects"
    GARBAGE_BYTES = "garbage-bytes"
    BLOCKS = "blocks"
    NATIVE = "native"
    """Bytes in use in the C allocator: C code's, and Python's own blocks above 512 bytes."""
    RSS = "rss"
    USS = "uss"
    FILES = "files"
    THREADS = "threads"


@dataclass(frozen=True)
class Round:
    """One round of the same work, and what was there after it."""

    calls: int
    """Calls of the scenario in this round alone."""
    counts: dict[Metric, int]
    """Absolute values after the round; a metric that could not be read is absent."""
    seconds: float


@dataclass(frozen=True)
class Growth:
    """How one metric went over the rounds."""

    metric: Metric
    per_call: tuple[float, ...]
    """Growth in each round, divided by its calls; the first entry belongs to ``rounds[first_round]``."""
    total: int
    """Growth over all rounds."""
    regressed: bool
    """Whether it was there in every round and kept pace with the work."""
    why: str
    """One sentence: what decided."""
    first_round: int = 0
    """Objects and bytes are counted in the last rounds only, once growth is suspected."""


@dataclass(frozen=True)
class Broken:
    """A budget that was passed, or a finding that the baseline does not know."""

    budget: str
    """The key in ``[tool.leakkit]``, such as ``growth-per-call``; ``new-finding`` for the baseline."""
    limit: float | None
    measured: float | None
    message: str


class AcceptedBy(StrEnum):
    """What lets a finding pass."""

    BASELINE = "baseline"
    SUPPRESSION = "suppression"


@dataclass(frozen=True)
class Accepted:
    """A finding that does not fail the gate."""

    fingerprint: str
    by: AcceptedBy
    reason: str


@dataclass(frozen=True)
class Check:
    """The gate's answer for one subject: a function, a test, a service under load."""

    subject: str
    """``module:function``, a pytest node id, or the served command."""
    outcome: Outcome
    headline: str
    """One line: what regressed, or why it passed or could not be measured."""
    rounds: tuple[Round, ...] = ()
    growths: tuple[Growth, ...] = ()
    findings: tuple[Finding, ...] = ()
    """The diagnosis of the failing scenario, the most important first."""
    broken: tuple[Broken, ...] = ()
    notes: tuple[str, ...] = ()
    """Known and gone findings, suppressions in use, what could not be seen."""
    snapshots: tuple[Path, ...] = ()
    """Kept as artifacts; empty unless asked for."""
    seconds: float = 0.0
    file: str | None = None
    """Where the subject is defined, if known."""
    line: int | None = None
    accepted: tuple[Accepted, ...] = ()
    """Those of the findings that the baseline or a suppression lets pass."""
    peak_bytes: int | None = None
    """High-water mark of one call, or of the served processes; None when it was not measured."""

    @property
    def retained_bytes(self) -> int | None:
        """Bytes that are still there after the last round and were not before the first; None if not known.

        Live objects where they were counted in every round, else private or resident memory after settling.
        """
        totals = {growth.metric: growth.total for growth in self.growths if growth.first_round == 0}
        best = next((one for one in (Metric.BYTES, Metric.USS, Metric.RSS) if one in totals), None)
        return None if best is None else max(totals[best], 0)

    def acceptance(self, finding: Finding) -> Accepted | None:
        """What lets that finding pass, or None when it counts."""
        return next((one for one in self.accepted if one.fingerprint == finding.fingerprint), None)

    @property
    def new_findings(self) -> tuple[Finding, ...]:
        """The findings that nothing lets pass."""
        return tuple(finding for finding in self.findings if self.acceptance(finding) is None)


@dataclass(frozen=True)
class GateReport:
    """All checks of one run of the gate."""

    leakkit_version: str
    created_at: str
    checks: tuple[Check, ...]
    warnings: tuple[str, ...] = field(default=())

    @property
    def outcome(self) -> Outcome:
        """The worst of the checks; unmeasured when there is none."""
        found = {check.outcome for check in self.checks}
        if Outcome.REGRESSION in found:
            return Outcome.REGRESSION
        return Outcome.PASS if found == {Outcome.PASS} else Outcome.UNMEASURED

    @property
    def exit_code(self) -> int:
        """0 pass, 1 regression, 3 could not measure."""
        return {Outcome.PASS: 0, Outcome.REGRESSION: 1, Outcome.UNMEASURED: 3}[self.outcome]
