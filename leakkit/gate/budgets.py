"""``[tool.leakkit]`` of ``pyproject.toml``: how much a scenario may grow, peak and retain, and what is let pass."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from leakkit.errors import UsageError
from leakkit.gate.suppress import Suppression, parse_suppressions

BASELINE_NAME: Final = "leakkit-baseline.json"
_FACTORS: Final = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?b|b)?", re.IGNORECASE)
_SHARE: Final = re.compile(r"\+\s*(\d+(?:\.\d+)?)\s*%")
_SIZE_HINT: Final = 'write a size, "64 kB", or a share above the baseline, "+10%"'
_BUDGET_KEYS: Final = ("growth-per-call", "peak", "retained", "findings")
_KEYS: Final = frozenset({*_BUDGET_KEYS, "baseline", "suppress", "overrides"})


@dataclass(frozen=True)
class Limit:
    """A number of bytes, or a share above what the baseline has."""

    text: str
    """As it was written."""
    size: float | None = None
    share: float | None = None
    """0.1 for ``+10%``."""

    def resolve(self, base: float | None) -> float | None:
        """The limit in bytes, given the baseline's value; None when it is relative and there is no such value."""
        if self.size is not None:
            return self.size
        return None if base is None or self.share is None else base * (1.0 + self.share)


@dataclass(frozen=True)
class Budgets:
    """What one check may use; None where nothing is asked."""

    growth_per_call: Limit | None = None
    """Growth that the rule has proven is let pass up to here."""
    peak: Limit | None = None
    retained: Limit | None = None
    findings: int | None = None
    """So many findings that are neither known nor suppressed are let pass."""

    def over(self, other: Budgets) -> Budgets:
        """These budgets, and the other's where these ask nothing."""
        mine = {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}
        return replace(other, **mine)


@dataclass(frozen=True)
class Policy:
    """The whole of ``[tool.leakkit]``."""

    budgets: Budgets = field(default_factory=Budgets)
    overrides: tuple[tuple[str, Budgets], ...] = ()
    """Shell patterns for subjects and what is different for them; the last that matches wins."""
    suppressions: tuple[Suppression, ...] = ()
    baseline: Path = Path(BASELINE_NAME)
    file: Path | None = None
    """The ``pyproject.toml`` it comes from."""

    def budgets_for(self, subject: str) -> Budgets:
        """The budgets of one check."""
        found = self.budgets
        for pattern, budgets in self.overrides:
            if fnmatchcase(subject, pattern):
                found = budgets.over(found)
        return found


def read_policy(start: Path) -> Policy:
    """The policy of the nearest ``pyproject.toml`` from a folder upwards; an empty one when there is none.

    Raises:
        UsageError: the file is no TOML, or its ``[tool.leakkit]`` says something that means nothing.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (file := folder / "pyproject.toml").is_file():
            return _read(file)
    return Policy(baseline=start / BASELINE_NAME)


def _read(file: Path) -> Policy:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {file}: {error}", "repair the file first") from error
    table = content.get("tool", {}).get("leakkit", {})
    return parse_policy(table, file)


def parse_policy(table: Any, file: Path) -> Policy:
    """The policy that a ``[tool.leakkit]`` table says.

    Args:
        table: what TOML gave.
        file: where it stands; the baseline's place is relative to its folder.

    Raises:
        UsageError: something in it means nothing.
    """
    where = f"{file}, [tool.leakkit]"
    if not isinstance(table, dict):
        raise UsageError(f"{where} is not a table", "see docs/ci.md")
    _refuse_unknown(table, _KEYS, where)
    baseline = table.get("baseline", BASELINE_NAME)
    if not isinstance(baseline, str) or not baseline:
        raise UsageError(f"{where}: baseline is not a file name", f'for example: baseline = "{BASELINE_NAME}"')
    return Policy(
        budgets=_budgets(table, where),
        overrides=_overrides(table.get("overrides", []), where),
        suppressions=parse_suppressions(table.get("suppress", []), where),
        baseline=file.parent / baseline,
        file=file,
    )


def _refuse_unknown(table: dict[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := sorted(set(table) - known):
        raise UsageError(f"{where} has an unknown key {unknown[0]!r}", f"its keys are {', '.join(sorted(known))}")


def _overrides(entries: Any, where: str) -> tuple[tuple[str, Budgets], ...]:
    if not isinstance(entries, list):
        raise UsageError(f"{where}: overrides is a list of tables", "write [[tool.leakkit.overrides]]")
    found = []
    for number, entry in enumerate(entries, 1):
        place = f"{where}: override {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("subject"), str):
            raise UsageError(f"{place} has no subject", 'for example: subject = "tests/test_upload.py::*"')
        _refuse_unknown(entry, frozenset({*_BUDGET_KEYS, "subject"}), place)
        found.append((entry["subject"], _budgets(entry, place)))
    return tuple(found)


def _budgets(table: dict[str, Any], where: str) -> Budgets:
    findings = table.get("findings")
    if findings is not None and (not isinstance(findings, int) or isinstance(findings, bool) or findings < 0):
        raise UsageError(f"{where}: findings is not a number of findings: {findings!r}", "for example: findings = 0")
    limits = {
        key.replace("-", "_"): parse_limit(table[key], f"{where}: {key}")
        for key in ("growth-per-call", "peak", "retained")
        if key in table
    }
    return Budgets(findings=findings, **limits)


def parse_limit(value: Any, where: str) -> Limit:
    """A limit: a number of bytes, a size with a unit, or a share above the baseline.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return Limit(f"{value:g} B", size=float(value))
    if isinstance(value, str):
        if match := _SHARE.fullmatch(value.strip()):
            return Limit(value.strip(), share=float(match[1]) / 100)
        if match := _SIZE.fullmatch(value.strip()):
            return Limit(value.strip(), size=float(match[1]) * _FACTORS[(match[2] or "b").lower()])
    raise UsageError(f"{where} is not a size: {value!r}", _SIZE_HINT)
