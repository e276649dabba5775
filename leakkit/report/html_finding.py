"""One finding as an HTML card: figures, path, evidence, fix, alternatives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leakkit.report.escape import html_prose, html_text, lines_of
from leakkit.report.graphviz import DrawingError, draw
from leakkit.report.picture import finding_dot
from leakkit.report.units import format_bytes, format_count, format_growth
from leakkit.report.wording import (
    RETENTION_MEANINGS,
    alternative_kind,
    alternative_label,
    c_stack_text,
    change_lines,
    change_title,
    count_growth_text,
    count_noun,
    count_text,
    edge_label,
    fix_facts,
    holder_text,
    split_evidence,
)

if TYPE_CHECKING:
    from leakkit.model import AllocationSite, Evidence, Finding, Snippet

_MOST_TYPES = 10


def finding_card(number: int, finding: Finding) -> str:
    """The article element of a finding; everything that came from the target is escaped."""
    columns = f"<div>{_path(finding)}</div><div>{_types(finding)}</div>"
    return (
        f'<article class="finding" id="finding-{number}"><header><span class="number">{number}</span>'
        f'<div><h3>{html_text(finding.title)}</h3><p class="chips">{_chips(finding)}</p></div></header>'
        f'{_figures(finding)}<div class="columns">{columns}</div>'
        f"{_evidence(finding)}{_fix(finding)}{_alternatives(finding)}{_picture(finding)}"
        f'<p class="fingerprint">fingerprint <code>{html_text(finding.fingerprint)}</code></p></article>'
    )


def _chips(finding: Finding) -> str:
    """Class, holder, owner and confidence in one row."""
    retention, meaning = finding.retention.value, html_text(RETENTION_MEANINGS[finding.retention])
    owner = f'<span class="chip">{html_text(finding.owner)}</span>' if finding.owner else ""
    return (
        f'<span class="chip {retention}" title="{meaning}">{retention}</span>'
        f'<span class="chip">{finding.holder.kind.value}</span>{owner}'
        f'<span class="confidence">confidence {finding.confidence * 100:.0f} %'
        f'<meter min="0" max="1" value="{finding.confidence:.2f}"></meter></span>'
    )


def _figures(finding: Finding) -> str:
    growth = format_growth(finding.growth_bytes_per_second) or "not known"
    predicted = finding.fix.saving_bytes
    saving = format_bytes(predicted) if predicted is not None else "not predictable"
    figures = [
        ("retains", format_bytes(finding.size_bytes), ""),
        (count_noun(finding), format_count(finding.count) if count_text(finding) else "not counted", ""),
        ("growth", growth, count_growth_text(finding)),
        (f"saved by {finding.fix.id.value}", saving, ""),
    ]
    cells = "".join(
        f"<div><dt>{html_text(label)}</dt><dd>{html_text(value)}"
        f"{f'<small>{html_text(extra)}</small>' if extra else ''}</dd></div>"
        for label, value, extra in figures
    )
    return f'<dl class="figures">{cells}</dl>'


def _path(finding: Finding) -> str:
    """Holder, then the path: one reference a line, suspects marked."""
    holder = f'<h4>Held by</h4><p class="holder"><code>{html_text(holder_text(finding.holder))}</code></p>'
    made = "".join(
        f"<li><code>{html_text(site.file)}:{site.line}</code> {html_text(site.function)}, "
        f"{format_bytes(site.bytes)}{_fate(site)}</li>"
        for site in finding.allocated_at[:5]
    )
    if stack := c_stack_text(finding):
        made += f'<li class="quiet">C stack: <code>{html_text(stack)}</code></li>'
    made = f'<h4>Allocated at</h4><ul class="plain">{made}</ul>' if made else ""
    if not finding.path:
        shape = html_text(finding.path_text)
        return holder + (f'<p class="holder"><code>{shape}</code></p>' if shape else "") + made
    steps = []
    for i, step in enumerate(finding.path):
        mark = ' class="suspect"' if step.suspect else ""
        edge = html_text(edge_label(step.edge, root=i == 0))
        many = step.count is not None and step.count > 1
        count = f' <span class="count">× {format_count(step.count or 0)}</span>' if many else ""
        type_name = f'<span class="type">{html_text(step.type)}</span>'
        steps.append(f'<li{mark}><span class="edge">{edge}</span> {type_name}{count}</li>')
    return f'{holder}<h4>Retaining path</h4><ol class="path">{"".join(steps)}</ol>{made}'


def _fate(site: AllocationSite) -> str:
    return f'<br><span class="quiet">{html_text(site.fate)}</span>' if site.fate else ""


def _types(finding: Finding) -> str:
    if not finding.types:
        return ""
    largest = max(1, *(t.bytes for t in finding.types))
    rows = "".join(
        f'<tr><td><code>{html_text(t.name)}</code></td><td class="n">{format_count(t.count)}</td>'
        f'<td class="n">{format_bytes(t.bytes)}</td>'
        f'<td class="bar"><progress max="{largest}" value="{t.bytes}"></progress></td></tr>'
        for t in finding.types[:_MOST_TYPES]
    )
    more = len(finding.types) - _MOST_TYPES
    rest = f'<p class="quiet">and {more} more types</p>' if more > 0 else ""
    head = '<thead><tr><th>type</th><th class="n">objects</th><th class="n">size</th><th></th></tr></thead>'
    return f"<h4>What is retained</h4><table>{head}<tbody>{rows}</tbody></table>{rest}"


def _evidence(finding: Finding) -> str:
    for_it, against = split_evidence(finding)
    if not for_it and not against:
        return ""
    left = _evidence_list("Evidence for", "for", for_it)
    right = _evidence_list("Evidence against", "against", against)
    return f'<div class="columns evidence">{left}{right}</div>'


def _evidence_list(title: str, css_class: str, side: list[Evidence]) -> str:
    items = "".join(
        f'<li>{html_prose(evidence.reason)} <span class="rule">{html_text(evidence.rule)}</span></li>'
        for evidence in side
    )
    return f'<div><h4>{title}</h4><ul class="{css_class}">{items or "<li class=none>none</li>"}</ul></div>'


def _fix(finding: Finding) -> str:
    fix = finding.fix
    body = "".join(f"<dt>{label}</dt><dd>{html_prose(text)}</dd>" for label, text in fix_facts(fix) if text)
    return (
        f'<div class="fix"><h4><span class="fix-id">{fix.id.value}</span> {html_text(fix.title)}</h4>'
        f"<dl>{body}</dl>{_change(fix.snippet)}</div>"
    )


def _change(change: Snippet | None) -> str:
    """The change in the target's source as a diff."""
    if change is None:
        return ""
    tags = {"-": "del", "+": "ins", " ": "span"}
    rows = "\n".join(
        f"<{tags[sign]}>{html_text(f'{sign} {lines_of(line)[0]}')}</{tags[sign]}>"
        for sign, line in change_lines(change)
    )
    return f'<p class="quiet">{html_prose(change_title(change))}</p><pre class="change">{rows}</pre>'


def _alternatives(finding: Finding) -> str:
    if not finding.alternatives:
        return ""
    lists = []
    for kind in ("instead", "no help"):
        items = "".join(
            f"<li><strong>{html_text(alternative_label(a))}</strong>: {html_prose(a.why)}</li>"
            for a in finding.alternatives
            if alternative_kind(a) == kind
        )
        lists.append(f'<h4>{kind}</h4><ul class="plain">{items}</ul>' if items else "")
    return "".join(lists)


def _picture(finding: Finding) -> str:
    """The finding drawn, behind a click; nothing where Graphviz is not installed or fails."""
    try:
        svg = draw(finding_dot(finding), "svg").decode()
    except DrawingError:
        return ""
    # Graphviz numbers the elements of each picture from one; a page may not have an id twice.
    drawn = re.sub(r' id="[^"]*"', "", svg[svg.index("<svg") :])
    return f'<details class="picture"><summary>picture</summary>{drawn}</details>'
