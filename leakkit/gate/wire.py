"""Checks as JSON between the processes of a gate: the measured one, its observer, and the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cattrs

from leakkit.gate.model import Check
from leakkit.model import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence


def findings_to(findings: Sequence[Finding]) -> list[Any]:
    """Findings as what JSON can say."""
    return [cattrs.unstructure(finding) for finding in findings]


def findings_from(rows: Sequence[Any]) -> tuple[Finding, ...]:
    """Findings from what :func:`findings_to` made."""
    return tuple(cattrs.structure(row, Finding) for row in rows)


def dump(check: Check) -> str:
    """A check as one line of JSON."""
    fields = cattrs.unstructure(check)
    return json.dumps({**fields, "snapshots": [str(path) for path in check.snapshots]})


def load(text: str) -> Check:
    """The check that :func:`dump` wrote."""
    return cattrs.structure(json.loads(text), Check)
