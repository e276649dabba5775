"""From the rounds of one scenario to its check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from leakkit.gate.model import Check, Metric, Outcome
from leakkit.gate.rule import STREAK, Course

if TYPE_CHECKING:
    from leakkit.gate.model import Growth, Round
    from leakkit.model import Finding

UNEXPLAINED_BYTES: Final = 16.0
"""Bytes a call that may remain when the growth of holders below their bound is taken out..."""

UNEXPLAINED_SHARE: Final = 0.05
"""...or this share of it: entries that are shared are not counted for their holder."""

_HELD_BY_A_CACHE: Final = frozenset(
    {Metric.OBJECTS, Metric.BYTES, Metric.BLOCKS, Metric.NATIVE, Metric.RSS, Metric.USS}
)
_NAMES: Final = {
    Metric.OBJECTS: "objects",
    Metric.BYTES: "bytes",
    Metric.GARBAGE_OBJECTS: "dead objects in cycles",
    Metric.GARBAGE_BYTES: "bytes of garbage",
    Metric.BLOCKS: "memory blocks",
    Metric.NATIVE: "bytes of C memory",
    Metric.RSS: "bytes of RSS",
    Metric.USS: "bytes of USS",
    Metric.FILES: "open files",
    Metric.THREADS: "threads",
}
_TELLING: Final = (
    Metric.THREADS,
    Metric.FILES,
    Metric.OBJECTS,
    Metric.BYTES,
    Metric.BLOCKS,
    Metric.GARBAGE_OBJECTS,
    Metric.GARBAGE_BYTES,
    Metric.NATIVE,
    Metric.USS,
    Metric.RSS,
)
"""The metric that a headline names: the first of these that regressed."""


class Measured(Protocol):
    """Rounds that are over, of a function or of a service."""

    @property
    def course(self) -> Course:
        """What the rule says."""

    @property
    def growths(self) -> tuple[Growth, ...]:
        """How each metric went."""

    @property
    def rounds(self) -> tuple[Round, ...]:
        """All rounds, without the base line."""

    @property
    def seconds(self) -> float:
        """Time that it took."""

    @property
    def diagnosis(self) -> dict[str, Any] | None:
        """What :func:`leakkit.gate.explain.explain` says, with ``files``; ``failed`` when it could not."""

    @property
    def finished(self) -> bool:
        """Whether the rounds came to their end."""


def unmeasured(
    subject: str, why: str, *, seconds: float = 0.0, file: str | None = None, line: int | None = None
) -> Check:
    """The check of a subject that could not be measured."""
    return Check(subject, Outcome.UNMEASURED, f"could not be measured: {why}", seconds=seconds, file=file, line=line)


def check_of(rounds: Measured, subject: str, *, file: str | None = None, line: int | None = None) -> Check:
    """The gate's answer for a scenario whose rounds are over.

    Args:
        rounds: the rounds, iterated to their end.
        subject: what was measured.
        file: where it is defined.
        line: and at which line.
    """
    if not rounds.finished:
        return unmeasured(subject, "the rounds were left before they had ended", file=file, line=line)
    diagnosis = rounds.diagnosis or {}
    outcome, headline, notes = _decide(rounds, diagnosis)
    regressed = outcome == Outcome.REGRESSION
    files = tuple(Path(name) for name in diagnosis.get("files", ()))
    if not regressed:
        for path in files:
            path.unlink(missing_ok=True)
    return Check(
        subject,
        outcome,
        headline,
        rounds=rounds.rounds,
        growths=_ordered(rounds.growths if regressed else tuple(_cleared(one) for one in rounds.growths)),
        findings=_findings(diagnosis) if regressed else (),
        notes=(*notes, *diagnosis.get("warnings", ())),
        snapshots=files if regressed else (),
        seconds=rounds.seconds,
        file=file,
        line=line,
    )


def _decide(rounds: Measured, diagnosis: dict[str, Any]) -> tuple[Outcome, str, list[str]]:
    if rounds.course == Course.OPEN:
        why = f"undecided after {len(rounds.rounds)} rounds and {rounds.seconds:.0f} s; allow more time"
        return Outcome.UNMEASURED, f"could not be measured: {why}", []
    if rounds.course == Course.CLEAR:
        work = sum(one.calls for one in rounds.rounds)
        return Outcome.PASS, f"nothing keeps pace with the work over {len(rounds.rounds)} rounds, {work:,} calls", []
    bounded = list(diagnosis.get("bounded", ()))
    if bounded and _explained(rounds, diagnosis):
        return Outcome.PASS, f"what grows is below a declared bound: {bounded[0]}", bounded
    notes = [f"no diagnosis: {diagnosis['failed']}"] if "failed" in diagnosis else bounded
    notes += [line for line in (*diagnosis.get("stayed", ()), _unseen(rounds.growths)) if line]
    return Outcome.REGRESSION, _headline(rounds.growths, diagnosis), notes


def _unseen(growths: tuple[Growth, ...]) -> str:
    """What it means when memory blocks stay and no object does."""
    regressed = {one.metric for one in growths if one.regressed}
    counted = {one.metric for one in growths}
    if Metric.BLOCKS not in regressed or Metric.OBJECTS not in counted or Metric.OBJECTS in regressed:
        return ""
    return (
        "memory blocks stay and no object that Python reaches does: C code keeps memory or a reference "
        "(a missing Py_DECREF), or an internal table of the interpreter grows"
    )


def _explained(rounds: Measured, diagnosis: dict[str, Any]) -> bool:
    """Whether holders below their declared bound explain all that grows."""
    if diagnosis.get("findings"):
        return False
    if not {one.metric for one in rounds.growths if one.regressed} <= _HELD_BY_A_CACHE:
        return False
    return all(
        live - bounded <= max(UNEXPLAINED_BYTES, UNEXPLAINED_SHARE * live)
        for live, bounded in zip(diagnosis["live_bytes"], diagnosis["bounded_bytes"], strict=True)
    )


def _headline(growths: tuple[Growth, ...], diagnosis: dict[str, Any]) -> str:
    regressed = {one.metric: one for one in growths if one.regressed}
    metric = next((m for m in _TELLING if m in regressed), next(iter(regressed)))
    growth = regressed[metric]
    rate = growth.per_call[-1]
    amount = f"{rate:+,.0f}" if abs(rate) >= 100 else f"{rate:+.3g}"
    text = f"{amount} {_NAMES[metric]} a call in each of {STREAK + 1} rounds"
    findings = diagnosis.get("findings")
    return f"{text}: {findings[0]['title']}" if findings else text


def _findings(diagnosis: dict[str, Any]) -> tuple[Finding, ...]:
    rows = diagnosis.get("findings")
    if not rows:
        return ()
    from leakkit.gate.wire import findings_from  # noqa: PLC0415 - not loaded into the process of a scenario that passes

    return findings_from(rows)


def _ordered(growths: tuple[Growth, ...]) -> tuple[Growth, ...]:
    """What regressed first, the most telling metric first: outputs have room for some of them only."""
    order = {metric: number for number, metric in enumerate(_TELLING)}
    return tuple(sorted(growths, key=lambda one: (not one.regressed, order[one.metric])))


def _cleared(growth: Growth) -> Growth:
    """A growth that decided nothing in the end."""
    return replace(growth, regressed=False) if growth.regressed else growth
