"""Every output of the gate: held against the published schemas, and against names that mean harm."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import xmlschema
from gate.gate_samples import finding, hostile, leaking, passing, report, unmeasured

from leakkit.errors import UsageError
from leakkit.gate.model import Accepted, AcceptedBy, Check, GateReport, Outcome
from leakkit.model import AllocationSite, FixId
from leakkit.recipes.catalogue import read_recipes
from leakkit.report.gate import GATE_FORMATS, GateLook, gate_format_of_file, render_gate
from leakkit.report.gate_json import gate_schema
from leakkit.report.gate_wording import Place, place_of

SCHEMAS = Path(__file__).parent / "schemas"


@pytest.fixture
def look(tmp_path: Path) -> GateLook:
    return GateLook(tmp_path, {one.fix: one.text for one in read_recipes()})


def reports(root: Path) -> list[GateReport]:
    return [report(), report(passing()), report(unmeasured()), report(hostile(root)), GateReport("0.1.0", "2026-11-25T10:00:00+00:00", ())]


def known(check: Check) -> Check:
    return replace(check, outcome=Outcome.PASS, accepted=(Accepted(check.findings[0].fingerprint, AcceptedBy.BASELINE, "in the baseline"),), notes=("known: it",))


def sarif(what: GateReport, look: GateLook) -> dict[str, object]:
    log = json.loads(render_gate(what, "sarif", look))
    jsonschema.Draft7Validator(json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text()), format_checker=jsonschema.FormatChecker()).validate(log)
    return log["runs"][0]


def test_sarif_obeys_the_published_schema(look: GateLook) -> None:
    for what in reports(look.root):
        sarif(what, look)


def test_sarif_is_what_code_scanning_reads(look: GateLook) -> None:
    """A rule for each fix with its recipe; one result a finding, with a place inside of the repository and a fingerprint."""
    run = sarif(report(), look)
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(rules) == {*(f"leakkit-{fix.value}" for fix in FixId), "leakkit-growth"}
    for fix in FixId:
        assert rules[f"leakkit-{fix.value}"]["help"]["markdown"] == look.recipes[fix.value]
    results = run["results"]
    assert [one["ruleId"] for one in results] == ["leakkit-hibernate", "leakkit-collect"]
    for one in results:
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["level"] == "error"
        place = one["locations"][0]["physicalLocation"]
        assert not place["artifactLocation"]["uri"].startswith(("/", "file:", ".."))
        assert place["region"]["startLine"] >= 1
        assert one["message"]["text"]
        assert one["partialFingerprints"]["primaryLocationLineHash"] == f"{one['properties']['fingerprint']}:1"
    assert results[0]["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "src/app.py", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 42}}
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["exitCode"] == 1


def test_known_findings_are_notes_and_suppressed_ones_are_left_out(look: GateLook) -> None:
    (one,) = sarif(report(known(leaking())), look)["results"]
    assert (one["level"], one["baselineState"]) == ("note", "unchanged")
    check = known(leaking())
    suppressed = replace(check, accepted=(replace(check.accepted[0], by=AcceptedBy.SUPPRESSION),))
    assert sarif(report(suppressed), look)["results"] == []
    assert "notice" in render_gate(report(known(leaking())), "github", look)


def test_one_finding_of_several_checks_is_told_once(look: GateLook) -> None:
    two = report(leaking(subject="tests/test_a.py::test_one"), leaking(subject="tests/test_a.py::test_two"))
    (one,) = sarif(two, look)["results"]
    assert one["properties"]["checks"] == ["tests/test_a.py::test_one", "tests/test_a.py::test_two"]
    assert len(json.loads(render_gate(two, "gitlab", look))) == 1
    assert render_gate(two, "github", look).count("::error ") == 1


def test_growth_without_a_finding_is_told(look: GateLook) -> None:
    """A failing check is in every output, also when nobody knows the holder."""
    bare = report(replace(leaking(), findings=()))
    (one,) = sarif(bare, look)["results"]
    assert (one["ruleId"], one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) == ("leakkit-growth", "tests/test_app.py")
    assert render_gate(bare, "github", look).startswith("::error file=tests/test_app.py,line=7,")
    assert json.loads(render_gate(bare, "gitlab", look))[0]["check_name"] == "leakkit-growth"
    assert ET.fromstring(render_gate(bare, "junit", look)).find(".//failure") is not None


def test_junit_obeys_the_published_schema(look: GateLook) -> None:
    schema = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
    for what in reports(look.root):
        schema.validate(ET.fromstring(render_gate(what, "junit", look)))


def test_junit_counts_and_properties(look: GateLook) -> None:
    root = ET.fromstring(render_gate(report(), "junit", look))
    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {"tests": "4", "failures": "2", "errors": "1"}
    suite = root[0]
    values = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert values["leakkit.outcome"] == "regression"
    assert values["leakkit.growth-per-call.bytes"] == "1024 1034.24 1013.76 1024"
    assert values["leakkit.finding.3f2a9c11d0b7"].startswith("new, hibernate: ")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "app.audit_log" in (failure.text or "")
    assert "round" in (failure.text or "")
    case = root[1].find("testcase")
    assert case is not None
    assert (case.get("classname"), case.get("name")) == ("tests.test_app", "test_ok[a b]")
    assert root[2].find("testcase/error") is not None


def test_json_obeys_its_schema(look: GateLook) -> None:
    schema = gate_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for what in reports(look.root):
        content = json.loads(render_gate(what, "json", look))
        jsonschema.validate(content, schema)
        assert content["exit_code"] == what.exit_code
    assert json.loads(render_gate(report(), "json", look))["checks"][0]["rounds"][0]["counts"]["bytes"] == 10_102_400


def test_gitlab_code_quality(look: GateLook) -> None:
    """What GitLab asks of each entry: description, check name, unique fingerprint, severity, place."""
    entries = json.loads(render_gate(report(), "gitlab", look))
    assert len(entries) == 3
    for entry in entries:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert entry["location"]["lines"]["begin"] >= 1
        assert not entry["location"]["path"].startswith(("/", "./"))
    assert len({entry["fingerprint"] for entry in entries}) == 3


def test_github_annotations(look: GateLook) -> None:
    lines = render_gate(report(), "github", look).splitlines()
    assert lines[0].startswith("::error file=src/app.py,line=42,title=memory leak%3A 200 suspended")
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::error", "::warning"]


def test_hostile_names_stay_data(look: GateLook, tmp_path: Path) -> None:
    """No control character, no second workflow command, no markup."""
    what = report(hostile(tmp_path))
    for name in GATE_FORMATS:
        text = render_gate(what, name, look)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text), name
        text.encode()
    lines = render_gate(what, "github", look).splitlines()
    assert all(re.fullmatch(r"::(error|warning|notice) (file=[^:,]+,line=\d+,)?title=[^:,]*::.*", line) for line in lines), lines
    assert "file=a b%2Cc%3Ad%25e.py,line=3" in lines[0]
    outside_of_code = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", render_gate(what, "markdown", look))
    assert "<script>" not in outside_of_code
    (one,) = sarif(what, look)["results"]
    assert one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b%2Cc%3Ad%25e.py"


def test_summary_says_what_failed(look: GateLook) -> None:
    text = render_gate(report(), "text", look)
    assert text.splitlines()[-1] == "leakkit gate: 2 of 4 checks failed, 1 of 4 checks could not be measured"
    assert "FAIL app.service:handle (3.2 s)" in text
    assert re.search(r"round +calls +bytes a call +objects a call", text)
    assert re.search(r"1 +100 +1.02 kB +1 ", text)
    assert "print      3f2a9c11d0b7" in text
    assert "\x1b[" not in text
    assert "\x1b[" in render_gate(report(), "text", replace(look, color=True))
    assert render_gate(report(), "text", replace(look, unicode=False)).isascii()
    assert render_gate(reports(look.root)[-1], "text", look) == "leakkit gate: nothing was measured\n"
    markdown = render_gate(report(), "markdown", look)
    assert "| ❌ FAIL" in markdown
    assert "|   round |   calls |" in markdown


def test_places(tmp_path: Path) -> None:
    """The allocation comes first, then the holder, then the subject; what is not of the repository is not taken."""
    check, inside = leaking(), finding(file=str(tmp_path / "src" / "app.py"))
    assert place_of(check, inside, tmp_path) == Place("src/app.py", 42)
    allocated = replace(inside, allocated_at=(AllocationSite(str(tmp_path / "src" / "make.py"), 3, "make", 1, "memray"),))
    assert place_of(check, allocated, tmp_path) == Place("src/make.py", 3)
    for file in ("/usr/lib/python3/json.py", str(tmp_path / ".venv" / "lib" / "x.py"), str(tmp_path / "lib" / "site-packages" / "x.py"), "<string>", "../other.py", None):
        assert place_of(check, finding(file=file), tmp_path) == Place("tests/test_app.py", 7)
    assert place_of(replace(check, file=None), finding(file=None), tmp_path) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.xml", "junit"), ("a.sarif", "sarif"), ("a.sarif.json", "sarif"), ("a.json", "json"), ("x/gl-code-quality-report.json", "gitlab"), ("S.MD", "markdown"), ("a.txt", "text"), ("a", None)],
)
def test_format_of_a_file(name: str, expected: str | None) -> None:
    assert gate_format_of_file(name) == expected


def test_unknown_format(look: GateLook) -> None:
    with pytest.raises(UsageError, match="no such format"):
        render_gate(report(), "yaml", look)
