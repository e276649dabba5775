"""Checks for the tests: one that leaks, one that passes, one that could not be measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from report.samples import HOSTILE, frame_finding, garbage_finding

from leakkit.gate.model import Check, GateReport, Growth, Metric, Outcome, Round
from leakkit.model import AllocationSite, Finding, Holder, HolderKind

LEAK = "app.service:handle"


def rounds(per_call: float = 1024.0, base: int = 10_000_000) -> tuple[Round, ...]:
    """Four rounds of more and more calls that grow alike."""
    found, level = [], float(base)
    for calls in (100, 150, 225, 338):
        level += per_call * calls
        found.append(Round(calls, {Metric.BYTES: int(level), Metric.OBJECTS: int(level // 1024), Metric.FILES: 12}, 0.25))
    return tuple(found)


def growth(metric: Metric, *per_call: float, regressed: bool = True) -> Growth:
    total = int(sum(rate * one.calls for rate, one in zip(per_call, rounds(), strict=False)))
    return Growth(metric, per_call, total, regressed, "grew in 4 rounds in a row and kept pace with the work" if regressed else "no growth")


def finding(fingerprint: str = "3f2a9c11d0b7", *, file: str | None = "src/app.py", line: int | None = 42, rate: float | None = 1000.0) -> Finding:
    return replace(frame_finding(), fingerprint=fingerprint, holder=Holder(HolderKind.MODULE_GLOBAL, "app.audit_log", file, line), allocated_at=(), growth_bytes_per_second=rate, growth_count_per_second=None, path_text="app.audit_log[*]")


def leaking(*findings: Finding, rate: float = 1024.0, subject: str = LEAK) -> Check:
    return Check(
        subject, Outcome.REGRESSION, "+1,024 bytes a call, in every round: app.audit_log grows", rounds=rounds(rate),
        growths=(growth(Metric.BYTES, rate, rate * 1.01, rate * 0.99, rate), growth(Metric.OBJECTS, 1.0, 1.0, 1.0, 1.0), growth(Metric.FILES, 0, 0, 0, 0, regressed=False)),
        findings=findings or (finding(),), seconds=3.2, file="tests/test_app.py", line=7,
    )  # fmt: skip


def passing(subject: str = "tests/test_app.py::test_ok[a b]") -> Check:
    return Check(subject, Outcome.PASS, "nothing keeps pace with the work", rounds=rounds(0.0), growths=(growth(Metric.BYTES, 0, 0, regressed=False),), seconds=1.0)


def unmeasured() -> Check:
    return Check("python app.py", Outcome.UNMEASURED, "could not be measured: the service ended with status 3", seconds=0.4)


def hostile(root: Path) -> Check:
    """Every string that the program under test names is hostile."""
    bad = replace(finding(HOSTILE), title=HOSTILE, path_text=HOSTILE, holder=Holder(HolderKind.CACHE, HOSTILE, str(root / "a b,c:d%e.py"), 3), allocated_at=(AllocationSite(HOSTILE, 1, HOSTILE, 5),))
    return replace(leaking(bad, subject=HOSTILE), headline=HOSTILE, notes=(HOSTILE,), snapshots=(Path("gate\x1b-1.leak"),))


def report(*checks: Check) -> GateReport:
    return GateReport("0.1.0", "2026-11-25T10:00:00+00:00", checks or (leaking(), passing(), unmeasured(), leaking(garbage_finding(), subject="tests/test_app.py::test_cycles")), ("suppression of path 'x' is unused: remove it (old)",))
