"""The gate's answer as JSON, after ``gate.schema.json``."""

from __future__ import annotations

import dataclasses
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from leakkit.report.as_json import plain_finding, plain_value, schema

if TYPE_CHECKING:
    from leakkit.gate.model import Check, GateReport

SCHEMA_ID = "leakkit-gate/1"


def gate_fields(report: GateReport) -> dict[str, Any]:
    """The answer as plain dicts, lists, strings and numbers, ready for JSON."""
    return {
        "schema": SCHEMA_ID,
        "leakkit_version": report.leakkit_version,
        "created_at": report.created_at,
        "outcome": report.outcome.value,
        "exit_code": report.exit_code,
        "checks": [_check(check) for check in report.checks],
        "warnings": list(report.warnings),
    }


def _check(check: Check) -> dict[str, Any]:
    fields: dict[str, Any] = plain_value(dataclasses.asdict(dataclasses.replace(check, findings=())))
    fields["findings"] = [plain_finding(finding) for finding in check.findings]
    fields["retained_bytes"] = check.retained_bytes
    return fields


def render_gate_json(report: GateReport) -> str:
    """The answer as indented ASCII JSON."""
    return json.dumps(gate_fields(report), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def gate_schema() -> dict[str, Any]:
    """The JSON schema that :func:`render_gate_json` obeys; findings are those of ``report.schema.json``."""
    text = resources.files("leakkit.report").joinpath("gate.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    loaded["$defs"]["check"]["properties"]["findings"] = schema()["properties"]["findings"]
    return loaded
