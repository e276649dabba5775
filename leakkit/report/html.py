"""The report as one self-contained HTML page that works offline.

Nothing is fetched: style and script are inside, and a content security policy allows only these two, by hash,
so that even markup that slipped through escaping could not run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from leakkit.report.chart import ledger_chart
from leakkit.report.escape import html_prose, html_text, one_line
from leakkit.report.html_finding import finding_card
from leakkit.report.opinions import opinion_tables
from leakkit.report.units import (
    format_bytes,
    format_column,
    format_count,
    format_seconds,
    format_share,
)
from leakkit.report.wording import (
    PART_LABELS,
    VERDICT_LABELS,
    capture_text,
    collector_text,
    edge_label,
    ledger_growth,
    total_growth,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leakkit.model import Report, TreeNode
    from leakkit.report.opinions import OpinionTable

_DEEPEST = 40
_MOST_NODES = 5000


def render_html(report: Report) -> str:
    """The whole report as an HTML page."""
    style, script = _package_file("report.css"), _package_file("report.js")
    target = report.target
    who = f"pid {target.pid}" if target.pid is not None else "unknown pid"
    values = {
        "policy": f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'",
        "title": html_text(f"leakkit: {VERDICT_LABELS[report.verdict]}, {who}"),
        "style": style,
        "script": script,
        "verdict": report.verdict.value,
        "verdict_label": html_text(VERDICT_LABELS[report.verdict]),
        "target": html_text(f"{who} · Python {target.python}"),
        "command": html_text(target.command),
        "headline": html_prose(report.headline),
        "capture": html_text(capture_text(report)),
        "collector": html_text(collector_text(report) or "not known"),
        "rss": html_text(format_bytes(report.ledger.rss_bytes)),
        "chart": ledger_chart(report.ledger_history or (report.ledger,)),
        "ledger": _ledger_table(report),
        "findings": _findings(report),
        "tree_rows": _tree_rows(report.dominators),
        "tree_data": embedded_json(tree_data(report.dominators)),
        "not_leaks": _not_leaks(report),
        "snapshots": _snapshot_table(report),
        "opinions": _opinions(report),
        "disclosures": _list_section("What the snapshots did to the target", report.disclosures),
        "warnings": _list_section("Warnings", report.warnings),
        "footer": html_text(f"leakkit {report.leakkit_version} · {report.created_at}"),
    }
    # One pass: what is put in is never searched for placeholders again.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _package_file("template.html"))


def _package_file(name: str) -> str:
    return resources.files("leakkit.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def embedded_json(data: Any) -> str:
    """JSON that may stand inside a script element: ASCII only, and no ``<``, ``>`` or ``&`` at all."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def tree_data(root: TreeNode) -> list[Any]:
    """The dominator tree as nested ``[label, type, bytes, count, children]``, bounded in depth and size.

    The largest nodes are kept: level by level, until 5000 are taken.
    """
    data = _tree_entry(root)
    level = [(root, data)]
    taken = 1
    for _ in range(_DEEPEST):
        pairs = [(child, into) for node, into in level for child in node.children]
        pairs.sort(key=lambda pair: -pair[0].bytes)
        level = []
        for child, into in pairs[: _MOST_NODES - taken]:
            entry = _tree_entry(child)
            into[4].append(entry)
            level.append((child, entry))
        taken += len(level)
    return data


def _tree_entry(node: TreeNode) -> list[Any]:
    label = edge_label(node.label, root=True)
    return [one_line(label), one_line(node.type), int(node.bytes), int(node.count), []]


def _tree_rows(root: TreeNode) -> str:
    """The root's largest children as table rows: what a reader without JavaScript sees."""
    rows = []
    for child in sorted(root.children, key=lambda node: -node.bytes)[:12]:
        label = edge_label(child.label, root=True)
        cells = f"<td>{html_text(label)}</td><td><code>{html_text(child.type)}</code></td>"
        cells += f'<td class="n">{format_bytes(child.bytes)}</td>'
        cells += f'<td class="n">{format_share(child.bytes, root.bytes)}</td>'
        rows.append(f'<tr>{cells}<td class="n">{format_count(child.count)}</td></tr>')
    return "".join(rows)


def _ledger_table(report: Report) -> str:
    ledger = report.ledger
    sizes, total = format_column([part.bytes for part in ledger.parts], ledger.rss_bytes)
    rows = []
    for part, size in zip(ledger.parts, sizes, strict=True):
        name = f'<i class="swatch {part.id.value}"></i>{html_text(PART_LABELS[part.id])}'
        noted = ' class="noted"' if part.note else ""
        rows.append(
            f'<tr{noted}><th scope="row">{name}</th><td class="n">{size}</td>'
            f'<td class="n">{format_share(part.bytes, ledger.rss_bytes)}</td>'
            f'<td class="n">{ledger_growth(part, ledger)}</td></tr>'
        )
        if part.note:
            rows.append(f'<tr class="note"><td colspan="4">{html_prose(part.note)}</td></tr>')
    rows.append(
        f'<tr class="total"><th scope="row">resident (RSS)</th><td class="n">{total}</td>'
        f'<td class="n">100 %</td><td class="n">{total_growth(ledger)}</td></tr>'
    )
    return "".join(rows)


def _findings(report: Report) -> str:
    if not report.findings:
        return '<p class="quiet">No finding.</p>'
    return "".join(finding_card(i, finding) for i, finding in enumerate(report.findings, 1))


def _not_leaks(report: Report) -> str:
    if not report.not_leaks:
        return ""
    items = [
        f"<li><strong>{html_text(o.title)}</strong> "
        f'<span class="size">{format_bytes(o.size_bytes)}</span><br>{html_prose(o.why)}</li>'
        for o in report.not_leaks
    ]
    return f'<section><h2>Large, and not a leak</h2><ul class="plain">{"".join(items)}</ul></section>'


def _snapshot_table(report: Report) -> str:
    rows = []
    for s in report.snapshots:
        numbers = [
            format_bytes(s.rss_bytes),
            format_count(s.objects),
            format_bytes(s.heap_bytes),
            format_bytes(s.garbage_bytes),
            format_seconds(s.pause_seconds),
            format_seconds(s.capture_seconds),
        ]
        cells = "".join(f'<td class="n">{html_text(number)}</td>' for number in numbers)
        file = f"<code>{html_text(s.file)}</code>" if s.file else ""
        rows.append(f'<tr><th scope="row">{html_text(s.taken_at)}</th>{cells}<td>{file}</td></tr>')
    return "".join(rows)


def _opinions(report: Report) -> str:
    found = report.second_opinions
    if found is None:
        return ""
    tables = "".join(_opinion_table(table) for table in opinion_tables(found))
    notes = "".join(f"<li>{html_prose(note)}</li>" for note in found.notes)
    return f'<section><h2>Second opinions</h2>{tables}<ul class="plain">{notes}</ul></section>'


def _opinion_table(table: OpinionTable) -> str:
    head = "".join(f"<th>{html_text(name)}</th>" for name in table.headers)
    rows = []
    for name, *numbers in table.rows:
        cells = "".join(f'<td class="n">{html_text(number)}</td>' for number in numbers)
        rows.append(f'<tr><th scope="row"><code>{html_text(name)}</code></th>{cells}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _list_section(title: str, texts: Iterable[str]) -> str:
    items = "".join(f"<li>{html_prose(text)}</li>" for text in texts)
    return f'<section><h2>{title}</h2><ul class="plain">{items}</ul></section>' if items else ""
