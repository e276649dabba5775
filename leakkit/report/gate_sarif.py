"""The gate's answer as SARIF 2.1.0, in the part of it that GitHub code scanning reads: a rule for each fix."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from leakkit.gate.model import Outcome
from leakkit.model import FixId
from leakkit.report.escape import one_line
from leakkit.report.gate_merge import Merged, merge_findings, without_finding
from leakkit.report.gate_wording import Place, finding_message, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from leakkit.gate.model import Check, GateReport

SCHEMA_URI: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_RULES: Final = {
    FixId.COLLECT: ("Collect", "Dead objects wait for a full collection"),
    FixId.DROP: ("Drop", "Data that is no longer needed is still held"),
    FixId.COPY: ("Copy", "A small view pins a large buffer"),
    FixId.ISOLATE: ("Isolate", "Memory that only the end of a task or process gives back"),
    FixId.HIBERNATE: ("Hibernate", "An idle task keeps its working data"),
}
_GROWTH: Final = "leakkit-growth"
_ROOT: Final = "%SRCROOT%"
_FALLBACK: Final = Place("pyproject.toml", 1)
"""GitHub refuses a result without a place; the configuration of the gate is in every such repository."""


def render_gate_sarif(report: GateReport, *, root: Path, recipes: Mapping[str, str]) -> str:
    """The answer as a SARIF log.

    Args:
        report: all checks.
        root: the repository; places are relative to it.
        recipes: markdown of each fix's recipe by its id, the help of its rule.
    """
    rules = _rules(recipes)
    results = [_finding(merged, root) for merged in merge_findings(report)]
    results += [_growth(check, root) for check in without_finding(report)]
    for result in results:
        result["ruleIndex"] = next(i for i, rule in enumerate(rules) if rule["id"] == result["ruleId"])
    log = {
        "$schema": SCHEMA_URI,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "leakkit", "version": report.leakkit_version, "rules": rules}},
                "automationDetails": {"id": "leakkit-gate/"},
                "invocations": [_invocation(report)],
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _rules(recipes: Mapping[str, str]) -> list[dict[str, Any]]:
    rules = []
    for fix, (name, text) in _RULES.items():
        recipe = recipes.get(fix.value) or f"See `leakkit recipes show {fix.value}`."
        rules.append(_rule(f"leakkit-{fix.value}", f"MemoryLeak{name}", f"{text}: fix {fix.value}", recipe))
    help_text = "Run `leakkit gate` with `--keep` and look at the snapshots with `leakkit diagnose`."
    rules.append(_rule(_GROWTH, "MemoryBudgetPassed", "Memory grows or passes a budget, no holder named", help_text))
    return rules


def _rule(rule_id: str, name: str, short: str, help_markdown: str) -> dict[str, Any]:
    return {
        "id": rule_id,
        "name": name,
        "shortDescription": {"text": short},
        "fullDescription": {"text": f"{short}. Measured by leakkit gate over rounds of the same work."},
        "help": {"text": help_markdown, "markdown": help_markdown},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["memory", "leak"], "precision": "high", "problem.severity": "error"},
    }


def _finding(merged: Merged, root: Path) -> dict[str, Any]:
    finding, check = merged.finding, merged.checks[0]
    result: dict[str, Any] = {
        "ruleId": f"leakkit-{finding.fix.id.value}",
        "level": "note" if merged.accepted else "error",
        "baselineState": "unchanged" if merged.accepted else "new",
        "message": {"text": finding_message([one.subject for one in merged.checks], finding)},
        "locations": [_location(place_of(check, finding, root) or _FALLBACK)],
        # GitHub reads only this one; the finding's own print does not move with the lines of the file.
        "partialFingerprints": {"primaryLocationLineHash": f"{finding.fingerprint}:1"},
        "properties": {
            "fingerprint": finding.fingerprint,
            "retention": finding.retention.value,
            "holder": one_line(finding.holder.name),
            "retainedBytes": finding.size_bytes,
            "checks": [one_line(one.subject) for one in merged.checks],
        },
    }
    related = [
        {**_location(place), "message": {"text": f"checked by {one_line(one.subject)}"}}
        for one in merged.checks
        if (place := place_of(one, None, root)) is not None
    ]
    if related:
        result["relatedLocations"] = related
    return result


def _growth(check: Check, root: Path) -> dict[str, Any]:
    why = " ".join(broken.message for broken in check.broken)
    return {
        "ruleId": _GROWTH,
        "level": "error",
        "baselineState": "new",
        "message": {"text": one_line(f"{check.subject}: {check.headline} {why}".strip())},
        "locations": [_location(place_of(check, None, root) or _FALLBACK)],
        "properties": {"checks": [one_line(check.subject)]},
    }


def _location(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.path), "uriBaseId": _ROOT},
            "region": {"startLine": place.line},
        }
    }


def _invocation(report: GateReport) -> dict[str, Any]:
    """Whether everything could be measured; what could not is told as a notification of the tool."""
    missed = [check for check in report.checks if check.outcome == Outcome.UNMEASURED]
    told = [("error", f"{check.subject}: {check.headline}") for check in missed]
    told += [("warning", text) for text in report.warnings]
    return {
        "executionSuccessful": report.outcome != Outcome.UNMEASURED and not missed,
        "exitCode": report.exit_code,
        "toolExecutionNotifications": [{"level": level, "message": {"text": one_line(text)}} for level, text in told],
    }
