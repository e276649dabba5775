"""The picture of a finding is one well-formed graph, whatever the target's names are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import samples

from leakkit.model import Finding, Report
from leakkit.report.html import render_html
from leakkit.report.picture import finding_dot

QUOTED = r'"(?:[^"\\\n]|\\.)*"'
STATEMENT = re.compile(
    rf"^  (?:\w+(?: -> \w+)?(?: \[(?:\w+=(?:{QUOTED}|\w+)(?:, )?)+\])?|label={QUOTED});$"
)


def reports() -> list[Report]:
    """The sample reports, hostile names among them."""
    return [value() for value in vars(samples).values() if callable(value) and getattr(value, "__annotations__", {}).get("return") in ("Report", Report) and value.__code__.co_argcount == 0]


def findings() -> list[Finding]:
    """Every finding of the sample reports."""
    return [finding for report in reports() for finding in report.findings]


def test_every_line_is_a_statement() -> None:
    """No name of the target ends a string or a line."""
    assert len(findings()) >= 3
    for finding in findings():
        lines = finding_dot(finding).splitlines()
        assert lines[0] == "digraph finding {"
        assert lines[-1] == "}"
        for line in lines[1:-1]:
            assert STATEMENT.match(line), line


def test_it_shows_path_types_and_sites() -> None:
    """The suspect reference is red, the place of the allocation is there."""
    finding = next(f for f in findings() if f.allocated_at and any(step.suspect for step in f.path))
    text = finding_dot(finding)
    assert text.count(" -> ") >= len(finding.path) + 1
    assert "color=red" in text
    assert f"server.py:{finding.allocated_at[0].line}, " in text
    assert "retained ->" in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="no Graphviz here")
def test_the_page_embeds_it() -> None:
    """One picture a finding, well-formed, without an id that comes twice and without a script."""
    for report in reports():
        pictures = re.findall(r'<details class="picture">.*?</details>', render_html(report), re.DOTALL)
        assert len(pictures) == len(report.findings)
        for picture in pictures:
            svg = ElementTree.fromstring(picture[picture.index("<svg") : picture.index("</details>")])
            assert not [one for one in svg.iter() if one.tag.endswith("script") or "id" in one.attrib]


def test_a_page_without_graphviz_has_no_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where dot is not installed, or fails, the rest of the page is the same."""
    report = next(one for one in reports() if one.findings)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert '<details class="picture">' not in render_html(report)
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    program.chmod(0o755)
    assert '<details class="picture">' not in render_html(report)


@pytest.mark.skipif(shutil.which("dot") is None, reason="no Graphviz here")
def test_graphviz_draws_it() -> None:
    """Every picture is drawn."""
    for finding in findings():
        done = subprocess.run(["dot", "-Tsvg"], input=finding_dot(finding), capture_output=True, text=True, check=True)
        assert "<svg" in done.stdout
