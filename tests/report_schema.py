"""Checks a report against the JSON contract that is shipped with the package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema

from leakkit.report import render
from leakkit.report.as_json import schema

if TYPE_CHECKING:
    from leakkit.model import Report


def validate(report: Report) -> dict[str, Any]:
    """Fail unless the report's JSON obeys the contract and the ledger adds up; give the parsed JSON."""
    fields = json.loads(render(report, "json"))
    validator = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator.iter_errors(fields)]
    assert not errors, "\n".join(errors)
    parts = sum(part["bytes"] for part in fields["ledger"]["parts"])
    assert parts == fields["ledger"]["rss_bytes"], f"ledger parts add up to {parts}, not {fields['ledger']['rss_bytes']}"
    return fields
