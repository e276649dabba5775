"""Several snapshots of one growing synthetic heap, diagnosed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heap_dump import Dump

from leakkit.diagnose import diagnose
from leakkit.model import Finding, Report


def grow(dump: Dump, step: Callable[[int], object], *, snapshots: int = 3, warm: int = 1, **facts: Any) -> Report:
    """The report over ``snapshots`` snapshots with one ``step`` before each, after ``warm`` steps."""
    number = 0
    for _ in range(warm):
        step(number)
        number += 1
    taken = [dump.snapshot(**facts)]
    for _ in range(snapshots - 1):
        step(number)
        number += 1
        taken.append(dump.snapshot(**facts))
    return diagnose(taken)


def first(report: Report) -> Finding:
    """The first finding; fails with the whole answer when there is none."""
    assert report.findings, (report.verdict, report.not_leaks, report.warnings)
    return report.findings[0]


def rules(finding: Finding) -> set[str]:
    """Names of the rules that spoke."""
    return {item.rule for item in finding.evidence}
