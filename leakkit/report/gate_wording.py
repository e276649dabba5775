"""What every output of the gate says in the same words: places in the repository, labels, the rounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.gate.model import Metric, Outcome
from leakkit.report.escape import one_line
from leakkit.report.units import format_bytes, format_count, format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from leakkit.gate.model import Check, GateReport, Growth
    from leakkit.model import Finding

OUTCOME_LABELS = {Outcome.PASS: "pass", Outcome.REGRESSION: "FAIL", Outcome.UNMEASURED: "NOT MEASURED"}

_IN_BYTES = frozenset({Metric.BYTES, Metric.GARBAGE_BYTES, Metric.NATIVE, Metric.RSS, Metric.USS})
_NOT_OURS = re.compile(r"(^|/)(site-packages|dist-packages|node_modules|\.venv|\.tox|\.nox)(/|$)")


@dataclass(frozen=True)
class Place:
    """A line of a file of the repository."""

    path: str
    """Relative to the repository's root, with forward slashes."""
    line: int


def place_of(check: Check, finding: Finding | None, root: Path) -> Place | None:
    """Where to look: the allocation, else the holder, else the subject; the first that lies in the repository."""
    found = places_of(check, finding, root)
    return found[0] if found else None


def places_of(check: Check, finding: Finding | None, root: Path) -> list[Place]:
    """All the lines of the repository that a finding speaks of, the most telling first."""
    spots: list[tuple[str | None, int | None]] = []
    if finding is not None:
        spots += [(site.file, site.line) for site in finding.allocated_at]
        spots.append((finding.holder.file, finding.holder.line))
    spots.append((check.file, check.line))
    found = [_in_repository(file, line, root) for file, line in spots]
    return list(dict.fromkeys(place for place in found if place is not None))


def _in_repository(file: str | None, line: int | None, root: Path) -> Place | None:
    # A name that a terminal cannot show or UTF-8 cannot say is no file that a person could open.
    if not file or file.startswith("<") or one_line(file) != file:
        return None
    base = root.resolve()
    try:
        relative = (base / file).resolve().relative_to(base)
    except (ValueError, OSError):
        return None
    text = relative.as_posix()
    return None if _NOT_OURS.search(text) or text == "." else Place(text, max(line or 1, 1))


def format_amount(metric: Metric, value: float) -> str:
    """A metric's value or growth: bytes with a unit, counts with up to three digits."""
    if metric in _IN_BYTES:
        return f"{value:.2g} B" if 0 < abs(value) < 10 else format_bytes(value)
    return format_count(round(value)) if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def round_rows(check: Check) -> tuple[list[str], list[list[str]]]:
    """The growth per round as a small table: headers and rows; empty when nothing was measured.

    Shows the metrics that grew, or objects and bytes where none did.
    """
    growths = _shown(check)
    if not growths or not check.rounds:
        return [], []
    headers = ["round", "calls", *(f"{growth.metric.value} a call" for growth in growths), "time"]
    rows = [
        [str(number + 1), format_count(one.calls), *(_cell(g, number) for g in growths), format_seconds(one.seconds)]
        for number, one in enumerate(check.rounds)
    ]
    return headers, rows


def _cell(growth: Growth, number: int) -> str:
    place = number - growth.first_round
    return format_amount(growth.metric, growth.per_call[place]) if 0 <= place < len(growth.per_call) else ""


def _shown(check: Check) -> list[Growth]:
    grown = [growth for growth in check.growths if growth.regressed]
    return grown[:4] or [growth for growth in check.growths if growth.metric in (Metric.OBJECTS, Metric.BYTES)]


def failure_lines(check: Check) -> list[str]:
    """Why the check is not a pass, one sentence a line."""
    why = [one.message for one in check.broken]
    why += [growth.why for growth in check.growths if growth.regressed]
    return [one_line(line) for line in dict.fromkeys(why) if line and line != check.headline]


def summary_line(report: GateReport) -> str:
    """``leakkit gate: 1 of 3 checks failed``."""
    total = len(report.checks)
    counts = {outcome: sum(check.outcome == outcome for check in report.checks) for outcome in Outcome}
    checks = f"{total} check{'s' * (total != 1)}"
    if not total:
        return "nothing was measured"
    parts = []
    if counts[Outcome.REGRESSION]:
        parts.append(f"{counts[Outcome.REGRESSION]} of {checks} failed")
    if counts[Outcome.UNMEASURED]:
        parts.append(f"{counts[Outcome.UNMEASURED]} of {checks} could not be measured")
    return ", ".join(parts) or f"{checks} passed"


def finding_message(check_subjects: Sequence[str], finding: Finding) -> str:
    """A finding in a few sentences, for formats that have no room for the whole of it."""
    where = f" ({finding.path_text})" if finding.path_text else ""
    seen = ", ".join(check_subjects[:3]) + (f" and {len(check_subjects) - 3} more" if len(check_subjects) > 3 else "")
    sentences = [
        f"{finding.title}.",
        f"Held by {finding.holder.name}{where}.",
        f"Fix: {finding.fix.id.value}, {finding.fix.title}. {finding.fix.how}",
        f"Seen by leakkit gate in {seen}.",
    ]
    return " ".join(one_line(" ".join(sentence.split())) for sentence in sentences)
