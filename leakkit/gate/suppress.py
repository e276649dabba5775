"""Suppressions: findings that the team knows and has decided to live with, each with a reason.

A suppression that matches nothing, or whose day has passed, is reported: it is a lie in the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from leakkit.errors import UsageError
from leakkit.gate.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leakkit.gate.model import Check
    from leakkit.model import Finding

_KEYS = frozenset({"fingerprint", "path", "reason", "expires", "subject"})
_EXAMPLE = '{ path = "app.cache.*", reason = "filled once at start", expires = 2027-01-31 }'


@dataclass(frozen=True)
class Suppression:
    """One entry of ``suppress`` in ``[tool.leakkit]``: a fingerprint or a path pattern, and why."""

    reason: str
    fingerprint: str | None = None
    path: str | None = None
    """A shell pattern for the retaining path, the holder's name, or the file of the holder or the allocation."""
    expires: date | None = None
    """The last day on which it holds."""
    subject: str = "*"
    """A shell pattern for the checks to which it applies."""

    @property
    def label(self) -> str:
        """How it is named in messages."""
        return f"fingerprint {self.fingerprint}" if self.fingerprint else f"path {self.path!r}"

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.expires is not None and today > self.expires

    def covers(self, check: Check) -> bool:
        """Whether it is meant for that check."""
        return fnmatchcase(check.subject, self.subject)

    def matches(self, finding: Finding) -> bool:
        """Whether it names that finding."""
        if self.fingerprint is not None:
            return finding.fingerprint == self.fingerprint
        pattern = self.path or ""
        files = [finding.holder.file, *(site.file for site in finding.allocated_at)]
        if fnmatchcase(finding.path_text, pattern) or fnmatchcase(finding.holder.name, pattern):
            return True
        # A file is written as seen from the project, and recorded as the process saw it.
        return any(fnmatchcase(file, pattern) or fnmatchcase(file, f"*/{pattern}") for file in files if file)


def find_suppression(
    suppressions: Iterable[Suppression], check: Check, finding: Finding, today: date
) -> Suppression | None:
    """The suppression in force for a finding, or None."""
    for one in suppressions:
        if not one.expired(today) and one.covers(check) and one.matches(finding):
            return one
    return None


def stale_suppressions(suppressions: Iterable[Suppression], checks: Iterable[Check], today: date) -> tuple[str, ...]:
    """A sentence for each suppression that is expired, or that no finding of these judged checks needed.

    One whose ``subject`` none of the passing checks has is left alone: its check was not part of this run, or it fails
    for another reason, and the diagnosis of that does not look for everything else.
    """
    measured = [check for check in checks if check.outcome == Outcome.PASS]
    found = []
    for one in suppressions:
        if one.expired(today):
            found.append(f"suppression of {one.label} expired on {one.expires}: fix the leak, or give a new day")
            continue
        meant = [check for check in measured if one.covers(check)]
        if meant and not any(one.matches(finding) for check in meant for finding in check.findings):
            found.append(f"suppression of {one.label} is unused: remove it ({one.reason})")
    return tuple(found)


def parse_suppressions(entries: Any, where: str) -> tuple[Suppression, ...]:
    """The ``suppress`` list of a configuration.

    Args:
        entries: what TOML gave.
        where: the file, for messages.

    Raises:
        UsageError: an entry has no reason, names nothing, or has a key that means nothing.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{where}: suppress is a list of tables", f"for example: suppress = [{_EXAMPLE}]")
    return tuple(_parse(entry, f"{where}: suppression {number}") for number, entry in enumerate(entries, 1))


def _parse(entry: dict[str, Any], where: str) -> Suppression:
    if unknown := sorted(set(entry) - _KEYS):
        raise UsageError(f"{where} has an unknown key {unknown[0]!r}", f"its keys are {', '.join(sorted(_KEYS))}")
    texts = {key: entry.get(key) for key in ("fingerprint", "path", "reason", "subject")}
    for key, value in texts.items():
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise UsageError(f"{where}: {key} is not a text", f"for example: {_EXAMPLE}")
    if texts["reason"] is None:
        raise UsageError(f"{where} has no reason", 'say why the finding may stay: reason = "…"')
    if (texts["fingerprint"] is None) == (texts["path"] is None):
        raise UsageError(f"{where} needs either a fingerprint or a path", f"for example: {_EXAMPLE}")
    return Suppression(
        reason=str(texts["reason"]),
        fingerprint=texts["fingerprint"],
        path=texts["path"],
        expires=_day(entry.get("expires"), where),
        subject=texts["subject"] or "*",
    )


def _day(value: Any, where: str) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise UsageError(f"{where}: expires is not a day: {value!r}", "write it as 2027-01-31") from None
