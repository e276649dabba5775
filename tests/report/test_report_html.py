"""The HTML page: self-contained, escaped, complete."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from leakkit.model import TreeNode
from leakkit.report import render
from leakkit.report.chart import ledger_chart
from leakkit.report.html import embedded_json, tree_data
from report.samples import ALL, HOSTILE, clean_report, hostile_report, leak_report, ledger, single_snapshot_report

VOID = {"meta", "br", "line", "rect", "polygon"}


class Page(HTMLParser):
    """Tags, attributes, script and text of a page; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        into = {"script": self.scripts, "style": self.styles}.get(self._open[-1] if self._open else "", self.text)
        into.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(sample: Any) -> Page:
    return Page(render(sample(), "html"))


@pytest.mark.parametrize("sample", ALL)
def test_page_is_well_formed_and_has_two_scripts(sample: Any) -> None:
    """Tags nest; the only scripts are leakkit's own and the data, whatever the names are."""
    parsed = page(sample)
    assert len(parsed.named("script")) == 2
    assert len(parsed.named("style")) == 1
    assert {tag for tag, _ in parsed.tags}.isdisjoint({"iframe", "object", "embed", "link", "img", "form", "a", "base"})


@pytest.mark.parametrize("sample", ALL)
def test_nothing_is_requested_and_no_handler_is_inline(sample: Any) -> None:
    """No attribute that loads or runs anything."""
    for _, attributes in page(sample).tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "href", "srcset", "style", "xlink:href"}]
    text = render(sample(), "html")
    assert "@import" not in text
    assert not re.search(r"url\s*\(", text)


@pytest.mark.parametrize("sample", ALL)
def test_policy_allows_exactly_the_shipped_style_and_script(sample: Any) -> None:
    """The content security policy's hashes are those of the page's own style and script."""
    parsed = page(sample)
    policy = next(a["content"] for a in parsed.named("meta") if a.get("http-equiv") == "Content-Security-Policy")

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    assert policy == f"default-src 'none'; style-src 'sha256-{digest(parsed.styles[0])}'; script-src 'sha256-{digest(parsed.scripts[-1])}'"


def test_hostile_names_stay_text() -> None:
    """A script tag in a class name is shown, not run; control characters are written out."""
    text = render(hostile_report(), "html")
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    shown = " ".join(page(hostile_report).text)
    assert "<script>alert('x')</script>" in shown
    assert "\\x1b[2J" in shown
    text.encode("utf-8")


def test_embedded_data_cannot_end_its_script() -> None:
    """No ``<``, ``&`` or line separator stands in the embedded JSON, and it reads back the same."""
    text = embedded_json([HOSTILE])
    assert not set("<>&\u2028\u2029\n") & set(text)
    assert json.loads(text) == [HOSTILE]


def test_placeholders_in_names_are_not_filled() -> None:
    """A target that names things ``{{script}}`` gets its name back."""
    report = replace(leak_report(), headline="{{script}} {{nothing}}")
    assert "{{script}} {{nothing}}" in " ".join(Page(render(report, "html")).text)


def test_everything_is_said() -> None:
    """Verdict, headline, ledger, path, evidence, fix, alternatives, disclosures and warnings are in the page."""
    report = leak_report()
    text = re.sub(r"\s+", " ", " ".join(page(leak_report).text))
    finding = report.findings[0]
    for wanted in ("leak found", report.headline, "1,041.1 MB", finding.title, finding.path[2].edge, finding.evidence[3].reason,
                   finding.fix.title, finding.fix.price, finding.alternatives[0].why, report.disclosures[0], report.warnings[0], report.not_leaks[0].why):  # fmt: skip
        assert wanted in text
    assert [a.get("class") for a in page(leak_report).named("li")].count("suspect") == 2


def test_page_without_findings() -> None:
    """A clean report says so."""
    assert "No finding." in " ".join(page(clean_report).text)


def test_chart_areas_stack_to_the_resident_size() -> None:
    """The top edge of the topmost area is the sum of all parts, to scale."""
    history = (ledger(100_000_000, 0, 0, taken_at="2026-01-01T00:00:00Z"), ledger(200_000_000, 0, 0, taken_at="2026-01-01T00:00:10Z"))
    svg = ledger_chart(history)
    tops = [points.split()[:2] for points in re.findall(r'<polygon[^>]*points="([^"]*)"', svg)]
    first, second = (float(point.split(",")[1]) for point in tops[-1])
    assert (272 - second) / (272 - first) == pytest.approx(history[1].rss_bytes / history[0].rss_bytes, rel=0.01)
    assert "after 10 s: 239 MB resident" in svg


def test_single_snapshot_is_one_bar() -> None:
    """Nothing to draw over time: the parts stand side by side and fill the width."""
    svg = ledger_chart(single_snapshot_report().ledger_history)
    widths = [float(w) for w in re.findall(r'<rect class="part[^>]*width="([\d.]+)"', svg)]
    assert len(widths) == 7
    assert sum(widths) == pytest.approx(640, abs=8)


def test_chart_without_times() -> None:
    """Ledgers without times are spaced evenly."""
    svg = ledger_chart([ledger(1_000_000 * i, 0, 0, taken_at="") for i in range(1, 4)])
    assert svg.count('class="hit"') == 3


def test_tree_is_bounded() -> None:
    """A deep chain and a broad level are cut; the largest nodes are kept."""
    deep = TreeNode("end", "t", 1, 1)
    for i in range(900):
        deep = TreeNode(f"n{i}", "t", i + 2, 1, (deep,))
    depth, data = 0, tree_data(deep)
    while data[4]:
        depth, data = depth + 1, data[4][0]
    assert depth == 40
    broad = TreeNode("root", "t", 10**9, 1, tuple(TreeNode(str(i), "t", i, 1) for i in range(9000)))
    sizes = [child[2] for child in tree_data(broad)[4]]
    assert len(sizes) == 4999
    assert min(sizes) == 9000 - 4999


@pytest.mark.real
@pytest.mark.parametrize("sample", ALL)
def test_page_draws_its_tree_in_a_browser(sample: Any, tmp_path: Path) -> None:
    """A real browser runs the script under the page's own policy, reports no error, and draws the tree."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine")
    file = tmp_path / "report.html"
    file.write_text(render(sample(), "html"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", f"--user-data-dir={tmp_path}/profile", "--enable-logging=stderr"]
    done = subprocess.run([browser, *options, "--dump-dom", file.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr
    icicle = re.search(r'<div id="icicle".*?</div>', done.stdout, re.S)
    assert icicle
    assert icicle[0].count("<button") >= 2
    assert "<script>alert" not in done.stdout
