"""The report for tickets and pull-request comments (GitHub-flavoured markdown)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tabulate

from leakkit.report._style import Style
from leakkit.report.escape import lines_of, markdown, markdown_block, markdown_code, markdown_prose
from leakkit.report.opinions import opinion_tables
from leakkit.report.path_drawing import draw_path
from leakkit.report.units import format_bytes, format_column, format_count, format_share
from leakkit.report.wording import (
    PART_LABELS,
    VERDICT_LABELS,
    alternative_kind,
    alternative_label,
    c_stack_text,
    capture_text,
    change_lines,
    change_title,
    collector_text,
    fix_facts,
    holder_text,
    ledger_growth,
    ranked_alternatives,
    size_text,
    split_evidence,
    total_growth,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leakkit.model import Finding, Report

_MOST_TYPES = 8


def render_markdown(report: Report) -> str:
    """The whole report as markdown; nothing that the target named can become markup, HTML or a mention."""
    sections = [_head(report), _ledger(report)]
    sections += [finding_lines(i, finding) for i, finding in enumerate(report.findings, 1)]
    sections += [
        _not_leaks(report),
        _opinions(report),
        _bullets("What the snapshots did to the target", report.disclosures),
        _bullets("Warnings", report.warnings),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _head(report: Report) -> list[str]:
    target = report.target
    who = f"pid {target.pid}" if target.pid is not None else "unknown pid"
    process = f"{who}, Python {markdown(target.python)}, {markdown_code(target.command)}"
    facts = [process, capture_text(report)]
    if collector := collector_text(report):
        facts.append(f"collector: {markdown(collector)}")
    return [
        f"## leakkit: {VERDICT_LABELS[report.verdict]}",
        "",
        markdown_prose(report.headline),
        "",
        *(f"- {fact}" for fact in facts),
    ]


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str], align: Sequence[str]) -> list[str]:
    text = tabulate.tabulate(
        [list(row) for row in rows],
        headers=list(headers),
        tablefmt="pipe",
        disable_numparse=True,
        colalign=list(align),
    )
    return text.splitlines()


def _ledger(report: Report) -> list[str]:
    ledger = report.ledger
    parts = [part for part in ledger.parts if part.bytes or part.growth_bytes_per_second]
    sizes, total = format_column([part.bytes for part in parts], ledger.rss_bytes)
    rows = [
        [
            PART_LABELS[part.id],
            size,
            format_share(part.bytes, ledger.rss_bytes),
            ledger_growth(part, ledger),
            markdown(part.note),
        ]
        for part, size in zip(parts, sizes, strict=True)
    ]
    rows.append(["**resident (RSS)**", f"**{total}**", "100 %", total_growth(ledger), ""])
    headers = ["where the memory is", "size", "share", "growth", "note"]
    kept = [i for i in range(5) if i < 3 or any(row[i] for row in rows)]
    align = ["left", "right", "right", "right", "left"]
    cells = [[row[i] for i in kept] for row in rows]
    return _table(cells, [headers[i] for i in kept], [align[i] for i in kept])


def finding_lines(number: int, finding: Finding) -> list[str]:
    """One finding: title, facts, types, path, evidence and fix."""
    kind = f"**{finding.retention.value}**, {finding.holder.kind.value}"
    lines = [f"### {number}. {markdown(finding.title)}", ""]
    lines += [f"{kind}, confidence {finding.confidence * 100:.0f} %", ""]
    lines += [f"- retains: {size_text(finding)}", f"- held by: {markdown(holder_text(finding.holder))}"]
    if finding.owner:
        lines.append(f"- owner: {markdown(finding.owner)}")
    for site in finding.allocated_at[:3]:
        where = markdown_code(f"{site.file}:{site.line}")
        fate = f" ({markdown(site.fate)})" if site.fate else ""
        lines.append(f"- made at: {where} in {markdown(site.function)}, {format_bytes(site.bytes)}{fate}")
    if stack := c_stack_text(finding):
        lines.append(f"- C stack: {markdown(stack)}")
    if finding.types:
        shown = finding.types[:_MOST_TYPES]
        rows = [[markdown_code(t.name, in_table=True), format_count(t.count), format_bytes(t.bytes)] for t in shown]
        lines += ["", *_table(rows, ["type", "objects", "size"], ["left", "right", "right"])]
        if len(finding.types) > len(shown):
            lines += ["", f"and {len(finding.types) - len(shown)} more types"]
    if drawing := draw_path(finding, Style(color=False, width=100)):
        lines += ["", *markdown_block(drawing)]
    for_it, against = split_evidence(finding)
    for label, side in (("For:", for_it), ("Against:", against)):
        if side:
            lines += ["", label, "", *(f"- {markdown_prose(evidence.reason)}" for evidence in side)]
    return [*lines, "", *_fix(finding)]


def _fix(finding: Finding) -> list[str]:
    fix = finding.fix
    lines = [f"**Fix: {fix.id.value}**, {markdown(fix.title)}", ""]
    for label, text in fix_facts(fix):
        if text:
            lines.append(f"- {label}: " + "  \n  ".join(markdown_prose(line) for line in lines_of(text)))
        if label == "how" and fix.snippet is not None:
            code = [f"{sign}{lines_of(line)[0]}".rstrip() for sign, line in change_lines(fix.snippet)]
            lines.append(f"- change: {markdown_prose(change_title(fix.snippet))}")
            lines += ["", *markdown_block(code, "diff"), ""]
    lines += [
        f"- {alternative_kind(a)}, {alternative_label(a)}: {markdown_prose(a.why)}"
        for a in ranked_alternatives(finding)
    ]
    return lines


def _not_leaks(report: Report) -> list[str]:
    texts = [f"- {markdown(o.title)} ({format_bytes(o.size_bytes)}): {markdown(o.why)}" for o in report.not_leaks]
    return ["### Large, and not a leak", "", *texts] if texts else []


def _opinions(report: Report) -> list[str]:
    found = report.second_opinions
    if found is None:
        return []
    lines = ["### Second opinions", ""]
    for table in opinion_tables(found):
        rows = [[markdown(cell) for cell in row] for row in table.rows]
        align = ["left", *["right"] * (len(table.headers) - 1)]
        lines += [*_table(rows, table.headers, align), ""]
    return [*lines, *(f"- {markdown_prose(note)}" for note in found.notes)]


def _bullets(title: str, texts: Iterable[str]) -> list[str]:
    lines = [f"- {markdown_prose(text)}" for text in texts]
    return [f"### {title}", "", *lines] if lines else []
