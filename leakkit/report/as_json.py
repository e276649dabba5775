"""The report as JSON, after the contract in ``report.schema.json``; fields beyond it are additions."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leakkit.model import Finding, Report

SCHEMA_ID = "leakkit-report/1"


def report_fields(report: Report) -> dict[str, Any]:
    """The report as plain dicts, lists, strings and numbers, ready for JSON."""
    fields: dict[str, Any] = plain_value(dataclasses.asdict(report))
    fields["findings"] = [plain_finding(finding) for finding in report.findings]
    return {"schema": SCHEMA_ID, **fields}


def plain_finding(finding: Finding) -> dict[str, Any]:
    """A finding after the contract."""
    fields: dict[str, Any] = plain_value(dataclasses.asdict(finding))
    # Optional in the contract, but not nullable there: left out when unknown.
    for site in fields["allocated_at"]:
        if site["source"] is None:
            del site["source"]
    for step in fields["path"]:
        if step["count"] is None:
            del step["count"]
    return fields


def plain_value(value: Any) -> Any:
    """The value without tuples, enums and numbers that JSON cannot say (nan and inf become null)."""
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool | int | float | str) or value is None:
        return str(value) if isinstance(value, str) else value
    if hasattr(value, "item"):
        return plain_value(value.item())  # a numpy scalar
    return str(value)


def render_json(report: Report) -> str:
    """The report as indented ASCII JSON: control characters of the target's names are escapes."""
    return json.dumps(report_fields(report), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema that :func:`render_json` obeys."""
    text = resources.files("leakkit.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
