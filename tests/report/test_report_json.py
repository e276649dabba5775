"""The JSON report obeys its contract."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from report_schema import validate

from leakkit.model import Evidence
from leakkit.report import render
from leakkit.report.as_json import schema
from report.samples import ALL, HOSTILE, frame_finding, hostile_report, leak_report


@pytest.mark.parametrize("sample", ALL)
def test_every_sample_obeys_the_contract(sample) -> None:
    """Validates against the schema that is shipped with the package; the ledger adds up."""
    fields = validate(sample())
    assert fields["schema"] == "leakkit-report/1"


def test_schema_is_a_valid_schema() -> None:
    """The shipped file is JSON schema 2020-12."""
    jsonschema.Draft202012Validator.check_schema(schema())


def test_validation_can_fail() -> None:
    """The helper notices a ledger that does not add up."""
    report = leak_report()
    with pytest.raises(AssertionError, match="add up"):
        validate(replace(report, ledger=replace(report.ledger, rss_bytes=1)))


def test_values_survive() -> None:
    """What a consumer reads is what the diagnosis said, hostile names included."""
    fields = json.loads(render(hostile_report(), "json"))
    finding = fields["findings"][0]
    assert finding["title"] == HOSTILE
    assert finding["holder"] == {"kind": "module-global", "name": HOSTILE, "file": HOSTILE, "line": 3, "bound": 10}
    assert finding["path"][1] == {"type": HOSTILE, "edge": HOSTILE, "count": 3, "suspect": True}
    assert fields["dominators"]["children"][0]["bytes"] == 6


def test_output_is_ascii_without_control_characters() -> None:
    """Printing the JSON on a terminal is harmless."""
    text = render(hostile_report(), "json")
    assert text.isascii()
    assert "\x1b" not in text


def test_numbers_that_json_cannot_say_become_null() -> None:
    """No NaN or Infinity literal, which other parsers refuse."""
    finding = replace(frame_finding(), growth_bytes_per_second=float("nan"), evidence=(Evidence("r", "leak", "why", {"ratio": float("inf")}),))
    fields = validate(replace(leak_report(), findings=(finding,)))
    assert fields["findings"][0]["growth_bytes_per_second"] is None
    assert fields["findings"][0]["evidence"][0]["numbers"] == {"ratio": None}
