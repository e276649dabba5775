"""The report for a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.model import Verdict
from leakkit.report._style import Style, to_ascii
from leakkit.report.escape import lines_of, one_line
from leakkit.report.opinions import opinion_tables
from leakkit.report.path_drawing import draw_path
from leakkit.report.tables import draw_table
from leakkit.report.units import format_bytes, format_column, format_share
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
    type_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leakkit.model import Finding, Report, Snippet
    from leakkit.report.opinions import OpinionTable

_VERDICT_COLORS = {
    Verdict.LEAK: ("bold", "red"),
    Verdict.SUSPECT: ("bold", "yellow"),
    Verdict.CLEAN: ("bold", "green"),
    Verdict.INCONCLUSIVE: ("bold", "yellow"),
}
_LABEL_WIDTH = 11
_MOST_TYPES = 4
_LEAST_NAME = 10
"""Columns of a name that stay even where the numbers are too wide."""


def render_text(report: Report, *, color: bool, width: int, unicode: bool = True) -> str:
    """The whole report as text.

    Args:
        report: what was found.
        color: whether to use ANSI colours.
        width: columns to stay within, 60 or more.
        unicode: False draws with ASCII characters only.
    """
    style = Style(color=color, width=max(width, 60))
    sections = [_header(report, style), _headline(report, style), _ledger(report, style)]
    sections += [finding_lines(i, finding, style) for i, finding in enumerate(report.findings, 1)]
    sections += [
        _not_leaks(report, style),
        _opinions(report, style),
        _bullets("What the snapshots did to the target", report.disclosures, style),
        _bullets("Warnings", report.warnings, style, "yellow"),
    ]
    text = "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"
    return text if unicode else to_ascii(text)


def _header(report: Report, style: Style) -> list[str]:
    target = report.target
    who = f"pid {target.pid}" if target.pid is not None else "unknown pid"
    verdict = VERDICT_LABELS[report.verdict]
    process = one_line(f"{verdict}: {who}, Python {target.python}, {target.command}")
    lines = style.wrap(process, rest=" " * (len(verdict) + 2))
    lines[0] = style.paint(verdict, *_VERDICT_COLORS[report.verdict]) + lines[0][len(verdict) :]
    facts = [capture_text(report)]
    if collector := collector_text(report):
        facts.append(f"collector: {collector}")
    for fact in facts:
        lines += [style.paint(line, "dim") for line in style.wrap(one_line(fact))]
    return lines


def _headline(report: Report, style: Style) -> list[str]:
    return style.wrap(one_line(report.headline)) if report.headline else []


def _ledger(report: Report, style: Style) -> list[str]:
    """Parts of resident memory, their share and growth; the printed parts add up to the printed total."""
    ledger = report.ledger
    parts = [part for part in ledger.parts if part.bytes or part.growth_bytes_per_second]
    sizes, total = format_column([part.bytes for part in parts], ledger.rss_bytes)
    growths = [ledger_growth(part, ledger) for part in parts]
    rows = [
        [PART_LABELS[part.id], size, format_share(part.bytes, ledger.rss_bytes), growth]
        for part, size, growth in zip(parts, sizes, growths, strict=True)
    ]
    rows.append(["resident (RSS)", total, "100 %", total_growth(ledger)])
    columns = 4 if any(row[3] for row in rows) else 3
    headers = ["where the memory is", "size", "share", "growth"]
    lines = draw_table([row[:columns] for row in rows], headers[:columns], align="lrrr"[:columns])
    lines[0] = style.paint(lines[0], "bold")
    for part in parts:
        if part.note:
            lines += style.wrap(one_line(f"{PART_LABELS[part.id]}: {part.note}"), first="  ", rest="    ")
    return lines


def finding_lines(number: int, finding: Finding, style: Style) -> list[str]:
    """One finding: title, facts, path, evidence and fix."""
    lead = f"{number}. "
    inner = Style(color=style.color, width=style.width - len(lead))
    title = [style.paint(line, "bold") for line in style.wrap(one_line(finding.title), first=lead)]
    body = _facts(finding, inner)
    for block in (draw_path(finding, inner), _evidence(finding, inner), _fix(finding, inner)):
        body += ["", *block] if block else []
    return title + [(" " * len(lead) + line).rstrip() for line in body]


def _labelled(label: str, text: str, style: Style, *colors: str) -> list[str]:
    """A label and its text, wrapped beside it."""
    lines = [line for part in lines_of(text) for line in style.wrap(part, first=" " * _LABEL_WIDTH)]
    lines[0] = style.paint(f"{label:<{_LABEL_WIDTH}}", "dim") + style.paint(lines[0][_LABEL_WIDTH:], *colors)
    return lines


def _facts(finding: Finding, style: Style) -> list[str]:
    kind = f"{finding.retention.value}, {finding.holder.kind.value}, confidence {finding.confidence:.0%}"
    lines = _labelled("class", kind.replace("%", " %"), style)
    lines += _labelled("retains", size_text(finding), style)
    lines += _labelled("held by", one_line(holder_text(finding.holder)), style)
    if finding.owner:
        lines += _labelled("owner", one_line(finding.owner), style)
    if finding.types:
        shown = finding.types[:_MOST_TYPES]
        more = len(finding.types) - len(shown)
        texts = [one_line(type_text(t)) for t in shown] + ([f"{more} more types"] if more else [])
        lines += _labelled("types", ", ".join(texts), style)
    for site in finding.allocated_at[:3]:
        where = f"{site.function} {site.file}:{site.line}, {format_bytes(site.bytes)}"
        lines += _labelled("made at", one_line(where), style)
        if site.fate:
            lines += _labelled("", one_line(site.fate), style)
    if stack := c_stack_text(finding):
        lines += _labelled("C stack", one_line(stack), style)
    return lines


def _evidence(finding: Finding, style: Style) -> list[str]:
    for_it, against = split_evidence(finding)
    lines: list[str] = []
    for sign, color, side in (("+ ", "green", for_it), ("− ", "yellow", against)):
        for evidence in side:
            wrapped = style.wrap(one_line(evidence.reason), first="  ")
            wrapped[0] = style.paint(sign, color) + wrapped[0][2:]
            lines += wrapped
    return lines


def _fix(finding: Finding, style: Style) -> list[str]:
    fix = finding.fix
    lines = _labelled("fix", one_line(f"{fix.id.value}: {fix.title}"), style, "bold", "green")
    for label, text in fix_facts(fix):
        if text:
            lines += _labelled(label, text, style)
        if label == "how" and fix.snippet is not None:
            lines += _change(fix.snippet, style)
    for alternative in ranked_alternatives(finding):
        lines += _labelled(
            alternative_kind(alternative),
            f"{alternative_label(alternative)}: {one_line(alternative.why)}",
            style,
        )
    return lines


def _change(change: Snippet, style: Style) -> list[str]:
    """The change as a diff: code is never wrapped, its indentation stays."""
    colors = {"-": ("red",), "+": ("green",), " ": ()}
    lines = _labelled("change", one_line(change_title(change)), style)
    for sign, line in change_lines(change):
        text = f"{sign} {lines_of(line)[0]}".rstrip()
        lines.append("  " + style.paint(text, *colors[sign]))
    return lines


def _not_leaks(report: Report, style: Style) -> list[str]:
    if not report.not_leaks:
        return []
    lines = [style.paint("Large, and not a leak", "bold")]
    for observation in report.not_leaks:
        lines += style.wrap(
            one_line(f"{observation.title} ({format_bytes(observation.size_bytes)}): {observation.why}"),
            first="- ",
        )
    return lines


def _opinions(report: Report, style: Style) -> list[str]:
    found = report.second_opinions
    if found is None:
        return []
    lines = [style.paint("Second opinions", "bold")]
    for table in opinion_tables(found):
        lines += [*_opinion_table(table, style.width), ""]
    return lines + [line for note in found.notes for line in style.wrap(one_line(note), first="- ")]


def _opinion_table(table: OpinionTable, width: int) -> list[str]:
    """The table; its names give way to its numbers, and where that is not enough the last columns go."""
    names = [one_line(name) for name, *_ in table.rows]
    longest = max(map(len, names))

    def draw(room: int, columns: int) -> list[str]:
        rows = [[table.cut(name, room), *row[1:columns]] for name, row in zip(names, table.rows, strict=True)]
        return draw_table(rows, table.headers[:columns], align=table.align[:columns])

    for columns in range(len(table.headers), 1, -1):
        lines = draw(longest, columns)
        if (over := max(map(len, lines)) - width) > 0:
            lines = draw(max(longest - over, _LEAST_NAME), columns)
        if max(map(len, lines)) <= width:
            return lines
    return []


def _bullets(title: str, texts: Iterable[str], style: Style, *colors: str) -> list[str]:
    lines = [line for text in texts for line in style.wrap(one_line(text), first="- ")]
    return [style.paint(title, "bold", *colors), *lines] if lines else []
