"""One finding seen by several checks is told once where an output lists problems and not checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.gate.model import AcceptedBy, Outcome

if TYPE_CHECKING:
    from leakkit.gate.model import Check, GateReport
    from leakkit.model import Finding


@dataclass(frozen=True)
class Merged:
    """A finding and all the checks that saw it."""

    finding: Finding
    checks: tuple[Check, ...]
    accepted: bool
    """In the baseline for every check that saw it."""


def merge_findings(report: GateReport) -> list[Merged]:
    """The findings of all checks by fingerprint, the failing ones first; suppressed ones are left out."""
    seen: dict[str, list[tuple[Finding, Check]]] = {}
    for check in report.checks:
        for finding in check.findings:
            accepted = check.acceptance(finding)
            if accepted is None or accepted.by != AcceptedBy.SUPPRESSION:
                seen.setdefault(finding.fingerprint, []).append((finding, check))
    merged = [
        Merged(
            finding=pairs[0][0],
            checks=tuple(check for _, check in pairs),
            accepted=all(_let_pass(check, finding) for finding, check in pairs),
        )
        for pairs in seen.values()
    ]
    return sorted(merged, key=lambda one: one.accepted)


def _let_pass(check: Check, finding: Finding) -> bool:
    return check.outcome == Outcome.PASS or check.acceptance(finding) is not None


def without_finding(report: GateReport) -> list[Check]:
    """The failing checks for which no finding says why: a budget that was passed, growth without a holder."""
    return [check for check in report.checks if check.outcome == Outcome.REGRESSION and not check.new_findings]
