"""``leakkit-baseline.json``: what is known to leak today, so that only what is new fails.

Sorted, one fact a line, without addresses, line numbers or times: a change of it can be reviewed.
"""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from leakkit.errors import UsageError
from leakkit.gate.model import Metric, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from leakkit.gate.model import Check, Growth
    from leakkit.model import Finding

SCHEMA: Final = "leakkit-baseline/1"
_HINT: Final = "write it anew with: leakkit gate … --update"
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]+")
_TOLERANCE: Final = 0.1
"""Growth per call may be that share above the baseline's median, or three deviations, whichever is more."""
_MAD_TO_SIGMA: Final = 1.4826


@dataclass(frozen=True)
class Spread:
    """Median and median absolute deviation of a growth per call over the rounds."""

    median: float
    deviation: float

    @property
    def highest(self) -> float:
        """The highest median of a later run that is still the same growth."""
        return self.median + max(3 * _MAD_TO_SIGMA * self.deviation, _TOLERANCE * abs(self.median))


@dataclass(frozen=True, order=True)
class KnownFinding:
    """A finding as the baseline names it."""

    fingerprint: str
    retention: str
    holder: str
    fix: str


@dataclass(frozen=True)
class Known:
    """What the baseline has of one subject."""

    findings: tuple[KnownFinding, ...] = ()
    growth: Mapping[Metric, Spread] = field(default_factory=dict)
    """Growth per call of the metrics that grew."""
    peak_bytes: int | None = None
    retained_bytes: int | None = None

    def finding(self, fingerprint: str) -> KnownFinding | None:
        """The known finding of that fingerprint, or None."""
        return next((one for one in self.findings if one.fingerprint == fingerprint), None)


@dataclass(frozen=True)
class Baseline:
    """Everything known, by subject."""

    subjects: Mapping[str, Known] = field(default_factory=dict)


def spread(growth: Growth) -> Spread:
    """Robust statistics of a growth's rounds."""
    values = growth.per_call or (0.0,)
    middle = statistics.median(values)
    return Spread(_rounded(middle), _rounded(statistics.median(abs(value - middle) for value in values)))


def _rounded(value: float, digits: int = 3) -> float:
    """Three significant digits: what varies below that would only make noise in a diff."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def known_of(check: Check) -> Known:
    """What a check would leave in the baseline."""
    findings = {_known_finding(finding) for finding in counted(check.findings)}
    return Known(
        findings=tuple(sorted(findings)),
        growth={growth.metric: spread(growth) for growth in check.growths if growth.regressed},
        peak_bytes=None if check.peak_bytes is None else int(_rounded(check.peak_bytes)),
        retained_bytes=None if check.retained_bytes is None else int(_rounded(check.retained_bytes)),
    )


def counted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that the gate is about: those that grow, or all of them where none is known to."""
    everything = tuple(findings)
    growing = tuple(
        f for f in everything if (f.growth_bytes_per_second or 0) > 0 or (f.growth_count_per_second or 0) > 0
    )
    return growing or everything


def _known_finding(finding: Finding) -> KnownFinding:
    holder = _ADDRESS.sub("0x…", finding.holder.name)
    return KnownFinding(finding.fingerprint, finding.retention.value, holder, finding.fix.id.value)


def updated(baseline: Baseline | None, checks: Iterable[Check]) -> Baseline:
    """The baseline after these checks: what was measured is replaced, the other subjects stay."""
    subjects = dict(baseline.subjects) if baseline else {}
    for check in checks:
        if check.outcome != Outcome.UNMEASURED:
            subjects[check.subject] = known_of(check)
    return Baseline(subjects)


def dump(baseline: Baseline) -> str:
    """The file's text."""
    content = {
        "schema": SCHEMA,
        "subjects": {subject: _plain(known) for subject, known in sorted(baseline.subjects.items())},
    }
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def _plain(known: Known) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "findings": [
            {"fingerprint": one.fingerprint, "fix": one.fix, "holder": one.holder, "retention": one.retention}
            for one in sorted(known.findings)
        ],
        "growth_per_call": {
            metric.value: {"deviation": one.deviation, "median": one.median} for metric, one in known.growth.items()
        },
    }
    for name in ("peak_bytes", "retained_bytes"):
        if (value := getattr(known, name)) is not None:
            plain[name] = value
    return plain


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write the file: aside, then renamed; readable like any file of the repository.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(dump(baseline))
            Path(aside).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
            Path(aside).replace(path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}", "name another file in [tool.leakkit]"
        ) from error


def read_baseline(path: Path) -> Baseline | None:
    """The baseline of a file; None when there is no such file.

    Raises:
        UsageError: it is no baseline, or of another version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the baseline {path}: {error}", _HINT) from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise UsageError(f"{path} is not a baseline of this version: {schema!r}, expected {SCHEMA!r}", _HINT)
    try:
        return Baseline({str(subject): _parse(entry) for subject, entry in content["subjects"].items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"the baseline {path} is damaged: {type(error).__name__}: {error}", _HINT) from error


def _parse(entry: dict[str, Any]) -> Known:
    names = ("fingerprint", "retention", "holder", "fix")
    return Known(
        findings=tuple(sorted(KnownFinding(**{name: str(one[name]) for name in names}) for one in entry["findings"])),
        growth={
            Metric(metric): Spread(float(one["median"]), float(one["deviation"]))
            for metric, one in entry["growth_per_call"].items()
        },
        peak_bytes=_whole(entry.get("peak_bytes")),
        retained_bytes=_whole(entry.get("retained_bytes")),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
